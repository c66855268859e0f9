// `bun run test:wine`: the Windows executable at work under Wine, talked to from outside.
import { Database } from "bun:sqlite";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { buildTarget } from "./proof/build-target.ts";
import { type Checks, prove } from "./proof/checks.ts";
import { checkGateway, requestChat, requestStreamedChat } from "./proof/gateway-checks.ts";
import { type LaunchedGateway, launchGateway } from "./proof/launch.ts";
import { checkTrafficLog } from "./proof/traffic-log.ts";
import { compileDescriber, compileMissingDll, createWine, whatWineLacks, type Wine } from "./proof/wine.ts";

const program = "orcestator.exe";
const databasePath = String.raw`C:\Orcestator data\audit.db`;
const trafficLogPath = String.raw`logs\traffic.log`;

interface Installation {
  wine: Wine;
  /** Working directory, with the executable in it. */
  folder: string;
  env: Record<string, string>;
}

async function proveUnderWine(checks: Checks): Promise<void> {
  const missing = whatWineLacks();
  if (missing !== undefined) throw new Error(missing);
  const executable = await buildTarget("windows-x64");
  const folder = await mkdtemp(join(tmpdir(), "orcestator wine "));
  const wine = createWine(join(folder, "prefix"));
  try {
    await copyFile(executable, join(folder, program));
    await compileMissingDll(folder);
    const env = { ...wine.env, OR_METRICS_PORT: "0", OR_DB_PATH: databasePath, OR_LOG_FILE: trafficLogPath };
    await checkExecutable(checks, { wine, folder, env });
  } finally {
    await wine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkExecutable(checks: Checks, installation: Installation): Promise<void> {
  const { wine, folder } = installation;
  await checks.check("version names version and system", async () => {
    const text = await run(installation, "version");
    assert.match(text, new RegExp(`^orcestator ${RegExp.escape(packageJson.version)}\\b.*windows|win32`));
  });
  await checks.check("Windows shows our name and version, not Bun's", async () => {
    const describer = await compileDescriber(folder);
    const text = await runWindowsProgram(installation, describer, program);
    const { version } = packageJson;
    const lines = [version, "FileDescription: Orcestator", "CompanyName: Orcestator", `ProductVersion: ${version}`];
    assert.deepEqual(text.trim().split(/\r?\n/), lines);
  });
  await checkServe(checks, installation);
  await checks.check(String.raw`the traffic log stands in logs\traffic.log`, () => {
    return checkTrafficLog(join(folder, "logs", "traffic.log"));
  });
  await checks.check(`${databasePath} is sound and holds both chats`, () => checkDatabase(wine.hostPath(databasePath)));
  await checkCyrillicPath(checks, installation);
  await checks.check("tail-logs --no-follow shows the chats", async () => {
    assert.match(await run(installation, "tail-logs", "--no-follow"), /Hello/);
  });
  await checks.check("stats counts them", async () => {
    const text = await run(installation, "stats", "--since", "all");
    assert.match(text, /total\s+\d+/);
  });
}

async function checkServe(checks: Checks, { wine, folder, env }: Installation): Promise<void> {
  const command = wine.command(program, "serve", "--demo", "--port", "0");
  const gateway = await launchGateway({ command, cwd: folder, env, timeoutMs: 60_000 });
  console.log(`        serves ${Math.round(gateway.startupMs)} ms after the start`);
  await checkGateway(checks, gateway.url);
  await checks.check("Ctrl+C drains and exits with 0", async () => {
    assert.equal(await pressCtrlC(wine, gateway), 0, gateway.output());
  });
}

async function checkCyrillicPath(checks: Checks, { wine, folder, env }: Installation): Promise<void> {
  // Not String.raw: Bun 1.4 turns its non-ASCII letters into \u escapes.
  const path = "C:\\Журналы\\traffic.log";
  const command = wine.command(program, "serve", "--demo", "--port", "0");
  const gateway = await launchGateway({ command, cwd: folder, env: { ...env, OR_LOG_FILE: path, OR_DB_PATH: "" } });
  await requestChat(gateway.url);
  await requestStreamedChat(gateway.url);
  await pressCtrlC(wine, gateway);
  await checks.check(`a traffic log in ${path}`, () => checkTrafficLog(wine.hostPath(path)));
}

/** A console tells all its processes; Wine turns the signal into that event for one of them. */
async function pressCtrlC(wine: Wine, gateway: LaunchedGateway): Promise<number> {
  return gateway.stop("SIGINT", await wine.processes(program));
}

function checkDatabase(path: string): void {
  assert(existsSync(path), `${path} is missing`);
  const database = new Database(path, { readonly: true });
  try {
    assert.deepEqual(database.query("PRAGMA integrity_check").get(), { integrity_check: "ok" });
    const { chats } = database.query("SELECT count(*) AS chats FROM requests WHERE status = 200").get() as {
      chats: number;
    };
    assert.equal(chats, 2);
  } finally {
    database.close();
  }
}

/** What one of our subcommands printed. */
function run(installation: Installation, ...args: string[]): Promise<string> {
  return runWindowsProgram(installation, program, ...args);
}

/** Runs to the end; what was printed. Throws when the exit code is not 0. */
async function runWindowsProgram({ wine, folder, env }: Installation, ...words: string[]): Promise<string> {
  const child = Bun.spawn(wine.command(...words), {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  assert.equal(await child.exited, 0, out + err);
  return out;
}

process.exit(await prove(proveUnderWine));
