import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { sqliteDialect } from "../../src/storage/sqlite/dialect.ts";
import { groupings } from "../../src/storage/store.ts";
import { tables, type TableRow } from "../../src/storage/tables.ts";
import {
  addBucket,
  addHistogramText,
  bucketOf,
  durationOf,
  emptyHistogram,
  histogramText,
  percentilesOf,
} from "../../src/storage/usage/histogram.ts";
import { createUsageLedger } from "../../src/storage/usage/ledger.ts";
import { emptyMeasures, measureValues } from "../../src/storage/usage/measures.ts";
import { labelPart, timePart } from "../../src/storage/usage/views.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { forSeeds } from "../lib/seeded.ts";
import { makeRecord } from "../support/make-record.ts";
import { createRandom, randomText } from "../support/random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { randomRecords } from "./count-by-hand.ts";

const hour = 60 * 60 * 1000;
const start = Date.UTC(2026, 10, 18, 22);

describe("histogram", () => {
  test("any duration is told to 4 %, from 10 microseconds to more than a month", () => {
    forSeeds(2000, (random) => {
      const milliseconds = 0.011 * 10 ** (random.below(12_000) / 1000 - 1e-9);
      if (milliseconds > 1e9) return;
      expect(Math.abs(durationOf(bucketOf(milliseconds)) / milliseconds - 1)).toBeLessThan(0.04);
    });
    for (const odd of [0, -5, 0.01, Number.NaN]) expect(bucketOf(odd)).toBe(0);
    expect(bucketOf(1e300)).toBe(bucketOf(Number.MAX_SAFE_INTEGER));
  });

  test("written and read again it counts the same, and texts add up", () => {
    forSeeds(200, (random) => {
      const histogram = emptyHistogram();
      for (let at = 0; at < random.below(60); at += 1) addBucket(histogram, random.below(401), 1 + random.below(5000));
      const text = histogramText(histogram);
      const read = emptyHistogram();
      addHistogramText(read, text);
      expect(read).toEqual(histogram);
      addHistogramText(read, text);
      expect(read).toEqual(histogram.map((count) => count * 2));
      expect(histogramText(read).length).toBeLessThan(5000);
    });
    expect(histogramText(undefined)).toBe("");
  });

  test("a text that is none counts nothing, and never throws", () => {
    const random = createRandom(1);
    for (let at = 0; at < 2000; at += 1) addHistogramText(emptyHistogram(), randomText(random));
    const histogram = emptyHistogram();
    for (const text of [
      "",
      "zz",
      "-1",
      "5:",
      "5:-",
      "1000",
      "NaN",
      "ж",
      "5:!",
      "99999999999999:1",
      "zz:1",
      "5:A",
      ":0",
    ])
      addHistogramText(histogram, text);
    expect(percentilesOf(histogram)).toBeUndefined();
  });

  test("percentiles are nearest rank, to three digits", () => {
    const histogram = emptyHistogram();
    for (let value = 1; value <= 1000; value += 1) addBucket(histogram, bucketOf(value));
    const { p50 = 0, p95 = 0, p99 = 0 } = percentilesOf(histogram) ?? {};
    expect(p50 / 500).toBeWithin(0.95, 1.05);
    expect(p95 / 950).toBeWithin(0.95, 1.05);
    expect(p99 / 990).toBeWithin(0.95, 1.05);
    expect(String(p99).length).toBeLessThanOrEqual(4);
  });
});

/** What rows add up to, when each is written over the one with its id. */
function totalOf(written: Map<string, TableRow>, view: string): number {
  return [...written].reduce((sum, [id, row]) => sum + (id.startsWith(`${view}/`) ? Number(row["requests"]) : 0), 0);
}

function idsOf(rows: readonly TableRow[], view: string): Set<unknown> {
  return new Set(rows.map(({ id }) => id).filter((id) => String(id).startsWith(`${view}/`)));
}

describe("ledger", () => {
  test("however batches fail or go unknown, what is written counts each record that was written once", () => {
    forSeeds(60, (random, seed) => {
      const ledger = createUsageLedger();
      const written = new Map<string, TableRow>();
      const stored = new Set<string>();
      const records = randomRecords(200, { seed, start, spanMs: 30 * hour });
      for (let at = 0; at < records.length;) {
        const batch = records.slice(at, at + 1 + random.below(30));
        const fresh = batch.filter(({ id }) => !stored.has(id));
        const rows = ledger.count(fresh);
        const outcome = random.pick(["well", "well", "not", "unknown"] as const);
        if (outcome !== "not") {
          for (const row of rows) written.set(String(row["id"]), row);
          for (const { id } of fresh) stored.add(id);
        }
        if (outcome !== "well") ledger.beginAnew();
        // What is not known to be written is sent again.
        if (outcome === "well") at += batch.length;
      }
      expect(stored.size).toBe(200);
      for (const view of ["base", "hour", "quarter", "day", "hour-key", "day-model", "hour-provider"])
        expect(totalOf(written, view)).toBe(200);
    });
  });

  test("two writers never write the same row", () => {
    const records = randomRecords(50, { seed: 1, start, spanMs: hour });
    const ids = [createUsageLedger(), createUsageLedger()].map((ledger) => ledger.count(records).map(({ id }) => id));
    expect(ids[0]?.filter((id) => ids[1]?.includes(id))).toEqual([]);
  });

  test("ids stay short and plain whatever people call things, and names are kept for people", () => {
    const odd = randomText(createRandom(5));
    const record = makeRecord({ keyId: `${odd}/\u0000`, modelServed: "m".repeat(10_000), provider: "п/р 😀" });
    const rows = createUsageLedger().count([record]);
    for (const { id } of rows) expect(String(id)).toMatch(/^[\w/-]{1,160}$/);
    const models = rows.map(({ model }) => model).filter((model) => model !== null);
    for (const model of models) expect(String(model)).toBe(`${"m".repeat(200)}…`);
    expect(rows.some(({ provider }) => provider === "п/р 😀")).toBe(true);
  });

  test("thousands of keys keep their rows for as long as their hours and days go on", () => {
    const ledger = createUsageLedger();
    const day = Date.UTC(2026, 10, 18);
    const rowsAt = (startedAt: number): TableRow[] =>
      Array.from({ length: 6 }, (_, part) =>
        ledger.count(
          Array.from({ length: 500 }, (_, at) => makeRecord({ startedAt, keyId: `key_${part * 500 + at}` })),
        ),
      ).flat();
    const first = rowsAt(day);
    expect(idsOf(first, "day-key").size).toBe(3000);
    expect(idsOf(rowsAt(day), "base")).toEqual(idsOf(first, "base"));
    for (let at = 1; at < 23; at += 1) rowsAt(day + at * hour);
    expect(idsOf(rowsAt(day + 23 * hour), "day-key")).toEqual(idsOf(first, "day-key"));
  });

  test("memory stays bounded however many names there are", () => {
    const ledger = createUsageLedger();
    let rows = 0;
    for (let at = 0; at < 4000; at += 1)
      rows += ledger.count([makeRecord({ keyId: `k${at}`, modelServed: `m${at}` })]).length;
    expect(rows).toBe(40_000);
  });
});

/** Rows of totals as a release left them that told every name apart. */
function writeModels(path: string, count: number, at: number): void {
  const database = new Database(path);
  const histogram = emptyHistogram();
  addBucket(histogram, 150, 1);
  const measures = { ...measureValues({ ...emptyMeasures(), requests: 1, latencies: histogram }), cost_usd: 0.5 };
  const rows: TableRow[] = Array.from({ length: count }, (_, index) => {
    const model = `${"made-up-".repeat(15)}${index}`;
    return {
      id: `hour-model/${timePart(at)}/${labelPart(model)}/1`,
      at,
      key_id: null,
      provider: null,
      model,
      ...measures,
    };
  });
  const whole = { id: `hour/${timePart(at)}/1`, at, key_id: null, provider: null, model: null, ...measures };
  rows.push({ ...whole, model: "", requests: count });
  database.transaction(() => {
    for (const { sql, values } of sqliteDialect.insertNew(tables.usage, rows)) database.query(sql).run(...values);
  })();
  database.close();
}

test("100,000 names of models do not hold up the event loop: the busiest are told apart, the rest counts together", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  await openSqliteStore({ path, onWarning: () => undefined }).close();
  writeModels(path, 100_000, start);
  const store = openSqliteStore({ path, onWarning: () => undefined });
  let best = Infinity;
  for (let round = 0; round < 3; round += 1) {
    const from = performance.now();
    const rows = await store.requests.statistics({ since: start, by: "model" });
    best = Math.min(best, performance.now() - from);
    expect(rows).toHaveLength(501);
    expect(rows[0]).toMatchObject({ group: "other", requests: 99_500, costUsd: 49_750, latencyMs: undefined });
  }
  expect(best).toBeLessThan(500);
  await store.close();
}, 30_000);

function query<Row>(path: string, sql: string): Row[] {
  using database = new Database(path);
  return database.query<Row, []>(sql).all();
}

test("requests that were there before the totals are counted when the database is opened", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  const records: RequestRecord[] = randomRecords(6000, { seed: 3, start, spanMs: 20 * hour });
  const store = openSqliteStore({ path, onWarning: () => undefined });
  for (let at = 0; at < records.length; at += 250) await store.requests.insert(records.slice(at, at + 250));
  const expected = await store.requests.statistics({ since: 0, by: "hour" });
  await store.close();
  const database = new Database(path);
  for (const table of ["usage_totals", "documents", "audit_log", "counters"]) database.run(`DROP TABLE ${table}`);
  database.run("PRAGMA user_version = 5");
  database.close();
  const again = openSqliteStore({ path, onWarning: () => undefined });
  expect(await again.requests.statistics({ since: 0, by: "hour" })).toEqual(expected);
  await again.close();
  const sql = "SELECT sum(requests) AS n FROM usage_totals WHERE id >= 'day/' AND id < 'day0'";
  expect(query<{ n: number }>(path, sql)).toEqual([{ n: 6000 }]);
});

test("days and hours of many requests are exact in zones that are not whole hours away from UTC", async () => {
  using temporary = temporaryFolder();
  const source = `
    import { openSqliteStore } from "${import.meta.dir}/../../src/storage/sqlite/index.ts";
    import { expectedRows, randomRecords } from "${import.meta.dir}/count-by-hand.ts";
    const store = openSqliteStore({ path: process.argv[1], onWarning: console.log });
    const records = randomRecords(11_000, { seed: 6, start: ${start}, spanMs: ${50 * hour} });
    for (let at = 0; at < records.length; at += 250) await store.requests.insert(records.slice(at, at + 250));
    const counts = (rows) => JSON.stringify(rows.map(({ group, requests, errors }) => [group, requests, errors]));
    for (const by of ["day", "hour"]) {
      const found = counts(await store.requests.statistics({ since: 0, by }));
      console.log(by, found === counts(expectedRows(records, by)) ? "exact" : found);
    }
    await store.close();
  `;
  for (const zone of ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"]) {
    const path = join(temporary.path, `${zone.replace("/", "-")}.db`);
    const env = { ...process.env, TZ: zone };
    const child = Bun.spawn([process.execPath, "-e", source, path], { env, stdout: "pipe", stderr: "inherit" });
    expect(await new Response(child.stdout).text()).toBe("day exact\nhour exact\n");
  }
}, 30_000);

/** Rows of totals as three months of traffic leave them: 40 keys, 15 models, 4 providers, and two writers. */
function writeTotals(path: string): void {
  const dayMs = 24 * hour;
  const end = Math.floor(Date.now() / hour) * hour;
  const database = new Database(path);
  const measures = { errors: 1, tokens_input: 9, tokens_cache_read: 0, tokens_cache_write: 0, tokens_output: 9 };
  const histogram = emptyHistogram();
  for (let bucket = 100; bucket < 180; bucket += 1) addBucket(histogram, bucket, 1 + (bucket % 40));
  const latencies = histogramText(histogram);
  const rest = { tokens_reasoning: 0, cost_usd: 0.5, bytes: 1000, latencies, ttfts: latencies };
  const groups = { "": 1, "-key": 40, "-model": 15, "-provider": 4 } as const;
  const rows: TableRow[] = [];
  for (const [grain, size] of [
    ["hour", hour],
    ["day", dayMs],
  ] as const) {
    for (let at = end - 90 * dayMs; at <= end; at += size) {
      const start = String(Math.floor(at / size) * size).padStart(14, "0");
      for (const [suffix, count] of Object.entries(groups)) {
        for (let group = 0; group < count * 2; group += 1) {
          const label = `g${group >> 1}`;
          const names = { key_id: label, model: label, provider: label };
          const id = `${grain}${suffix}/${start}/${label}/${group % 2}`;
          rows.push({ id, at, ...names, requests: 100, ...measures, ...rest });
        }
      }
    }
  }
  database.transaction(() => {
    for (const { sql, values } of sqliteDialect.insertNew(tables.usage, rows)) database.query(sql).run(...values);
  })();
  database.close();
}

test("statistics of three months take less than 100 ms, whatever they are asked for", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  await openSqliteStore({ path, onWarning: () => undefined }).close();
  writeTotals(path);
  const store = openSqliteStore({ path, onWarning: () => undefined });
  const since = Math.floor(Date.now() / hour) * hour - 90 * 24 * hour;
  for (const by of [undefined, ...groupings]) {
    let best = Infinity;
    for (let round = 0; round < 4; round += 1) {
      const from = performance.now();
      const rows = await store.requests.statistics({ since, by });
      best = Math.min(best, performance.now() - from);
      expect(rows.length).toBeGreaterThan(0);
    }
    expect(best).toBeLessThan(100);
  }
  await store.close();
}, 30_000);
