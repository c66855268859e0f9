import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { appendFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { statisticsSql } from "../../src/storage/sqlite/statistics.ts";
import { type Grouping, groupings, type StatisticsRow } from "../../src/storage/store.ts";
import { trafficGroupings, trafficStatistics } from "../../src/storage/traffic-statistics.ts";
import { localDay, localHour } from "../../src/telemetry/local-time.ts";
import { completionTokens, promptTokens, type RequestRecord } from "../../src/telemetry/request-record.ts";
import { formatTrafficLine } from "../../src/telemetry/traffic-line.ts";
import { makeRecord } from "../support/make-record.ts";
import { createRandom } from "../support/random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const start = new Date(2026, 10, 18, 22, 40).getTime();
const hour = 60 * 60 * 1000;

function randomRecords(count: number, seed: number): RequestRecord[] {
  const random = createRandom(seed);
  const pick = <Value>(...values: Value[]) => values[Math.floor(random() * values.length)] as Value;
  return Array.from({ length: count }, () => {
    const endReason = pick("completed", "completed", "completed", "client_cancelled", "upstream_error", "rejected");
    const maybe = (value: number) => (random() < 0.3 ? undefined : Math.floor(random() * value));
    return makeRecord({
      startedAt: start + Math.floor(random() * 40 * hour),
      endReason,
      status: { completed: 200, client_cancelled: 499, upstream_error: 503, rejected: 400 }[endReason],
      modelServed: pick(undefined, "gpt", "claude | odd", "лама"),
      modelAsked: pick("orcestator", "gpt"),
      keyId: pick("team-a", "team-b", "anonymous"),
      provider: pick("openrouter", "groq", undefined),
      usage: {
        input: maybe(5000),
        cacheRead: maybe(100),
        cacheWrite: maybe(50),
        output: maybe(900),
        reasoning: maybe(90),
      },
      // Powers of two add up exactly in any order.
      costUsd: maybe(8) === undefined ? undefined : 2 ** -pick(3, 10, 20),
      latencyMs: Math.floor(random() * 20_000),
      ttftMs: maybe(3000),
    });
  });
}

function percentiles(values: number[]): StatisticsRow["latencyMs"] {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (percent: number) => sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN;
  return sorted.length === 0 ? undefined : { p50: at(50), p95: at(95), p99: at(99) };
}

function sumOf(values: (number | undefined)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

const groupOf = {
  model: (record) => record.modelServed ?? record.modelAsked,
  day: (record) => localDay(record.startedAt),
  hour: (record) => localHour(record.startedAt),
  key: (record) => record.keyId,
  provider: (record) => record.provider ?? "(none)",
} satisfies Record<Grouping, (record: RequestRecord) => string>;

function expectedRow(group: string, records: RequestRecord[]): StatisticsRow {
  const costs = records.flatMap(({ costUsd }) => costUsd ?? []);
  return {
    group,
    requests: records.length,
    errors: records.filter(({ status }) => status === 503 || status === 400).length,
    promptTokens: sumOf(records.map(({ usage }) => promptTokens(usage))),
    completionTokens: sumOf(records.map(({ usage }) => completionTokens(usage))),
    costUsd: costs.length === 0 ? undefined : sumOf(costs),
    latencyMs: percentiles(records.map(({ latencyMs }) => latencyMs)),
    ttftMs: percentiles(records.flatMap(({ ttftMs }) => ttftMs ?? [])),
  };
}

function expectedRows(records: RequestRecord[], since: number, by: Grouping): StatisticsRow[] {
  const groups = Map.groupBy(
    records.filter(({ startedAt }) => startedAt >= since),
    groupOf[by],
  );
  return [...groups].map(([group, members]) => expectedRow(group, members)).toSorted(byName);
}

function byName(left: StatisticsRow, right: StatisticsRow): number {
  return left.group < right.group ? -1 : 1;
}

test("statistics of the database equal those counted by hand, for every grouping", async () => {
  using temporary = temporaryFolder();
  const store = openSqliteStore({ path: join(temporary.path, "audit.db"), onWarning: () => undefined });
  const records = randomRecords(1500, 7);
  await store.requests.insert(records);
  for (const since of [0, start + 20 * hour]) {
    for (const by of groupings) {
      const rows = await store.requests.statistics({ since, by });
      expect(rows.toSorted(byName)).toEqual(expectedRows(records, since, by));
    }
    const recent = records.filter(({ startedAt }) => startedAt >= since);
    expect(await store.requests.statistics({ since, by: undefined })).toEqual([expectedRow("all", recent)]);
  }
  expect(await store.requests.statistics({ since: start + 1000 * hour, by: undefined })).toEqual([]);
  expect(await store.requests.statistics({ since: start + 1000 * hour, by: "model" })).toEqual([]);
  await store.close();
});

test("percentiles are nearest rank: of one value that value, of a hundred the 50th, 95th and 99th", async () => {
  using temporary = temporaryFolder();
  const store = openSqliteStore({ path: join(temporary.path, "audit.db"), onWarning: () => undefined });
  await store.requests.insert([makeRecord({ keyId: "one", latencyMs: 7.5, ttftMs: 2 })]);
  const hundred = Array.from({ length: 100 }, (_, index) => makeRecord({ keyId: "hundred", latencyMs: index + 1 }));
  await store.requests.insert(hundred.toReversed());
  const rows = await store.requests.statistics({ since: 0, by: "key" });
  expect(rows.map(({ group, latencyMs, ttftMs }) => ({ group, latencyMs, ttftMs }))).toEqual([
    { group: "hundred", latencyMs: { p50: 50, p95: 95, p99: 99 }, ttftMs: undefined },
    { group: "one", latencyMs: { p50: 7.5, p95: 7.5, p99: 7.5 }, ttftMs: { p50: 2, p95: 2, p99: 2 } },
  ]);
  await store.close();
});

test("groups come busiest first, days and hours in order of time", async () => {
  using temporary = temporaryFolder();
  const store = openSqliteStore({ path: join(temporary.path, "audit.db"), onWarning: () => undefined });
  await store.requests.insert(randomRecords(500, 3));
  const models = await store.requests.statistics({ since: 0, by: "model" });
  const counts = models.map(({ requests }) => requests);
  expect(counts).toEqual(counts.toSorted((left, right) => right - left));
  for (const by of ["day", "hour"] as const) {
    const groups = (await store.requests.statistics({ since: 0, by })).map(({ group }) => group);
    expect(groups).toEqual(groups.toSorted());
    expect(groups.length).toBeGreaterThan(1);
  }
  await store.close();
});

test("every statistics query reads the covering index only", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  await openSqliteStore({ path, onWarning: () => undefined }).close();
  const database = new Database(path);
  for (const by of [undefined, ...groupings]) {
    for (const sql of Object.values(statisticsSql(by))) {
      const plan = database.query<{ detail: string }, [number]>(`EXPLAIN QUERY PLAN ${sql}`).all(0);
      const reads = plan.map(({ detail }) => detail).filter((detail) => detail.includes("requests"));
      expect(reads).toEqual(["SEARCH requests USING COVERING INDEX requests_statistics (started_at>?)"]);
    }
  }
  database.close();
});

test("days and hours are those of the machine's time zone, in both sources", async () => {
  using temporary = temporaryFolder();
  const source = `
    import { openSqliteStore } from "${import.meta.dir}/../../src/storage/sqlite/index.ts";
    import { localHour } from "${import.meta.dir}/../../src/telemetry/local-time.ts";
    import { makeRecord } from "${import.meta.dir}/../support/make-record.ts";
    const store = openSqliteStore({ path: process.argv[1], onWarning: console.log });
    const startedAt = Date.parse("2026-07-20T20:10:00Z");
    await store.requests.insert([makeRecord({ startedAt })]);
    const [row] = await store.requests.statistics({ since: 0, by: "hour" });
    console.log(row.group, "/", localHour(startedAt));
    await store.close();
  `;
  for (const [zone, expected] of [
    ["Asia/Kolkata", "2026-07-21 01:00"],
    ["America/New_York", "2026-07-20 16:00"],
    ["UTC", "2026-07-20 20:00"],
  ]) {
    const path = join(temporary.path, `${String(zone).replace("/", "-")}.db`);
    const child = Bun.spawn([process.execPath, "-e", source, path], {
      env: { ...process.env, TZ: zone },
      stdout: "pipe",
    });
    expect((await new Response(child.stdout).text()).trim()).toBe(`${expected} / ${expected}`);
  }
});

function inTrafficLog(row: StatisticsRow): StatisticsRow {
  return { ...row, costUsd: undefined, ttftMs: undefined };
}

test("statistics of the traffic log equal those of the database, as far as it knows", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  const records = randomRecords(900, 11);
  const lines = records.map((record) => `${formatTrafficLine(record)}\n`);
  writeFileSync(join(temporary.path, "traffic-20261119.log"), lines.slice(0, 300).join(""));
  writeFileSync(join(temporary.path, "traffic-20261119.1.log"), lines.slice(300, 500).join(""));
  writeFileSync(join(temporary.path, "traffic-20261119.log.bak"), lines.join(""));
  writeFileSync(file, lines.slice(500, 700).join(""));
  // Half a line, a foreign one, a blank one, and a last one without its end.
  appendFileSync(file, `2026-11-19T00:00:00.000Z | cut\nhello\n\n${lines.slice(700).join("").trimEnd()}`);
  for (const since of [0, start + 20 * hour]) {
    for (const by of trafficGroupings) {
      const { rows, total } = await trafficStatistics({ file, since, by });
      expect(rows.toSorted(byName)).toEqual(expectedRows(records, since, by).map(inTrafficLog));
      const recent = records.filter(({ startedAt }) => startedAt >= since);
      expect(total).toEqual(inTrafficLog(expectedRow("all", recent)));
    }
  }
});

test("rotated logs that ended before the asked time are not read", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  const old = join(temporary.path, "traffic-20261118.log");
  writeFileSync(file, `${formatTrafficLine(makeRecord({ startedAt: start }))}\n`);
  writeFileSync(old, `${formatTrafficLine(makeRecord({ startedAt: start }))}\n`);
  utimesSync(old, new Date(start - hour), new Date(start - hour));
  const { total } = await trafficStatistics({ file, since: start, by: "day" });
  expect(total?.requests).toBe(1);
});

test("a log without requests has no total", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  writeFileSync(file, "");
  expect(await trafficStatistics({ file, since: 0, by: "model" })).toEqual({ rows: [], total: undefined });
});
