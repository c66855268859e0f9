import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { environmentVariables } from "../../src/config/env.ts";
import { repository } from "../docs/documents.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const folder = join(repository, "scripts/deploy");
const files = [...new Glob("**/*").scanSync({ cwd: folder, dot: true })];

interface Service {
  image?: string;
  environment?: Record<string, string | null>;
  ports?: string[];
}

function read(path: string): string {
  return readFileSync(join(folder, path), "utf8");
}

/** A message for people where a tool is absent; `CI=true` has them all. */
function tool(name: string): string | undefined {
  const path = Bun.which(name) ?? undefined;
  if (path === undefined) console.warn(`${name} is not installed: what it would check is not checked.`);
  return path;
}

function run(command: readonly string[]): { exitCode: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { stdin: "ignore" });
  return { exitCode, output: `${stdout.toString()}${stderr.toString()}` };
}

describe("scripts/deploy", () => {
  const known = new Set(environmentVariables.map(({ name }) => name));

  test.each(files)("%s names only variables that the gateway reads", (path) => {
    const named = read(path).match(/\b(?:OR|ORCH)_[A-Z][A-Z_]*\b|\b(?:AUTH_TOKEN|DATABASE_URL|REDIS_URL)\b/g) ?? [];
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  test.each(files)("%s has no default password", (path) => {
    expect(read(path)).not.toMatch(/(?:PASSWORD|TOKEN|API_KEY)\}?[ \t]*[:=][ \t]*["']?[A-Za-z0-9]/);
    expect(read(path)).not.toMatch(/\$\{\w*(?:PASSWORD|TOKEN|KEY):?-/);
  });
});

describe("compose.yaml", () => {
  const compose = Bun.YAML.parse(read("compose/compose.yaml")) as { services: Record<string, Service> };

  test("starts three replicas that differ in nothing but their address", () => {
    const gateways = Object.entries(compose.services).filter(([name]) => name.startsWith("gateway-"));
    expect(gateways).toHaveLength(3);
    const [first] = gateways;
    for (const [, gateway] of gateways) expect({ ...gateway, networks: 0 }).toEqual({ ...first?.[1], networks: 0 });
  });

  test("publishes nothing but nginx, and that to this machine alone unless told otherwise", () => {
    const published = Object.entries(compose.services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => [name, port]),
    );
    expect(published).toEqual([["nginx", "${ORCESTATOR_LISTEN:-127.0.0.1:8000}:8080"]]);
  });

  test("says which variable is missing, and env.example has each of them", () => {
    const required = [...read("compose/compose.yaml").matchAll(/\$\{(\w+):\?([^}]+)\}/g)];
    const example = read("compose/env.example");
    expect(new Set(required.map(([, name]) => name)).size).toBe(5);
    for (const [, name = "", message = ""] of required) {
      expect(message).toContain(name);
      expect(example).toMatch(new RegExp(`^${name}=$`, "m"));
    }
  });

  test("hands every replica the key that seals secrets, and a login for people where one is set", () => {
    const { environment } = compose.services["gateway-1"] ?? {};
    expect(environment?.["ORCESTATOR_SECRET_KEY"]).toStartWith("${ORCESTATOR_SECRET_KEY:?");
    expect(environment).toMatchObject({ ADMIN_USERNAME: null, ADMIN_PASSWORD: null });
  });

  test("gives nginx the addresses of the replicas, and the replicas that of nginx", () => {
    const text = read("compose/compose.yaml");
    const replicas = [...text.matchAll(/ipv4_address: ([\d.]+) \}, back/g)].map(([, address]) => address);
    const servers = [...read("compose/nginx.conf").matchAll(/^\s*server ([\d.]+):8000 /gm)].map(
      ([, address]) => address,
    );
    expect(servers).toEqual(replicas);
    const trusted = /OR_TRUSTED_PROXIES: (\S+)/.exec(text)?.[1];
    expect(text).toContain(`front: { ipv4_address: ${trusted} }`);
  });
});

describe("the systemd unit", () => {
  const systemd = tool("systemd-analyze");
  test.skipIf(systemd === undefined)("is one that systemd understands", async () => {
    using temporary = temporaryFolder();
    const unit = join(temporary.path, "orcestator.service");
    // The executable is not installed here.
    await Bun.write(unit, read("systemd/orcestator.service").replaceAll("/usr/local/bin/orcestator", "/bin/true"));
    expect(run([systemd ?? "", "verify", unit])).toEqual({ exitCode: 0, output: "" });
  });
});

describe("nginx.conf", () => {
  const nginx = tool("nginx");
  test.skipIf(nginx === undefined)("is one that nginx understands", () => {
    const { exitCode, output } = run([nginx ?? "", "-t", "-c", join(folder, "compose/nginx.conf")]);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output });
  });
});
