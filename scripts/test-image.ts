// `bun run test:image`: builds the container image without a Docker engine and works with the gateway inside it.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "./build/paths.ts";
import { type Buildah, createBuildah, whatBuildahLacks } from "./proof/buildah.ts";
import { buildTarget } from "./proof/build-target.ts";
import { type Checks, prove } from "./proof/checks.ts";
import { findProcesses } from "./proof/find-processes.ts";
import { checkGateway, requestChat } from "./proof/gateway-checks.ts";
import { type LaunchedGateway, launchGateway } from "./proof/launch.ts";
import { startNameServer } from "./proof/name-server.ts";
import { startTlsUpstream, upstreamText } from "./proof/tls-upstream.ts";
import { checkTrafficLog } from "./proof/traffic-log.ts";

const image = "localhost/orcestator";
const container = "orcestator-proof";
const userId = "65532";
const nameServerAddress = "127.0.53.53";

interface Proof {
  checks: Checks;
  buildah: Buildah;
  /** Scratch folder on this machine. */
  folder: string;
}

async function proveImage(checks: Checks): Promise<void> {
  const missing = whatBuildahLacks();
  if (missing !== undefined) throw new Error(missing);
  const folder = await mkdtemp(join(tmpdir(), "orcestator-image-"));
  const buildah = createBuildah(join(folder, "storage"));
  const proof = { checks, buildah, folder };
  try {
    await buildImage(proof);
    await checkConfig(proof);
    const network = ["--add-host", "by-hosts.test:127.0.0.1", "--dns", nameServerAddress];
    await buildah.run("from", "--name", container, ...network, image);
    await checkServe(proof);
    await checkNamesAndTls(proof);
    await checkRefusal(proof);
    await buildah.run("rm", container);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function buildImage({ buildah, folder }: Proof): Promise<void> {
  const executable = await buildTarget(`linux-${process.arch}`);
  const context = join(folder, "context");
  const script = join(projectRoot, "scripts", "image-root.ts");
  const child = Bun.spawn([process.execPath, script, executable, "/", join(context, "image")], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  assert.equal(await child.exited, 0, "scripts/image-root.ts failed");
  await buildah.build(image, context);
  const [entry] = JSON.parse(await buildah.run("images", "--json", image)) as { size: string }[];
  console.log(`  image of ${entry?.size ?? "unknown size"}`);
}

async function checkConfig({ checks, buildah }: Proof): Promise<void> {
  const config = await buildah.inspect(image);
  await checks.check("the image runs as a user of its own", () => assert.equal(config.User, `${userId}:${userId}`));
  await checks.check("the image starts 'orcestator serve' and asks 'orcestator health'", () => {
    assert.deepEqual(config.Entrypoint, ["/orcestator"]);
    assert.deepEqual(config.Cmd, ["serve"]);
    assert.deepEqual(config.Healthcheck.Test, ["CMD", "/orcestator", "health"]);
  });
  await checks.check("the image has volumes for data and logs and shows port 8000", () => {
    assert.deepEqual(Object.keys(config.Volumes).sort(), ["/data", "/logs"]);
    assert.deepEqual(Object.keys(config.ExposedPorts), ["8000/tcp"]);
  });
  await checks.check("the image opens itself to nobody", () => {
    assert(!config.Env.some((variable) => variable.startsWith("OR_ANONYMOUS")));
  });
}

interface RunningContainer {
  gateway: LaunchedGateway;
  processIds: readonly number[];
}

/** Starts the image's executable with its user, environment and root file system; the network is this machine's. */
async function serve(
  { buildah, folder }: Proof,
  options: readonly string[],
  args: readonly string[],
): Promise<RunningContainer> {
  const variable = `PROOF_ID=${crypto.randomUUID()}`;
  const environment = [variable, "OR_METRICS_PORT=0", "OR_PORT=0"].flatMap((value) => ["--env", value]);
  const run = [
    "run",
    "--isolation",
    "chroot",
    ...environment,
    ...options,
    container,
    "--",
    "/orcestator",
    "serve",
    ...args,
  ];
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
  const gateway = await launchGateway({ command: buildah.command(...run), cwd: folder, env });
  return { gateway, processIds: await findProcesses({ programName: "/orcestator", variable }) };
}

async function checkServe(proof: Proof): Promise<void> {
  const { checks } = proof;
  const { gateway, processIds } = await serve(proof, [], ["--demo"]);
  const proc = join("/proc", String(processIds[0]));
  await checkGateway(checks, gateway.url);
  await checks.check("it runs without root's rights", async () => {
    assert.match(await readFile(join(proc, "status"), "utf8"), new RegExp(`^Uid:\\t${userId}\\t${userId}\\t`, "m"));
  });
  await checks.check("the health check passes", () => askHealth(proof, gateway));
  await checks.check("the traffic log is in /logs", () => checkTrafficLog(join(proc, "root", "logs", "traffic.log")));
  await checks.check("the audit database is in /data", () => readFile(join(proc, "root", "data", "orcestator.db")));
  await checks.check("SIGTERM drains and exits with 0", async () => {
    assert.equal(await gateway.stop("SIGTERM", processIds), 0, gateway.output());
  });
  await checks.check("the health check fails afterwards", () => assert.rejects(askHealth(proof, gateway)));
}

/** As the image's HEALTHCHECK does it; only the port is another one. */
async function askHealth({ buildah }: Proof, gateway: LaunchedGateway): Promise<void> {
  const port = `OR_PORT=${new URL(gateway.url).port}`;
  await buildah.run("run", "--isolation", "chroot", "--env", port, container, "--", "/orcestator", "health");
}

/** An image without its C library's name resolution, or without certificates, would serve the demo and nothing else. */
async function checkNamesAndTls(proof: Proof): Promise<void> {
  const { checks, folder } = proof;
  const mounted = join(folder, "mounted");
  await mkdir(mounted);
  const names = ["by-hosts.test", "by-dns.test"];
  const upstream = await startTlsUpstream({ names, folder: mounted });
  const nameServer = await startNameServer({ address: nameServerAddress, name: "by-dns.test", answer: "127.0.0.1" });
  try {
    await Bun.write(join(mounted, "orcestator.yaml"), configFor(names, upstream.port));
    const volume = ["--volume", `${mounted}:/mounted:ro`];
    const { gateway, processIds } = await serve(proof, volume, ["--config", "/mounted/orcestator.yaml"]);
    for (const name of names) {
      await checks.check(`an upstream over TLS, its name known ${name.slice(0, -".test".length)}`, async () => {
        assert.equal(await requestChat(gateway.url, name), upstreamText);
      });
    }
    await gateway.stop("SIGTERM", processIds);
  } finally {
    nameServer.close();
    await upstream.close();
  }
}

function configFor(names: readonly string[], port: number): string {
  const providers = names.map((name) => {
    const baseUrl = `https://${name}:${port}/v1`;
    return [
      name,
      { type: "openai-compatible", baseUrl, credentials: ["sk-proof"], ca: "/mounted/ca.pem", proxy: false },
    ];
  });
  const models = names.map((name) => [name, { targets: [{ provider: name, model: "any" }] }]);
  return Bun.YAML.stringify({ providers: Object.fromEntries(providers), models: Object.fromEntries(models) });
}

async function checkRefusal({ checks, buildah }: Proof): Promise<void> {
  await checks.check("without a key it refuses to start and says what to set", async () => {
    const command = buildah.command("run", "--isolation", "chroot", container, "--", "/orcestator", "serve");
    const child = Bun.spawn(command, { stdio: ["ignore", "ignore", "pipe"] });
    assert.match(await new Response(child.stderr).text(), /OR_API_KEY/);
    assert.equal(await child.exited, 1);
  });
}

process.exit(await prove(proveImage));
