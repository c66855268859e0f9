// `bun run check`: everything that must hold before a change is shared, in order, until the first failure.
import { join } from "node:path";
import { projectRoot } from "./build/paths.ts";
import { belowFloor, readCoverage } from "./check/coverage.ts";
import { readTestSummary, type TestCounts } from "./check/test-summary.ts";
import { hostBuildTarget } from "./build/targets.ts";
import { buildTarget } from "./proof/build-target.ts";
import { createChecks, reportTotals } from "./proof/checks.ts";
import { smoke } from "./proof/smoke.ts";

/** Of the lines and functions in src/. What tests run in processes of their own is not counted. */
const coverageFloor = { lines: 80, functions: 80 };

/** For one test: many start processes, which takes its time on a busy machine. */
const patienceMs = 20_000;

interface Step {
  name: string;
  /** Resolves to what it counted; a step that counts nothing itself fails by throwing. */
  run: () => Promise<TestCounts | undefined>;
}

const steps: readonly Step[] = [
  { name: "format", run: () => packageScript("format:check") },
  { name: "lint", run: () => packageScript("lint") },
  { name: "types", run: () => packageScript("types") },
  { name: "dead code", run: () => packageScript("unused") },
  { name: "tests", run: test },
  { name: "build and smoke", run: buildAndSmoke },
];

async function packageScript(name: string): Promise<undefined> {
  const child = Bun.spawn([process.execPath, "run", "--silent", name], {
    cwd: projectRoot,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const code = await child.exited;
  if (code !== 0) throw new Error(`'bun run ${name}' ended with ${code}.`);
}

/** These wait for servers that start, stand still and die; meanwhile the others have the processor. */
const waitingTests = [
  "test/storage/engines",
  "test/coordination",
  "test/e2e/shared-database.test.ts",
  "test/e2e/replicas.test.ts",
  "test/e2e/workers.test.ts",
];

async function runTests(...options: string[]): Promise<TestCounts> {
  const child = Bun.spawn([process.execPath, "test", "--only-failures", `--timeout=${patienceMs}`, ...options], {
    cwd: projectRoot,
    stdio: ["ignore", "inherit", "pipe"],
  });
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  const counts = readTestSummary(Bun.stripANSI(output));
  const isGood = (await child.exited) === 0;
  return isGood ? counts : { ...counts, failed: Math.max(1, counts.failed) };
}

async function test(): Promise<TestCounts> {
  const others = waitingTests.map((path) => `--path-ignore-patterns=${path.endsWith(".ts") ? path : `${path}/**`}`);
  const [quick, waiting] = await Promise.all([
    runTests("--coverage", "--coverage-reporter=lcov", ...others),
    runTests(...waitingTests),
  ]);
  const counts = { passed: quick.passed + waiting.passed, failed: quick.failed + waiting.failed };
  if (counts.failed > 0) return counts;
  const coverage = readCoverage(await Bun.file(join(projectRoot, "coverage", "lcov.info")).text());
  const complaints = belowFloor(coverage, coverageFloor);
  for (const complaint of complaints) console.error(complaint);
  console.log(
    `Covered: ${coverage.lines.toFixed(1)} % of the lines, ${coverage.functions.toFixed(1)} % of the functions`,
  );
  return { ...counts, failed: counts.failed + complaints.length };
}

async function buildAndSmoke(): Promise<TestCounts> {
  const checks = createChecks();
  await smoke(checks, await buildTarget(hostBuildTarget().name));
  return checks;
}

async function main(): Promise<number> {
  const totals = { passed: 0, failed: 0 };
  for (const { name, run } of steps) {
    console.log(`\n== ${name}`);
    const startedAt = performance.now();
    const counts = await run().catch((error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
      return { passed: 0, failed: 1 };
    });
    totals.passed += counts?.passed ?? 0;
    totals.failed += counts?.failed ?? 0;
    const outcome = totals.failed === 0 ? "ok" : "FAILED";
    console.log(`== ${name}: ${outcome} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
    if (totals.failed > 0) break;
  }
  console.log("");
  return reportTotals(totals);
}

process.exit(await main());
