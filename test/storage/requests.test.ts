import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { readSqliteRequest } from "../../src/storage/sqlite/read-file.ts";
import { migrations } from "../../src/storage/sqlite/migrations.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { forSeeds } from "../lib/seeded.ts";
import { makeRecord } from "../support/make-record.ts";
import { failoverRecord, hedgeRecord, makeAttempt, makeTrail } from "../support/make-trail.ts";
import { createRandom, randomText } from "../support/random.ts";
import { somePrice } from "../support/some-price.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function refuseWarning(message: string): void {
  throw new Error(message);
}

function storeIn(folder: string) {
  const path = join(folder, "audit.db");
  return { path, store: openSqliteStore({ path, onWarning: refuseWarning }) };
}

function run(path: string, ...statements: string[]): void {
  const database = new Database(path, { create: true, readwrite: true });
  for (const statement of statements) database.run(statement);
  database.close();
}

/** A database as a release with the first `version` steps of the schema left it, with one request. */
function oldDatabase(path: string, version: number): void {
  const columns =
    "id, started_at, operation, protocol, key_id, model_asked, stream, status, end_reason, attempts, retries";
  run(
    path,
    ...migrations.slice(0, version),
    `PRAGMA user_version = ${version}`,
    `INSERT INTO requests (${columns}, usage_source, provider, latency_ms, dropped)
      VALUES ('req_old', 1795000000000, 'chat', 'openai-chat', 'anonymous', 'smart', 1, 200, 'completed', 2, 1, 'upstream',
        'groq', 12.5, 'seed, user')`,
  );
}

test("a request comes back by its id as it was, with its trail", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const records = [failoverRecord(), hedgeRecord(), makeRecord(), makeRecord({ attempts: 0, provider: undefined })];
  await store.requests.insert(records);
  for (const record of records) {
    expect(await store.requests.find(record.id)).toEqual(record);
    expect(readSqliteRequest(path, { id: record.id })).toEqual(record);
  }
  expect(await store.requests.find("req_unknown")).toBeUndefined();
  expect(readSqliteRequest(path, { id: "' OR 1 = 1 --" })).toBeUndefined();
  await store.close();
});

test("the last request is the one that ended last, and an empty database has none", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  expect(readSqliteRequest(path, "last")).toBeUndefined();
  const long = makeRecord({ startedAt: 1000 });
  await store.requests.insert([makeRecord({ startedAt: 2000 }), long]);
  expect(readSqliteRequest(path, "last")).toEqual(long);
  await store.close();
});

test("a database of the release before gets the columns, and its requests can be read", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  oldDatabase(path, 3);
  expect(() => readSqliteRequest(path, "last")).toThrow(/schema version 3, this release reads \d+.*orcestator serve/);
  const { store } = storeIn(temporary.path);
  const old = await store.requests.find("req_old");
  expect(old).toMatchObject({ provider: "groq", attempts: 2, latencyMs: 12.5, dropped: ["seed", "user"] });
  expect(old?.trail).toBeUndefined();
  const fresh = failoverRecord();
  await store.requests.insert([fresh]);
  expect(await store.requests.find(fresh.id)).toEqual(fresh);
  await store.close();
});

test("a database of version 4 gets the columns of prices, and what it cost before was reported", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  oldDatabase(path, 4);
  run(path, "UPDATE requests SET cost_usd = 0.25");
  const { store } = storeIn(temporary.path);
  const old = await store.requests.find("req_old");
  expect(old).toMatchObject({ costUsd: 0.25, provider: "groq" });
  expect([old?.costSource, old?.priceUsed]).toEqual([undefined, undefined]);
  const priceUsed = { ...somePrice, cacheRead: 0.3, request: 0.01 };
  const records = [
    makeRecord({ costUsd: 0.5, costSource: "computed", priceUsed }),
    makeRecord({ costUsd: 0.5, costSource: "upstream" }),
    makeRecord({ priceUsed: { ...priceUsed, source: "list", reasoning: 3 } }),
  ];
  await store.requests.insert(records);
  for (const record of records) expect(await store.requests.find(record.id)).toEqual(record);
  await store.close();
});

test("a price that a later release wrote otherwise is not known", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const record = makeRecord({ priceUsed: somePrice });
  await store.requests.insert([record]);
  run(path, 'UPDATE requests SET price = \'["rumour","2027-01-01",1,2]\'');
  expect((await store.requests.find(record.id))?.priceUsed).toBeUndefined();
  await store.close();
});

function columnsOf(path: string): unknown {
  const database = new Database(path);
  const columns = database.query("SELECT name, type FROM pragma_table_info('requests')").all();
  database.close();
  return columns;
}

test("every older schema comes to the same columns in the same order as a new one", () => {
  using temporary = temporaryFolder();
  void openSqliteStore({ path: join(temporary.path, "new.db"), onWarning: refuseWarning }).close();
  const old = join(temporary.path, "old.db");
  oldDatabase(old, 3);
  void openSqliteStore({ path: old, onWarning: refuseWarning }).close();
  expect(columnsOf(old)).toEqual(columnsOf(join(temporary.path, "new.db")));
});

function hostileRecord(seed: number): RequestRecord {
  const next = createRandom(seed);
  // SQLite stores UTF-8: half a character becomes a replacement mark.
  const text = (): string => (randomText(next) + randomText(next)).toWellFormed();
  const attempts = [1, 2].map(() => makeAttempt({ provider: text(), model: text(), cause: text(), outcome: text() }));
  return makeRecord({
    id: `req_${seed}`,
    modelAsked: text(),
    errorMessage: text(),
    credential: text(),
    lane: text(),
    trail: makeTrail({ routedBy: text(), model: text(), strategy: text(), attempts }),
  });
}

test("hostile texts come back as they were", async () => {
  using temporary = temporaryFolder();
  const { store } = storeIn(temporary.path);
  const records: RequestRecord[] = [];
  forSeeds(100, (_random, seed) => void records.push(hostileRecord(seed)));
  await store.requests.insert(records);
  for (const record of records) expect(await store.requests.find(record.id)).toEqual(record);
  await store.close();
});

test("a trail that is too long is kept in 16 KiB, with what matters most", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const cause = "\u0000é".repeat(50_000);
  const attempts = Array.from({ length: 3 }, () => makeAttempt({ outcome: "upstream_error", cause }));
  const candidates = Array.from({ length: 2000 }, (_, index) => {
    return { provider: `p${index}`, model: cause, state: "healthy", score: 1, skipped: undefined };
  });
  const record = makeRecord({ trail: makeTrail({ candidates, attempts }) });
  await store.requests.insert([record]);
  const database = new Database(path);
  const row = database.query<{ bytes: number }, []>("SELECT length(CAST(trail AS BLOB)) AS bytes FROM requests").get();
  database.close();
  expect(row?.bytes).toBeLessThanOrEqual(16 * 1024);
  const found = await store.requests.find(record.id);
  expect(found?.trail?.attempts).toHaveLength(3);
  expect(found?.trail?.omitted?.candidates).toBe(2000);
  await store.close();
});

test("a trail that somebody broke in the file costs the trail only", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const record = failoverRecord();
  await store.requests.insert([record]);
  for (const broken of ["{", "[]", '{"attempts":"none"}', ""]) {
    run(path, `UPDATE requests SET trail = '${broken}'`);
    expect(await store.requests.find(record.id)).toEqual({ ...record, trail: undefined });
  }
  await store.close();
});

test("looking for a request goes through an index, also for the last one", () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  void store.close();
  const database = new Database(path);
  const plan = database.query<{ detail: string }, [string]>("EXPLAIN QUERY PLAN SELECT * FROM requests WHERE id = ?");
  expect(plan.all("x").map(({ detail }) => detail)).toEqual([expect.stringMatching(/^SEARCH requests USING INDEX/)]);
  plan.finalize();
  database.close();
});
