import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPalette } from "../../src/cli/output.ts";
import { bar, formatStats, formatUsd } from "../../src/cli/stats-format.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import type { StatisticsRow } from "../../src/storage/store.ts";
import { localDay } from "../../src/telemetry/local-time.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { formatTrafficLine } from "../../src/telemetry/traffic-line.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runCli } from "./run-cli.ts";

const minute = 60_000;

function someRecords(): RequestRecord[] {
  const now = Date.now();
  const usage = { input: 1_234_000, cacheRead: 567, cacheWrite: undefined, output: 1000, reasoning: 1 };
  return [
    makeRecord({ startedAt: now - minute, keyId: "team-a", usage, costUsd: 0.25, ttftMs: 210, latencyMs: 820 }),
    makeRecord({ startedAt: now - 2 * minute, keyId: "team-a", usage, costUsd: 0.5, ttftMs: 300, latencyMs: 1240 }),
    makeRecord({
      startedAt: now - 3 * minute,
      keyId: "team-b",
      status: 503,
      endReason: "upstream_error",
      modelServed: undefined,
    }),
    makeRecord({ startedAt: now - 100 * 24 * 60 * minute, modelServed: "old" }),
  ];
}

async function writeDatabase(path: string, records = someRecords()): Promise<void> {
  const store = openSqliteStore({ path, onWarning: () => undefined });
  await store.requests.insert(records);
  await store.documents.put({ kind: "key", id: "team-a", value: { name: "Anna's laptop" } });
  await store.close();
}

function writeLog(folder: string, records = someRecords()): void {
  mkdirSync(join(folder, "logs"), { recursive: true });
  writeFileSync(join(folder, "logs/traffic.log"), records.map((record) => `${formatTrafficLine(record)}\n`).join(""));
}

test("the database named in the environment is counted", async () => {
  using temporary = temporaryFolder();
  await writeDatabase(join(temporary.path, "audit.db"));
  writeLog(temporary.path, []);
  const cwd = temporary.path;
  const result = await runCli(["stats", "--by", "key", "--json"], { cwd, env: { OR_DB_PATH: "audit.db" } });
  expect(result).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(result.stdout)).toEqual({
    source: "audit.db",
    since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
    by: "key",
    rows: [
      {
        group: "team-a",
        name: "Anna's laptop",
        requests: 2,
        errors: 0,
        prompt_tokens: 2_469_134,
        completion_tokens: 2002,
        cost_usd: 0.75,
        latency_ms: { p50: 820, p95: 1240, p99: 1240 },
        ttft_ms: { p50: 210, p95: 300, p99: 300 },
      },
      {
        group: "team-b",
        name: null,
        requests: 1,
        errors: 1,
        prompt_tokens: 10,
        completion_tokens: 5,
        cost_usd: null,
        latency_ms: { p50: 100, p95: 100, p99: 100 },
        ttft_ms: null,
      },
    ],
    total: {
      requests: 3,
      errors: 1,
      prompt_tokens: 2_469_144,
      completion_tokens: 2007,
      cost_usd: 0.75,
      latency_ms: { p50: 820, p95: 1240, p99: 1240 },
      ttft_ms: { p50: 210, p95: 300, p99: 300 },
    },
  });
  expect(readdirSync(cwd).sort()).toEqual(["audit.db", "logs"]);
  const all = await runCli(["stats", "--since", "all", "--db", "sqlite://audit.db", "--json"], { cwd });
  expect((JSON.parse(all.stdout) as { rows: { group: string }[] }).rows.map(({ group }) => group)).toEqual([
    "openai/gpt-4o",
    "old",
    "orcestator",
  ]);
});

test("without a database the traffic log is counted, and says what it cannot know", async () => {
  using temporary = temporaryFolder();
  writeLog(temporary.path);
  const cwd = temporary.path;
  // Configured, but not there yet.
  const env = { OR_DB_PATH: "none.db" };
  const people = await runCli(["stats"], { cwd, env });
  expect(people.exitCode).toBe(0);
  expect(people.stdout).toContain("openai/gpt-4o  ████████         2       0  2,469,134  2,002     -");
  expect(people.stderr).toContain("from logs/traffic.log");
  expect(people.stderr).toContain("only in the audit database");
  const days = await runCli(["stats", "--by", "day", "--json", "--since", localDay(Date.now() - 24 * 60 * minute)], {
    cwd,
  });
  expect(JSON.parse(days.stdout)).toMatchObject({ source: "logs/traffic.log", total: { requests: 3, cost_usd: null } });
  const keys = await runCli(["stats", "--by", "key"], { cwd, env });
  expect(keys.exitCode).toBe(2);
  expect(keys.stderr).toContain("--by key: the traffic log logs/traffic.log does not hold it");
});

test("no request in the time asked for is said in words", async () => {
  using temporary = temporaryFolder();
  await writeDatabase(join(temporary.path, "audit.db"), []);
  const cwd = temporary.path;
  const people = await runCli(["stats", "--db", "audit.db"], { cwd });
  expect(people).toMatchObject({ exitCode: 0, stderr: "" });
  expect(people.stdout).toMatch(/^No requests since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d in audit\.db\.\n$/);
  const ever = await runCli(["stats", "--db", "audit.db", "--since", "all"], { cwd });
  expect(ever.stdout).toBe("No requests in audit.db.\n");
  const json = await runCli(["stats", "--db", "audit.db", "--json"], { cwd });
  expect(JSON.parse(json.stdout)).toMatchObject({ rows: [], total: null });
});

test("what cannot be read ends with exit code 1 and a reason", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  const nothing = await runCli(["stats"], { cwd });
  expect(nothing.exitCode).toBe(1);
  expect(nothing.stderr).toContain("nothing to read: there is no logs/traffic.log (settings storage.url, OR_DB_PATH");
  const missing = await runCli(["stats", "--db", "x.db"], { cwd });
  expect(missing).toMatchObject({ exitCode: 1, stdout: "" });
  expect(missing.stderr).toContain("there is no file x.db; the gateway creates it");
  const text = "no database at all, but long enough to be looked at as one".repeat(20);
  writeFileSync(join(cwd, "text.db"), text);
  const wrong = await runCli(["stats", "--db", "text.db"], { cwd });
  expect(wrong.exitCode).toBe(1);
  expect(wrong.stderr).toContain("cannot read text.db: file is not a database");
  await writeDatabase(join(cwd, "audit.db"), []);
  const mixed = await runCli(["stats", "--file", "audit.db"], { cwd });
  expect(mixed).toMatchObject({ exitCode: 1, stdout: "" });
  expect(mixed.stderr).toContain("audit.db is no traffic log but a SQLite database; name it with --db");
  expect((await runCli(["stats", "--file", "."], { cwd })).stderr).toContain(". is no file");
  writeFileSync(join(cwd, "empty.db"), "");
  const empty = await runCli(["stats", "--db", "empty.db"], { cwd });
  expect(empty.exitCode).toBe(1);
  expect(empty.stderr).toContain("empty.db has schema version 0");
  expect(readdirSync(cwd).sort()).toEqual(["audit.db", "empty.db", "text.db"]);
});

test("wrong usage ends with exit code 2 and says what to write", async () => {
  using temporary = temporaryFolder();
  writeLog(temporary.path);
  for (const [args, message] of [
    [["--by", "colour"], "--by colour: write one of model, day, hour, key, provider"],
    [["--since", "yesterday"], "--since yesterday: write a duration"],
    [["--since", "2026-13-45"], "--since 2026-13-45: write a duration"],
    [["--db", "a", "--file", "b"], "--db and --file cannot be combined"],
  ] as const) {
    const result = await runCli(["stats", ...args], { cwd: temporary.path });
    expect(result).toMatchObject({ exitCode: 2, stdout: "" });
    expect(result.stderr).toContain(message);
  }
});

const row: StatisticsRow = {
  group: "anthropic/claude-sonnet-4.5-thinking",
  requests: 1234,
  errors: 5,
  promptTokens: 12_345_678,
  completionTokens: 987_654,
  costUsd: 12.5,
  latencyMs: { p50: 820, p95: 3400, p99: 125_000 },
  ttftMs: undefined,
};
const small: StatisticsRow = { ...row, group: "gpt", requests: 3, errors: 0, costUsd: 0.00012, latencyMs: undefined };
const statistics = { by: "model", rows: [row, small], total: { ...row, group: "all", requests: 1237 } } as const;

test("sums are printed without the noise of binary fractions", async () => {
  using temporary = temporaryFolder();
  const records = [0.1, 0.2].map((costUsd) => makeRecord({ startedAt: Date.now() - minute, costUsd }));
  await writeDatabase(join(temporary.path, "audit.db"), records);
  const { stdout } = await runCli(["stats", "--db", "audit.db", "--json"], { cwd: temporary.path });
  expect(JSON.parse(stdout)).toMatchObject({ rows: [{ cost_usd: 0.3 }], total: { cost_usd: 0.3 } });
});

test("names of keys stand beside their ids, where one is known", () => {
  const colors = createPalette(false);
  const named = { ...row, group: "key_5rq7hvb0k2m9x3t8w1y6z4a0", name: "Anna's laptop\u001b[31m" };
  const other = { ...small, group: "key-0a1b2c3d", name: undefined };
  const statistics = { by: "key", rows: [named, other], total: { ...row, group: "all" } } as const;
  const lines = formatStats(statistics, { width: 150, colors }).split("\n");
  expect(lines[0]).toMatch(/^key +name +requests/);
  expect(lines[1]).toMatch(/^key_5rq7hvb0k2m9x3t8w1y6z4a0 {2}Anna's laptop +█/);
  expect(lines[2]).toMatch(/^key-0a1b2c3d +▌/);
  const narrow = formatStats(statistics, { width: 80, colors }).split("\n");
  for (const line of narrow) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
  expect(narrow.filter((line) => line.includes("Anna's"))).toHaveLength(2);
  expect(formatStats({ ...statistics, rows: [other] }, { width: 150, colors })).not.toContain("name");
});

test("eighty columns get two aligned tables with a total under a rule", () => {
  const text = formatStats(statistics, { width: 80, colors: createPalette(false) });
  expect(text).toBe(
    [
      "model                           requests  errors   tokens in      out       cost",
      "claude-sonnet-4.5-t…  ████████     1,234       5  12,345,678  987,654     $12.50",
      "gpt                   ▌                3       0  12,345,678  987,654  $0.000120",
      "────────────────────────────────────────────────────────────────────────────────",
      "total                              1,237       5  12,345,678  987,654     $12.50",
      "",
      "model                       latency p50    p95    p99  ttft p50  p95  p99",
      "claude-sonnet-4.5-thinking        820ms  3.40s  2m05s         -    -    -",
      "gpt                                   -      -      -         -    -    -",
      "─────────────────────────────────────────────────────────────────────────",
      "total                             820ms  3.40s  2m05s         -    -    -",
    ].join("\n"),
  );
  for (const line of text.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
});

test("a wide terminal gets one table, and names are cut only as far as needed", () => {
  const layout = { width: 150, colors: createPalette(false) };
  const text = formatStats(statistics, layout);
  expect(text.split("\n")).toHaveLength(5);
  expect(text).toContain("anthropic/claude-sonnet-4.5-thinking");
  expect(text).toContain("820ms  3.40s  2m05s         -    -    -");
});

test("a name of any length is cut for people, also in a file or a pipe", () => {
  const long = { ...row, group: "x".repeat(5000) };
  const layout = { width: Number.POSITIVE_INFINITY, colors: createPalette(false) };
  const text = formatStats({ ...statistics, rows: [long, small] }, layout);
  expect(text).toContain(`${"x".repeat(59)}…  `);
  for (const line of text.split("\n")) expect(Bun.stringWidth(line)).toBeLessThan(180);
});

test("bars stay without colours, and something always shows where there is something", () => {
  expect([0, 1, 50, 75, 100].map((value) => bar(value, 100, 4))).toEqual(["", "▌", "██", "███", "████"]);
  expect(bar(1, 100_000)).toBe("▌");
  expect(bar(0, 0)).toBe("");
});

test("money has the decimals it needs, and unknown money none", () => {
  expect([undefined, 0, 1234.5, 1, 0.0123, 0.000012].map(formatUsd)).toEqual([
    "-",
    "$0.00",
    "$1,234.50",
    "$1.00",
    "$0.0123",
    "$0.000012",
  ]);
});
