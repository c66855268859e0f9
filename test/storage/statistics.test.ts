import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { appendFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyTotalsSql } from "../../src/storage/sql/key-totals.ts";
import { countedSql } from "../../src/storage/sql/statistics.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import type { StatisticsRow } from "../../src/storage/store.ts";
import { trafficGroupings, trafficStatistics } from "../../src/storage/traffic-statistics.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { formatTrafficLine } from "../../src/telemetry/traffic-line.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { byName, expectedRow, expectedRows, randomRecords } from "./count-by-hand.ts";

const start = new Date(2026, 10, 18, 22, 40).getTime();
const hour = 60 * 60 * 1000;

function records(count: number, seed: number): RequestRecord[] {
  return randomRecords(count, { seed, start, spanMs: 40 * hour });
}

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
  await store.requests.insert(records(500, 3));
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

test("requests are counted by an index over time, totals by their key", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  await openSqliteStore({ path, onWarning: () => undefined }).close();
  const database = new Database(path);
  const planOf = (sql: string, from: number | string, to: number | string) =>
    database
      .query<{ detail: string }, (number | string)[]>(`EXPLAIN QUERY PLAN ${sql}`)
      .all(from, to)
      .map(({ detail }) => detail);
  expect(planOf(countedSql, 0, 1)).toEqual([
    "SEARCH requests USING INDEX requests_time (started_at>? AND started_at<?)",
  ]);
  expect(planOf(keyTotalsSql, "base/a", "base/b")).toEqual(["SEARCH usage_totals USING PRIMARY KEY (id>? AND id<?)"]);
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
  const written = records(900, 11);
  const lines = written.map((record) => `${formatTrafficLine(record)}\n`);
  writeFileSync(join(temporary.path, "traffic-20261119.log"), lines.slice(0, 300).join(""));
  writeFileSync(join(temporary.path, "traffic-20261119.1.log"), lines.slice(300, 500).join(""));
  writeFileSync(join(temporary.path, "traffic-20261119.log.bak"), lines.join(""));
  writeFileSync(file, lines.slice(500, 700).join(""));
  // Half a line, a foreign one, a blank one, and a last one without its end.
  appendFileSync(file, `2026-11-19T00:00:00.000Z | cut\nhello\n\n${lines.slice(700).join("").trimEnd()}`);
  for (const since of [0, start + 20 * hour]) {
    for (const by of trafficGroupings) {
      const recent = written.filter(({ startedAt }) => startedAt >= since);
      const { rows, total } = await trafficStatistics({ file, since, by });
      expect(rows.toSorted(byName)).toEqual(expectedRows(recent, by).map(inTrafficLog));
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
