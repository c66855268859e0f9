import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import type { Checks } from "./checks.ts";
import { checkGateway } from "./gateway-checks.ts";
import { launchGateway } from "./launch.ts";
import { checkTrafficLog } from "./traffic-log.ts";

interface Sandbox {
  executable: string;
  folder: string;
  env: Record<string, string>;
}

/** Uses a built executable as its owner would, in an empty folder with an empty home. */
export async function smoke(checks: Checks, executable: string): Promise<void> {
  const sandbox = await createSandbox(resolve(executable));
  try {
    await checkCommands(checks, sandbox);
    await checkServe(checks, sandbox);
    await checks.check("a bunfig.toml in the working directory runs no code", () => {
      assert(!existsSync(join(sandbox.folder, "preloaded")));
    });
  } finally {
    await rm(sandbox.folder, { recursive: true, force: true });
  }
}

async function createSandbox(executable: string): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), "orcestator smoke "));
  const home = join(folder, "home");
  await mkdir(home);
  await Bun.write(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  await Bun.write(join(folder, "preload.ts"), 'require("node:fs").writeFileSync("preloaded", "");\n');
  const env = { HOME: home, USERPROFILE: home, OR_METRICS_PORT: "0", OR_DB_PATH: join("data", "audit.db") };
  return { executable, folder, env: { ...systemEnvironment(), ...env } };
}

/** Windows programs do not start without these. */
function systemEnvironment(): Record<string, string> {
  const names = ["SystemRoot", "TEMP", "TMP", "PATH"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

async function run({ executable, folder, env }: Sandbox, ...args: string[]): Promise<{ code: number; text: string }> {
  const child = Bun.spawn([executable, ...args], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, text: out + err };
}

async function checkCommands(checks: Checks, sandbox: Sandbox): Promise<void> {
  await checks.check("version names the version", async () => {
    const { code, text } = await run(sandbox, "version");
    assert.equal(code, 0, text);
    assert.match(text, new RegExp(`^orcestator ${RegExp.escape(packageJson.version)}\\b`));
  });
  await checks.check("config check accepts a key", async () => {
    const withKey = { ...sandbox, env: { ...sandbox.env, OR_API_KEY: "sk-or-example" } };
    const { code, text } = await run(withKey, "config", "check");
    assert.equal(code, 0, text);
  });
  await checks.check("serve without a key refuses and says what to set", async () => {
    const { code, text } = await run(sandbox, "serve", "--port", "0");
    assert.equal(code, 1, text);
    assert.match(text, /OR_API_KEY/);
  });
}

async function checkServe(checks: Checks, sandbox: Sandbox): Promise<void> {
  const command = [sandbox.executable, "serve", "--demo", "--host", "127.0.0.1", "--port", "0"];
  const startedAt = performance.now();
  const gateway = await launchGateway({ command, cwd: sandbox.folder, env: sandbox.env });
  await checks.check("serve --demo answers", async () => {
    const response = await fetch(`${gateway.url}/health/live`);
    assert.equal(response.status, 200);
    console.log(`        start to first 200: ${Math.round(performance.now() - startedAt)} ms`);
  });
  await checkGateway(checks, gateway.url);
  // Windows ends a signalled process without asking it; the drain there is for Ctrl+C.
  const isWindows = process.platform === "win32";
  await checks.check(isWindows ? "it stops" : "SIGTERM drains and exits with 0", async () => {
    const code = await gateway.stop("SIGTERM");
    if (!isWindows) assert.equal(code, 0, gateway.output());
  });
  await checks.check("the traffic log holds the chats", () =>
    checkTrafficLog(join(sandbox.folder, "logs", "traffic.log")),
  );
  for (const args of [
    ["tail-logs", "--no-follow"],
    ["stats", "--since", "all"],
  ]) {
    await checks.check(`${args.join(" ")} shows them`, async () => {
      const { code, text } = await run(sandbox, ...args);
      assert.equal(code, 0, text);
      assert.match(text, /orcestator|dummy/);
    });
  }
}
