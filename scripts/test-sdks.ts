// `bun scripts/test-sdks.ts`: Python's openai and Go's go-openai against the gateway, before two upstreams. Installs
// both by itself into .cache; a language that is not on this machine is skipped with a line that says so.
import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { upstreams, startMatrixRig, type MatrixRig } from "../test/matrix/rig.ts";
import { projectRoot } from "./build/paths.ts";
import { record, type CompatibilityResult } from "./compatibility/results.ts";
import { reportTotals } from "./proof/checks.ts";

interface Sdk {
  name: string;
  /** File name of its results. */
  id: string;
  version: string;
  /** What must be on the PATH. */
  program: string;
  /** Makes the programme that is run as `… BASE_URL UPSTREAM` and prints a JSON line for each feature. */
  install(): Promise<string[]>;
}

const cache = join(projectRoot, ".cache", "sdks");
const sources = join(projectRoot, "test", "matrix");
const pythonVersion = "3.54.0";
const goVersion = "1.43.0";

async function run(command: readonly string[], cwd: string): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`'${command.join(" ")}' ended with ${code}:\n${output}${errors}`);
}

/** Go's own installer puts it where no PATH of a service looks. */
function programPath(name: string): string | null {
  const usual = "/usr/local/go/bin/go";
  return Bun.which(name) ?? (name === "go" && existsSync(usual) ? usual : null);
}

async function installPython(): Promise<string[]> {
  const folder = join(cache, `python-openai-${pythonVersion}`);
  const marker = join(folder, "installed");
  const python = join(folder, "bin", "python3");
  if (!(await Bun.file(marker).exists())) {
    await mkdir(cache, { recursive: true });
    await run(["python3", "-m", "venv", "--clear", folder], cache);
    await run(
      [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", `openai==${pythonVersion}`],
      cache,
    );
    await Bun.write(marker, "");
  }
  return [python, join(sources, "python", "client.py")];
}

async function installGo(): Promise<string[]> {
  const folder = join(cache, `go-openai-${goVersion}`);
  await cp(join(sources, "go"), folder, { recursive: true });
  await run([programPath("go") ?? "go", "build", "-o", "client", "."], folder);
  return [join(folder, "client")];
}

const sdks: readonly Sdk[] = [
  { name: "OpenAI Python", id: "python-openai", version: pythonVersion, program: "python3", install: installPython },
  { name: "go-openai (sashabaranov)", id: "go-openai", version: goVersion, program: "go", install: installGo },
];

interface Line {
  feature: string;
  result: "ok" | "failed";
  note: string;
}

async function linesOf(command: readonly string[]): Promise<Line[]> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit", timeout: 60_000 });
  const text = await new Response(child.stdout).text();
  const code = await child.exited;
  if (code !== 0) throw new Error(`'${command.join(" ")}' ended with ${code}`);
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

/** Same lane and translated lane. */
const tried = upstreams.filter(({ id }) => id === "chat" || id === "claude");

async function resultsOf(sdk: Sdk, rig: MatrixRig): Promise<CompatibilityResult[]> {
  const command = await sdk.install();
  const results: CompatibilityResult[] = [];
  for (const { id: upstream } of tried) {
    const before = rig.upstream.violations.length;
    const lines = await linesOf([...command, rig.gateway.url, upstream]);
    const violations = rig.upstream.violations
      .slice(before)
      .map((note) => ({ feature: "requests upstream", result: "failed" as const, note }));
    for (const line of [...lines, ...violations])
      results.push({ client: sdk.name, version: sdk.version, upstream, ...line });
  }
  return results;
}

async function main(): Promise<number> {
  const totals = { passed: 0, failed: 0 };
  await using rig = await startMatrixRig();
  for (const sdk of sdks) {
    if (programPath(sdk.program) === null) {
      console.log(`SKIPPED  ${sdk.name}: there is no ${sdk.program} on this machine`);
      continue;
    }
    const results = await resultsOf(sdk, rig).catch((error: unknown): CompatibilityResult[] => [
      {
        client: sdk.name,
        version: sdk.version,
        upstream: "chat",
        feature: "plain",
        result: "failed",
        note: String(error),
      },
    ]);
    for (const { upstream, feature, result, note } of results) {
      const isOk = result === "ok";
      console.log(
        `  ${isOk ? "ok   " : "FAIL "} ${sdk.name}, ${upstream}: ${feature}${isOk ? "" : `\n        ${note}`}`,
      );
      totals[isOk ? "passed" : "failed"] += 1;
    }
    await record(join(projectRoot, "dist", "compatibility"), sdk.id, results);
  }
  return reportTotals(totals);
}

process.exit(await main());
