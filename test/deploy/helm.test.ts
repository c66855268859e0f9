import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { version } from "../../src/version.ts";
import { configFolder } from "../config/folder.ts";
import { repository } from "../docs/documents.ts";

const chart = join(repository, "scripts/deploy/helm/orcestator");
const templates = [...new Glob("templates/*").scanSync({ cwd: chart })];
const helm = Bun.which("helm") ?? undefined;
if (helm === undefined) console.warn("helm is not installed: the chart's templates are checked, but not rendered.");

interface Manifest {
  kind: string;
  metadata: { name: string };
  [field: string]: unknown;
}

function render(values: object): { manifests: Manifest[]; error: string } {
  const command = [helm ?? "", "template", "gateway", chart, "--kube-version", "1.31.0", "--values", "-"];
  const { stdout, stderr } = Bun.spawnSync(command, { stdin: Buffer.from(JSON.stringify(values)) });
  const parsed = Bun.YAML.parse(stdout.toString());
  const documents = (Array.isArray(parsed) ? parsed : [parsed]) as (Manifest | null)[];
  return { manifests: documents.filter((manifest) => manifest !== null), error: stderr.toString() };
}

function of(kind: string, manifests: readonly Manifest[]): Manifest | undefined {
  return manifests.find((manifest) => manifest.kind === kind);
}

/** Whether `values.yaml` has a value at `image.tag`, also where it is a map that users fill. */
function hasValue(values: unknown, path: readonly string[]): boolean {
  let value = values;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return false;
    if (Object.keys(value).length === 0) return true;
    if (!Object.hasOwn(value, name)) return false;
    value = (value as Record<string, unknown>)[name];
  }
  return true;
}

describe("the chart", () => {
  const values: unknown = Bun.YAML.parse(readFileSync(join(chart, "values.yaml"), "utf8"));
  const schema = JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8")) as { properties: object };

  test.each(templates)("%s uses values that are there, and templates that are defined", (path) => {
    const text = readFileSync(join(chart, path), "utf8");
    const used = [...text.matchAll(/\.Values\.([\w.]+)/g)].map(([, name = ""]) => name);
    expect(used.filter((name) => !hasValue(values, name.split(".")))).toEqual([]);
    const helpers = readFileSync(join(chart, "templates/_helpers.tpl"), "utf8");
    for (const [, name = ""] of text.matchAll(/include "([^"]+)"/g)) expect(helpers).toContain(`define "${name}"`);
    const opened = text.match(/\{\{-? (?:if|with|range|define) /g)?.length ?? 0;
    expect(text.match(/\{\{-? end -?\}\}/g)?.length ?? 0).toBe(opened);
  });

  test("installs the version it comes with", () => {
    const { appVersion } = Bun.YAML.parse(readFileSync(join(chart, "Chart.yaml"), "utf8")) as { appVersion: string };
    expect(appVersion).toBe(version);
  });

  test("its schema demands the key that seals secrets wherever a database is given", () => {
    expect(schema.properties).toMatchObject({
      secret: { properties: { data: { dependencies: { DATABASE_URL: ["ORCESTATOR_SECRET_KEY"] } } } },
    });
  });

  test("its schema describes every value", () => {
    expect(Object.keys(values as object).filter((name) => !Object.hasOwn(schema.properties, name))).toEqual([]);
  });
});

const usual = { secret: { data: { OR_API_KEY: "sk-or-test" } } };

describe.skipIf(helm === undefined)("the rendered chart", () => {
  test("gives the drain the time it needs", () => {
    const { manifests, error } = render({ ...usual, drain: { delaySeconds: 7, seconds: 33 } });
    expect(error).toBe("");
    expect(of("Deployment", manifests)).toMatchObject({
      spec: { replicas: 3, template: { spec: { terminationGracePeriodSeconds: 50 } } },
    });
  });

  test("leaves the number of replicas to the autoscaler where there is one", () => {
    const { manifests } = render({ ...usual, autoscaling: { enabled: true } });
    expect(of("Deployment", manifests)?.["spec"]).not.toHaveProperty("replicas");
    expect(of("HorizontalPodAutoscaler", manifests)).toMatchObject({ spec: { minReplicas: 3, maxReplicas: 10 } });
  });

  test("runs as nobody in particular, on a file system that nobody writes", () => {
    const { manifests } = render(usual);
    expect(of("Deployment", manifests)).toMatchObject({
      spec: {
        template: {
          spec: {
            securityContext: { runAsNonRoot: true },
            automountServiceAccountToken: false,
            containers: [{ securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false } }],
          },
        },
      },
    });
  });

  test("brings everything that can be switched on", () => {
    const { manifests, error } = render({
      ...usual,
      ingress: { enabled: true, hosts: ["gateway.example"], trustedProxies: ["10.1.0.0/16", "10.2.0.0/16"] },
      autoscaling: { enabled: true },
      serviceMonitor: { enabled: true, labels: { release: "prometheus" } },
    });
    expect(error).toBe("");
    const kinds = manifests.map(({ kind }) => kind).toSorted();
    expect(kinds).toEqual(
      ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "PodDisruptionBudget"].concat([
        "Secret",
        "Service",
        "Service",
        "ServiceMonitor",
      ]),
    );
    expect(JSON.stringify(of("Deployment", manifests))).toContain('"value":"10.1.0.0/16,10.2.0.0/16"');
  });

  test("hands over a configuration that the gateway takes", () => {
    const config = { limits: { total: { rpm: 100 } }, providers: { groq: { type: "groq", credentials: ["${GROQ}"] } } };
    const { manifests } = render({ ...usual, config });
    const data = of("ConfigMap", manifests)?.["data"] as { "orcestator.yaml": string };
    using folder = configFolder({ "orcestator.yaml": data["orcestator.yaml"] });
    expect(folder.load({ env: { GROQ: "a-key-of-groq" } }).config.limits.total.rpm).toBe(100);
  });

  test("refuses values it does not know, and an ingress without a host", () => {
    expect(render({ replicas: 2 }).error).toContain("replicas");
    expect(render({ ingress: { enabled: true } }).error).toContain("hosts");
    expect(render({ secret: { data: { DATABASE_URL: "postgres://db/x" } } }).error).toContain("ORCESTATOR_SECRET_KEY");
  });
});
