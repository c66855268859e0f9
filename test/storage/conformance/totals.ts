import { expect, test } from "bun:test";
import { type Grouping, groupings, type StatisticsQuery, type StatisticsRow } from "../../../src/storage/store.ts";
import { createRetention } from "../../../src/storage/retention.ts";
import type { RequestRecord } from "../../../src/telemetry/request-record.ts";
import { createRandom } from "../../support/random.ts";
import { byName, expectedRow, expectedRows, randomRecords } from "../count-by-hand.ts";
import { countsOf, insertInBatches, makeRecords, openAt, openNew, type TriedEngine } from "./engine.ts";

const hour = 60 * 60 * 1000;
const start = Date.UTC(2026, 10, 18, 22, 40, 13);
const wholeHour = Date.UTC(2026, 10, 19, 4);

/** Percentiles apart, which may be off by 5 %, two rows must be alike; sums of money are of doubles. */
function expectClose(found: StatisticsRow[], expected: StatisticsRow[], most = 0.05): void {
  expect(found.map(({ group }) => group)).toEqual(expected.map(({ group }) => group));
  for (const [index, row] of expected.entries()) {
    const { latencyMs, ttftMs, costUsd, ...counts } = found[index] as StatisticsRow;
    expect(counts).toEqual({
      group: row.group,
      requests: row.requests,
      errors: row.errors,
      promptTokens: row.promptTokens,
      completionTokens: row.completionTokens,
    });
    expect(costUsd ?? 0).toBeCloseTo(row.costUsd ?? 0, 6);
    for (const [close, exact] of [
      [latencyMs, row.latencyMs],
      [ttftMs, row.ttftMs],
    ]) {
      for (const name of ["p50", "p95", "p99"] as const) {
        const ratio = (close?.[name] ?? 1) / (exact?.[name] ?? 1);
        expect(Math.abs(ratio - 1)).toBeLessThan(most);
      }
    }
  }
}

/** More than are counted one by one, over some days, with measurements that are never 0. */
function manyRecords(count: number): RequestRecord[] {
  const random = createRandom(5);
  const spread = (least: number) => least * Math.exp(random() * 6);
  return randomRecords(count, { seed: 9, start, spanMs: 70 * hour }).map((record) => ({
    ...record,
    latencyMs: spread(20),
    ttftMs: random() < 0.3 ? undefined : spread(5),
  }));
}

async function rowsOfTotals(engine: TriedEngine, url: string): Promise<number> {
  const [row] = await engine.query(url, "SELECT count(*) AS n FROM usage_totals");
  return Number(row?.["n"]);
}

/** One request of a key for each of so many models. */
function modelsOf(keyId: string, count: number): RequestRecord[] {
  return makeRecords(count, (at) => ({ startedAt: start, keyId, modelServed: `${keyId}-${at}` }));
}

export function totalsConformance(engine: TriedEngine): void {
  test("statistics of few requests equal those counted by hand, for every grouping", async () => {
    await using opened = await openNew(engine);
    const records = randomRecords(1500, { seed: 7, start, spanMs: 40 * hour });
    await insertInBatches(opened.store, records);
    for (const since of [0, start + 20 * hour]) {
      const recent = records.filter(({ startedAt }) => startedAt >= since);
      for (const by of groupings) {
        const rows = await opened.store.requests.statistics({ since, by });
        expect(rows.toSorted(byName)).toEqual(expectedRows(recent, by));
      }
      expect(await opened.store.requests.statistics({ since, by: undefined })).toEqual([expectedRow("all", recent)]);
      const ofKey = recent.filter(({ keyId }) => keyId === "team-a");
      const rows = await opened.store.requests.statistics({ since, by: "model", key: "team-a" });
      expect(rows.toSorted(byName)).toEqual(expectedRows(ofKey, "model"));
    }
    expect(await opened.store.requests.statistics({ since: start + 1000 * hour, by: "model" })).toEqual([]);
  });

  test("statistics of many requests come from totals: counts are exact, percentiles within 5 %", async () => {
    const url = await engine.createDatabase();
    const records = manyRecords(12_000);
    // Written by several, as by replicas.
    for (let part = 0; part < 3; part += 1) {
      await using opened = await openAt(url);
      await insertInBatches(opened.store, records.slice(part * 4000, part * 4000 + 4000));
    }
    await using opened = await openAt(url);
    const { requests } = opened.store;
    for (const since of [0, start + 5 * 60_000, wholeHour, start + 3.3333 * hour]) {
      const recent = records.filter(({ startedAt }) => startedAt >= since);
      for (const by of groupings)
        expectClose((await requests.statistics({ since, by })).toSorted(byName), expectedRows(recent, by));
      expectClose(await requests.statistics({ since, by: undefined }), [expectedRow("all", recent)]);
      const ofKey = recent.filter(({ keyId }) => keyId === "team-b");
      for (const by of ["model", "day", "key"] satisfies Grouping[])
        expectClose(
          (await requests.statistics({ since, by, key: "team-b" })).toSorted(byName),
          expectedRows(ofKey, by),
        );
    }
  });

  test("a part of an hour with too many requests to be counted one by one counts exactly", async () => {
    await using opened = await openNew(engine);
    const random = createRandom(3);
    const records = randomRecords(13_000, { seed: 4, start: wholeHour, spanMs: hour }).map((record) => ({
      ...record,
      latencyMs: 20 * Math.exp(random() * 6),
      ttftMs: 5 * Math.exp(random() * 6),
    }));
    await insertInBatches(opened.store, records);
    // Before a tenth of them was there.
    const since = wholeHour + hour / 10;
    const recent = records.filter(({ startedAt }) => startedAt >= since);
    expect(recent.length).toBeGreaterThan(10_000);
    const { requests } = opened.store;
    const rowsOf = async (query: Partial<StatisticsQuery>) =>
      (await requests.statistics({ since, by: undefined, ...query })).toSorted(byName);
    // How long they took is told as it was in the whole hour.
    for (const by of groupings) expectClose(await rowsOf({ by }), expectedRows(recent, by), 0.1);
    expectClose(await rowsOf({}), [expectedRow("all", recent)], 0.1);
    const key = "team-b";
    const ofKey = recent.filter(({ keyId }) => keyId === key);
    for (const by of ["model", "hour", "key"] satisfies Grouping[])
      expectClose(await rowsOf({ by, key }), expectedRows(ofKey, by), 0.1);
    expect(await requests.statistics({ since, by: undefined, key: "nobody" })).toEqual([]);
  });

  test("what one key was used for comes from totals alone, by whole hours", async () => {
    const url = await engine.createDatabase();
    const records = randomRecords(900, { seed: 11, start, spanMs: 40 * hour });
    // Written by several, as by replicas.
    for (const part of [records.slice(0, 450), records.slice(450)]) {
      await using opened = await openAt(url);
      await insertInBatches(opened.store, part);
    }
    await using opened = await openAt(url);
    const { requests } = opened.store;
    const expected = (since: number) => {
      const ofKey = records.filter(({ keyId, startedAt }) => keyId === "team-b" && startedAt >= since);
      const { group: _all, latencyMs: _latency, ttftMs: _ttft, ...counts } = expectedRow("all", ofKey);
      return { since, ...counts };
    };
    const asked = start + 10.4 * hour;
    const from = Math.floor(asked / hour) * hour;
    expect(from).toBeLessThan(asked);
    expect(await requests.keyTotals("team-b", asked)).toEqual(expected(from));
    expect(await requests.keyTotals("team-b", 0)).toEqual(expected(0));
    const nothing = { requests: 0, errors: 0, promptTokens: 0, completionTokens: 0, costUsd: undefined };
    expect(await requests.keyTotals("nobody", 0)).toEqual({ since: 0, ...nothing });
    while ((await requests.deleteBefore(start + 100 * hour)) > 0);
    expect(await requests.keyTotals("team-b", asked)).toEqual(expected(from));
  });

  test("old requests are deleted a few at a time, and statistics stay", async () => {
    await using opened = await openNew(engine);
    const { requests } = opened.store;
    const records = makeRecords(900, (index) => ({ startedAt: start + index * 60_000, ttftMs: 7, latencyMs: 50 }));
    await insertInBatches(opened.store, records);
    const before = start + 600 * 60_000;
    const statistics = await requests.statistics({ since: 0, by: "model" });
    const chunks: number[] = [];
    for (let deleted = -1; deleted !== 0;) {
      deleted = await requests.deleteBefore(before);
      chunks.push(deleted);
    }
    expect(Math.max(...chunks)).toBeLessThanOrEqual(1000);
    expect(chunks.reduce((sum, chunk) => sum + chunk, 0)).toBe(600);
    expect(await requests.find(records[599]?.id ?? "")).toBeUndefined();
    expect(await requests.find(records[600]?.id ?? "")).toEqual(records[600]);
    const after = await requests.statistics({ since: 0, by: "model" });
    expectClose(after, statistics);
    expect(await countsOf(engine, opened.url)).toEqual({ rows: 300, ids: 300, totals: 900 });
    expect(await requests.size()).toMatchObject({ requests: 300, oldest: before });
    const fromFirst = await requests.statistics({ since: start + 5 * 60_000, by: undefined });
    expect(fromFirst[0]?.requests).toBe(900);
    // What is inside of an hour of which requests are gone counts as that hour does.
    const [inside] = await requests.statistics({ since: start + 90 * 60_000, by: undefined });
    expect(inside?.requests).toBeGreaterThanOrEqual(810);
    expect(inside?.requests).toBeLessThanOrEqual(870);
  });

  test("retention keeps about so many bytes, the newest", async () => {
    const url = await engine.createDatabase();
    const now = start + 900 * 60_000;
    await using opened = await openAt(url, { now: () => now });
    const { requests } = opened.store;
    const userText = "x".repeat(1000);
    const records = makeRecords(900, (index) => ({ startedAt: start + index * 60_000, userText }));
    await insertInBatches(opened.store, records);
    const whole = await requests.size();
    const options = {
      store: opened.store,
      totals: 0,
      audit: 0,
      onWarning: () => undefined,
      now: () => now,
      pauseMs: 1,
    };
    const bySize = createRetention({ ...options, maxAge: 0, maxBytes: whole.bytes / 3 });
    await bySize.run();
    const kept = await requests.size();
    expect(kept.bytes / whole.bytes).toBeWithin(0.28, 0.39);
    expect(await requests.find(records.at(-1)?.id ?? "")).toBeDefined();
    expect((await bySize.run()).requests).toBeLessThan(20);
    const byAge = createRetention({ ...options, maxAge: 100 * 60_000, maxBytes: 0 });
    await byAge.run();
    expect((await countsOf(engine, url)).rows).toBe(100);
    const none = createRetention({ ...options, maxAge: 0, maxBytes: 0 });
    expect(await none.run()).toEqual({ requests: 0, totals: 0, audit: 0, removed: 0 });
  });

  test("names that somebody invents count together, and so they do in statistics of few and of many", async () => {
    await using opened = await openNew(engine);
    const { requests } = opened.store;
    const never = { modelServed: undefined, provider: undefined, startedAt: start, attempts: 0 };
    const invented = makeRecords(700, (at) => ({ ...never, modelAsked: `made-up-${at}`, isInvented: true }));
    const refused = makeRecords(30, () => ({ ...never, modelAsked: "smart" }));
    await insertInBatches(opened.store, [...invented, ...refused, ...makeRecords(40, () => ({ startedAt: start }))]);
    const counted = async (query: Partial<StatisticsQuery> = {}) =>
      (await requests.statistics({ since: start, by: "model", ...query })).map((row) => [row.group, row.requests]);
    const few = [
      ["other", 700],
      ["openai/gpt-4o", 40],
      ["smart", 30],
    ];
    expect(await counted()).toEqual(few);
    expect(await counted({ key: "anonymous" })).toEqual(few);
    expect(await rowsOfTotals(engine, opened.url)).toBeLessThan(30);
    const later = makeRecords(10_000, (at) => ({ ...never, modelAsked: `more-${at}`, isInvented: true }));
    await insertInBatches(opened.store, later);
    const many = [["other", 10_700], ...few.slice(1)];
    // From totals, and as a part of an hour with too many to be counted one by one.
    for (const since of [0, start - 1, start]) {
      expect(await counted({ since })).toEqual(many);
      expect(await counted({ since, key: "anonymous" })).toEqual(many);
    }
  });

  test("of more than 500 models in an hour the rest counts as one, whoever writes how often", async () => {
    await using opened = await openNew(engine);
    const { requests } = opened.store;
    await insertInBatches(opened.store, [...modelsOf("usual", 20), ...modelsOf("odd", 6000), ...modelsOf("late", 20)]);
    // A batch that fails begins new rows; it gives no names new room.
    const before = await rowsOfTotals(engine, opened.url);
    expect(before).toBeLessThan(2000);
    await insertInBatches(opened.store, modelsOf("odd", 6000));
    expect((await rowsOfTotals(engine, opened.url)) - before).toBeLessThan(50);
    for (const since of [0, start]) {
      const rows = await requests.statistics({ since, by: "model" });
      expect(rows.length).toBe(501);
      expect(rows[0]?.group).toBe("other");
      expect(rows.reduce((sum, row) => sum + row.requests, 0)).toBe(12_040);
      expect(rows.filter(({ group }) => group.startsWith("usual-"))).toHaveLength(20);
    }
    const late = await requests.statistics({ since: 0, by: "model", key: "late" });
    expect(late.reduce((sum, row) => sum + row.requests, 0)).toBe(20);
  });

  test("old totals are deleted a few at a time, and never before the requests that they count", async () => {
    await using opened = await openNew(engine);
    const { requests } = opened.store;
    const dayMs = 24 * hour;
    const records = randomRecords(1200, { seed: 21, start, spanMs: 6 * dayMs });
    await insertInBatches(opened.store, records);
    const all = await rowsOfTotals(engine, opened.url);
    const boundary = Math.ceil(start / dayMs) * dayMs + 3 * dayMs;
    expect(await requests.deleteTotalsBefore(boundary)).toBe(0);
    while ((await requests.deleteBefore(boundary)) > 0);
    const chunks: number[] = [];
    for (let deleted = -1; deleted !== 0;) {
      deleted = await requests.deleteTotalsBefore(boundary);
      chunks.push(deleted);
    }
    expect(Math.max(...chunks)).toBeLessThan(1000);
    expect(all - (await rowsOfTotals(engine, opened.url))).toBe(chunks.reduce((sum, chunk) => sum + chunk, 0));
    const left = await engine.query(opened.url, "SELECT min(at) AS first FROM usage_totals");
    expect(Number(left[0]?.["first"])).toBeGreaterThanOrEqual(boundary);
    const kept = records.filter(({ startedAt }) => startedAt >= boundary);
    expect(kept.length).toBeGreaterThan(200);
    for (const by of [undefined, ...groupings])
      expect((await requests.statistics({ since: 0, by })).reduce((sum, row) => sum + row.requests, 0)).toBe(
        kept.length,
      );
    expect((await requests.keyTotals("team-a", 0)).requests).toBe(
      kept.filter(({ keyId }) => keyId === "team-a").length,
    );
    const now = start + 500 * dayMs;
    const options = { store: opened.store, audit: 0, onWarning: () => undefined, now: () => now, pauseMs: 1 };
    const retention = createRetention({ ...options, maxAge: 90 * dayMs, maxBytes: 0, totals: 400 * dayMs });
    expect((await retention.run()).requests).toBe(kept.length);
    expect(await rowsOfTotals(engine, opened.url)).toBe(0);
  });

  test("an empty store has no size, no boundary and nothing to delete", async () => {
    await using opened = await openNew(engine);
    const { requests } = opened.store;
    expect(await requests.size()).toEqual({ requests: 0, bytes: 0, oldest: undefined });
    expect(await requests.boundaryOf(0)).toBeUndefined();
    expect(await requests.deleteBefore(Date.now())).toBe(0);
    expect(await requests.deleteTotalsBefore(Date.now())).toBe(0);
    expect(await requests.statistics({ since: 0, by: "day" })).toEqual([]);
    expect(await requests.list({ limit: 5 })).toEqual({ requests: [], cursor: undefined });
  });
}
