import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPalette } from "../../src/cli/output.ts";
import { formatPrices, tableNote } from "../../src/cli/prices-format.ts";
import type { PriceReport, PriceRow } from "../../src/prices/price-report.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { makeRecord } from "../support/make-record.ts";
import { somePrice } from "../support/some-price.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type CliResult, runCli } from "./run-cli.ts";

const configuration = `
providers:
  claude: {type: anthropic, credentials: [k]}
  local: {type: ollama}
models:
  smart: {targets: [{provider: claude, model: claude-sonnet-4-5-20250929}]}
  small: {targets: [{provider: local, model: llama3}]}
`;

function rowsOf(stdout: string): string[][] {
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line) => line.trim().split(/ {2,}/));
}

/** Runs `prices` in a folder with a configuration. */
async function prices(args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> {
  using temporary = temporaryFolder();
  writeFileSync(join(temporary.path, "orcestator.yaml"), `${configuration}server: {port: 1}\n`);
  return await runCli(["prices", ...args], { cwd: temporary.path, env });
}

describe("prices", () => {
  test("are listed without a gateway, with tiers, source and age", async () => {
    const { stdout, stderr, exitCode } = await prices([]);
    expect(rowsOf(stdout)).toEqual([
      ["MODEL", "UPSTREAM", "IN/1M", "OUT/1M", "CACHE READ", "CACHE WRITE", "SOURCE"],
      ["smart", "claude / claude-sonnet-4-5-20250929", "$3", "$15", "$0.3", "$3.75", "table, 2026-09-23"],
      ["prompts over 200,000 tokens", "$6", "$22.5", "$0.6", "$7.5"],
      ["small", "local / llama3", "-", "-", "-", "-", "not known"],
    ]);
    expect(stderr).toContain("No admin token is set to ask a running gateway");
    expect(stderr).toMatch(/Price table: in the executable, of 2026-09-23 \(\d+ days? old\)/);
    expect(exitCode).toBe(0);
  });

  test("are narrowed to names with a text, as JSON too", async () => {
    const { stdout } = await prices(["LLAMA", "--json"], { AUTH_TOKEN: "admin-token-1" });
    expect(JSON.parse(stdout)).toEqual({
      prices: [{ model: "small", provider: "local", upstreamModel: "llama3", price: null }],
      table: { source: "bundled", asOf: "2026-09-23", refresh: null },
    });
  });

  test("are asked of a running gateway, by its admin", async () => {
    const report: PriceReport = {
      prices: [
        { model: "far", provider: "or", upstreamModel: "m", price: { ...somePrice, source: "list", tiers: [] } },
      ],
      table: { source: "https://x.test/data.json", asOf: "2026-11-19", refresh: { url: "https://x.test/data.json" } },
    };
    const asked: unknown[] = [];
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        asked.push([new URL(request.url).pathname, request.headers.get("authorization")]);
        return Response.json(report);
      },
    });
    const url = `http://127.0.0.1:${server.port}`;
    const { stdout, stderr } = await prices(["--url", url, "--token", "admin-token-1"]);
    expect(asked).toEqual([["/api/prices", "Bearer admin-token-1"]]);
    expect(stdout).toContain("list, 2026-09-23");
    expect(stderr).toContain("Price table: from https://x.test/data.json, of 2026-11-19");
    const refused = await prices(["--url", url]);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("the accessToken of a login (POST /api/auth/login");
  });

  test("of a fee for each request have their column", () => {
    const price = { ...somePrice, request: 0.012, tiers: [] };
    const row: PriceRow = { model: "s", provider: "p", upstreamModel: "sonar", price };
    const plain: PriceRow = { ...row, price: { ...price, request: undefined, input: 0 } };
    const text = formatPrices([row, plain], { width: Infinity, colors: createPalette(false) });
    expect(rowsOf(text).map((cells) => [cells[2], cells[6]])).toEqual([
      ["IN/1M", "REQUEST"],
      ["$3", "$0.012"],
      ["free", "-"],
    ]);
  });

  test("say when the last fetch of their table failed", () => {
    const refresh = { url: "https://x.test", problem: "answered 410" };
    const note = tableNote(
      { prices: [], table: { source: "https://x.test", asOf: "2026-11-19", refresh } },
      Date.parse("2026-11-20"),
    );
    expect(note).toBe(
      "US dollars for a million tokens. Price table: from https://x.test, of 2026-11-19 (1 day old). The last fetch failed: answered 410.",
    );
  });
});

/** A database with requests of three models: one that drifts, one that does not, one without a price. */
async function database(folder: string): Promise<void> {
  const store = openSqliteStore({ path: join(folder, "audit.db"), onWarning: () => undefined });
  const usage = { input: 1_000_000, cacheRead: undefined, cacheWrite: undefined, output: 0, reasoning: undefined };
  const reported = { startedAt: Date.now() - 60_000, costSource: "upstream", usage } as const;
  await store.requests.insert([
    makeRecord({ ...reported, modelServed: "right", costUsd: 3.01, priceUsed: somePrice }),
    makeRecord({ ...reported, modelServed: "wrong", costUsd: 4, priceUsed: somePrice }),
    makeRecord({ ...reported, modelServed: "strange", costUsd: 1 }),
    makeRecord({ ...reported, modelServed: "wrong", costUsd: 40, priceUsed: somePrice, startedAt: 1000 }),
  ]);
  await store.close();
}

async function reconcile(args: readonly string[]): Promise<CliResult> {
  using temporary = temporaryFolder();
  await database(temporary.path);
  return await runCli(["prices", "reconcile", ...args], { cwd: temporary.path, env: { OR_DB_PATH: "audit.db" } });
}

describe("prices reconcile", () => {
  test("compares reported with computed cost, and names who drifts", async () => {
    const { stdout, stderr, exitCode } = await reconcile([]);
    expect(rowsOf(stdout)).toEqual([
      ["PROVIDER / MODEL", "REQUESTS", "UNPRICED", "REPORTED", "COMPUTED", "DIFFERENCE", "%"],
      ["openrouter / wrong", "1", "0", "$4.00", "$3.00", "-$1.00", "-25.0%", "drifts"],
      ["openrouter / right", "1", "0", "$3.01", "$3.00", "-$0.0100", "-0.3%"],
      ["openrouter / strange", "0", "1", "$0.00", "$0.00", "+$0.00", "-"],
    ]);
    expect(stderr).toContain("Drifting: openrouter/wrong.");
    expect(exitCode).toBe(0);
  });

  test("fails on request where a model drifts, and as JSON too", async () => {
    const drift = await reconcile(["--exit-code", "--json"]);
    expect(drift.exitCode).toBe(1);
    expect(JSON.parse(drift.stdout)).toMatchObject({
      source: "audit.db",
      rows: [
        { model: "wrong", isDrifting: true, differenceUsd: -1 },
        { model: "right" },
        { model: "strange", unpriced: 1 },
      ],
    });
    expect((await reconcile(["--exit-code", "--since", "1s"])).exitCode).toBe(0);
  });

  test("goes back as far as it is told", async () => {
    const { stdout } = await reconcile(["--since", "all"]);
    expect(stdout).toContain("$44.00");
    expect((await reconcile(["--since", "1s"])).stdout).toContain("No upstream reported a cost since ");
    expect(await reconcile(["--since", "soon"])).toMatchObject({ exitCode: 2 });
    expect(await reconcile(["--url", "http://127.0.0.1:1"])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("reads the database, and asks no gateway"),
    });
  });

  test("says what is missing without a database", async () => {
    using temporary = temporaryFolder();
    const missing = await runCli(["prices", "reconcile"], { cwd: temporary.path });
    expect(missing).toMatchObject({ exitCode: 1, stdout: "" });
    expect(missing.stderr).toContain("no database is configured (storage.url, DATABASE_URL, OR_DB_PATH)");
    const other = await runCli(["prices", "reconcile", "--db", "postgres://u:secret@127.0.0.1:1/y"], {
      cwd: temporary.path,
    });
    expect(other).toMatchObject({ exitCode: 1, stdout: "" });
    expect(other.stderr).toContain("127.0.0.1:1");
    expect(other.stderr).not.toContain("secret");
  });
});
