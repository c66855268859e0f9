import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../../../src/errors.ts";
import { historyOf } from "../../../src/storage/responses/history.ts";
import { openSqliteStore } from "../../../src/storage/sqlite/index.ts";
import { migrations } from "../../../src/storage/sqlite/migrations.ts";
import { openSqliteResponseStore } from "../../../src/storage/sqlite/responses.ts";
import { makeRecord } from "../../support/make-record.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { describeResponseStore, makeChain, makeEntry, type StoreOptions } from "./conformance.ts";

describeResponseStore("responses in SQLite", (options) => {
  const folder = temporaryFolder();
  return {
    store: openSqliteResponseStore({ path: join(folder.path, "audit.db"), onWarning: refuseWarning, ...options }),
    dispose: () => folder[Symbol.dispose](),
  };
});

function refuseWarning(message: string): void {
  throw new Error(message);
}

function storeIn(folder: string, options: StoreOptions = {}) {
  const path = join(folder, "audit.db");
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  return { path, warnings, store: openSqliteResponseStore({ path, onWarning, ...options }) };
}

function run(path: string, sql: string): Record<string, unknown>[] {
  const database = new Database(path);
  try {
    return database.query<Record<string, unknown>, []>(sql).all();
  } finally {
    database.close();
  }
}

test("responses outlive the process that kept them, beside its records", () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const records = openSqliteStore({ path, onWarning: refuseWarning });
  const chain = makeChain(3);
  for (const entry of chain) store.save(entry);
  void records.requests.insert([makeRecord()]);
  void records.close();
  store.close();
  const { store: next } = storeIn(temporary.path);
  expect(historyOf(next, chain[2]?.id ?? "", "team-a")).toHaveLength(6);
  next.close();
  expect(run(path, "SELECT count(*) AS count FROM requests")).toEqual([{ count: 1 }]);
  expect(run(path, "PRAGMA user_version")).toEqual([{ user_version: migrations.length }]);
});

test("a database of the release before gets the table and keeps its records", () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const old = new Database(path);
  old.run(migrations[0] ?? "");
  old.run("PRAGMA user_version = 1");
  old.run(
    `INSERT INTO requests (id, started_at, operation, protocol, key_id, model_asked, stream, status, end_reason, attempts, retries, usage_source)
     VALUES ('req_old', 1, 'chat', 'openai-chat', 'k', 'm', 0, 200, 'completed', 1, 0, 'none')`,
  );
  old.close();
  const entry = makeEntry();
  store.save(entry);
  expect(store.find(entry.id)).toBeDefined();
  store.close();
  expect(run(path, "SELECT id FROM requests")).toEqual([{ id: "req_old" }]);
});

test("nothing is opened before the first response comes", () => {
  using temporary = temporaryFolder();
  const { store, warnings } = storeIn(join(temporary.path, "not", "there", "yet"));
  store.close();
  expect(warnings).toEqual([]);
  expect([...new Bun.Glob("**").scanSync(temporary.path)]).toEqual([]);
});

test("several processes share the limit: what each writes counts", () => {
  using temporary = temporaryFolder();
  const [left, right] = [storeIn(temporary.path, { maxBytes: 40_000 }), storeIn(temporary.path, { maxBytes: 40_000 })];
  for (let index = 0; index < 30; index += 1) {
    (index % 2 === 0 ? left : right).store.save(makeEntry({ input: ["x".repeat(3000)] }));
  }
  left.store.close();
  right.store.close();
  const [sum] = run(left.path, "SELECT sum(bytes) AS bytes, count(*) AS count FROM responses");
  expect(sum?.["bytes"]).toBeLessThanOrEqual(40_000);
  expect(sum?.["count"]).toBeGreaterThan(9);
  expect(run(left.path, "SELECT bytes FROM responses_size")).toEqual([{ bytes: sum?.["bytes"] }]);
  expect([...left.warnings, ...right.warnings]).toEqual([]);
});

test("a limit that became smaller is reached in steps that take little time", () => {
  using temporary = temporaryFolder();
  const large = storeIn(temporary.path);
  for (let index = 0; index < 3000; index += 1) large.store.save(makeEntry({ input: [], createdAt: index + 1e12 }));
  large.store.close();
  const small = storeIn(temporary.path, { maxBytes: 20_000, ttlMs: 1e13 });
  for (let saves = 0; saves < 20; saves += 1) small.store.save(makeEntry({ input: [], createdAt: 2e12 }));
  small.store.close();
  const [rest] = run(large.path, "SELECT sum(bytes) AS bytes FROM responses");
  expect(rest?.["bytes"]).toBeLessThanOrEqual(20_000);
});

test("what is too old is removed from the file with the next that comes", () => {
  using temporary = temporaryFolder();
  let time = 1e12;
  const { path, store } = storeIn(temporary.path, { ttlMs: 1000, now: () => time });
  for (let index = 0; index < 120; index += 1) store.save(makeEntry({ createdAt: time }));
  time += 5000;
  const fresh = makeEntry({ createdAt: time });
  store.save(fresh);
  store.close();
  expect(run(path, "SELECT id FROM responses")).toEqual([{ id: fresh.id }]);
});

test("a lock held by another process costs the response, quickly, and the next one is kept", () => {
  using temporary = temporaryFolder();
  const { path, store, warnings } = storeIn(temporary.path);
  store.save(makeEntry());
  const other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  const start = performance.now();
  const lost = makeEntry();
  store.save(lost);
  expect(performance.now() - start).toBeLessThan(300);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("cannot be written to");
  expect(() => store.delete("resp_any")).toThrow(GatewayError);
  other.run("COMMIT");
  other.close();
  expect(store.find(lost.id)).toBeUndefined();
  const kept = makeEntry();
  store.save(kept);
  expect(store.find(kept.id)).toBeDefined();
  store.close();
});

test("a file that was moved away is followed by a new one", () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const before = makeEntry();
  store.save(before);
  for (const suffix of ["", "-wal", "-shm"]) renameSync(path + suffix, `${path}.old${suffix}`);
  expect(store.find(before.id)).toBeUndefined();
  const after = makeEntry();
  store.save(after);
  expect(store.find(after.id)).toBeDefined();
  store.close();
});

test("a file that is no database costs the responses, and not the request", () => {
  using temporary = temporaryFolder();
  const { path, store, warnings } = storeIn(temporary.path);
  writeFileSync(path, "this is not a database, and it is longer than a header would be. ".repeat(50));
  const entry = makeEntry();
  store.save(entry);
  expect(store.find(entry.id)).toBeUndefined();
  expect(() => store.delete(entry.id)).toThrow("could not be deleted");
  expect(warnings).toHaveLength(2);
  store.close();
});

test("values that somebody broke in the file are read as empty", () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const entry = makeEntry();
  store.save(entry);
  const other = new Database(path);
  other.run("UPDATE responses SET input = '{', output = '5', response = '[[['");
  other.close();
  expect(historyOf(store, entry.id, "team-a")).toEqual([]);
  expect(store.find(entry.id)?.response).toEqual({});
  store.close();
});
