import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTestSummary } from "../../scripts/check/test-summary.ts";

/** What `bun test` writes about one test file. */
async function runTests(source: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "orcestator-summary-"));
  try {
    await Bun.write(join(folder, "a.test.ts"), `import { expect, test } from "bun:test";\n${source}`);
    const env = { ...process.env, NO_COLOR: "1" };
    const child = Bun.spawn([process.execPath, "test"], { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
    const output = await new Response(child.stderr).text();
    await child.exited;
    return output;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("the summary of bun test", () => {
  test("gives the counts of passed and failed tests", async () => {
    const output = await runTests(`
      test("a", () => console.error(" 99 pass"));
      test("b", () => expect(1).toBe(1));
      test("c", () => expect(1).toBe(2));
    `);
    expect(readTestSummary(output)).toEqual({ passed: 2, failed: 1 });
  });

  test("counts an error outside of a test as a failure", async () => {
    const output = await runTests('test("a", () => undefined);\nthrow new Error("outside");');
    expect(readTestSummary(output).failed).toBeGreaterThan(0);
  });

  test("is nothing when there was no run", () => {
    expect(readTestSummary("error: cannot find bun")).toEqual({ passed: 0, failed: 0 });
  });
});
