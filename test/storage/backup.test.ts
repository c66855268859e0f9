import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { backupDatabase } from "../../src/storage/backup/backup.ts";
import { restoreDatabase } from "../../src/storage/backup/restore.ts";
import { inspectDatabase } from "../../src/storage/databases.ts";
import { openStore } from "../../src/storage/engines.ts";
import { migrations } from "../../src/storage/sqlite/migrations.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function fill(url: string, count: number): Promise<void> {
  const store = openStore({ url, onWarning: () => undefined });
  await store.requests.insert(Array.from({ length: count }, () => makeRecord()));
  await store.documents.put({ kind: "key", id: "a", value: { secret: "hash" } });
  await store.close();
}

/** Its end is another than its beginning says. */
function changedIn(zipped: Buffer): Buffer {
  zipped[zipped.length - 8] = (zipped.at(-8) ?? 0) ^ 1;
  return zipped;
}

async function requestsIn(url: string): Promise<number | undefined> {
  const store = openStore({ url, onWarning: () => undefined });
  const [all] = await store.requests.statistics({ since: 0, by: undefined });
  await store.close();
  return all?.requests;
}

function urlIn(folder: string, name: string): string {
  return `sqlite://${join(folder, name)}`;
}

test("a SQLite backup is one file that only its owner may read, made while the gateway writes", async () => {
  using temporary = temporaryFolder();
  const url = urlIn(temporary.path, "audit.db");
  const store = openStore({ url, onWarning: (message) => expect(message).toBe("no warning") });
  await store.requests.insert(Array.from({ length: 300 }, () => makeRecord()));
  const file = join(temporary.path, "backup.db");
  expect(await backupDatabase({ url, file })).toEqual({ kind: "sqlite", rows: undefined });
  await store.requests.insert([makeRecord()]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await store.close();
  const copy = urlIn(temporary.path, "copy.db");
  expect(await restoreDatabase({ url: copy, file })).toBeUndefined();
  expect(await requestsIn(copy)).toBe(300);
  expect(await requestsIn(url)).toBe(301);
  expect(readdirSync(temporary.path).sort()).toEqual(["audit.db", "backup.db", "copy.db"]);
});

test("a backup takes the place of what is in a database only when that is said", async () => {
  using temporary = temporaryFolder();
  const url = urlIn(temporary.path, "audit.db");
  await fill(url, 20);
  const file = join(temporary.path, "backup.db");
  await backupDatabase({ url, file });
  await fill(url, 5);
  expect(restoreDatabase({ url, file })).rejects.toThrow(/is not empty: it has requests.*--force/);
  expect(await requestsIn(url)).toBe(25);
  expect(await restoreDatabase({ url, file, force: true })).toMatchObject({ requests: 20, documents: 1 });
  expect(await requestsIn(url)).toBe(20);
  expect(readdirSync(temporary.path).sort()).toEqual(["audit.db", "backup.db"]);
});

test("a backup brings back the keys of a database that was lost, and ends the loss", async () => {
  using temporary = temporaryFolder();
  const [url, next] = [urlIn(temporary.path, "audit.db"), urlIn(temporary.path, "next.db")];
  await fill(url, 1);
  const file = join(temporary.path, "backup.db");
  await backupDatabase({ url, file });
  const store = openStore({ url: next, onWarning: () => undefined });
  await store.documents.put({ kind: "loss", id: "database", value: { was: "damaged" } });
  await restoreDatabase({ url: next, file, force: true });
  const { changes } = await store.documents.changesSince(0);
  expect(changes).toMatchObject([
    { kind: "key", id: "a", value: {} },
    { kind: "loss", isRemoved: true },
  ]);
  await store.close();
});

test("what was removed before the backup is known to be removed behind it", async () => {
  using temporary = temporaryFolder();
  const [url, other] = [urlIn(temporary.path, "audit.db"), urlIn(temporary.path, "other.db")];
  await fill(url, 1);
  const store = openStore({ url, onWarning: () => undefined });
  await store.documents.remove({ kind: "key", id: "a" });
  await store.close();
  const file = join(temporary.path, "backup.db");
  await backupDatabase({ url, file });
  const filled = openStore({ url: other, onWarning: () => undefined });
  await filled.requests.insert([makeRecord()]);
  await filled.close();
  await restoreDatabase({ url: other, file, force: true });
  const restored = openStore({ url: other, onWarning: () => undefined });
  expect((await restored.documents.changesSince(0)).changes).toMatchObject([{ kind: "key", id: "a", isRemoved: true }]);
  await restored.close();
});

test("a backup, its restoration and a look at the database count the same documents: those that are there", async () => {
  using temporary = temporaryFolder();
  const [url, other] = [urlIn(temporary.path, "audit.db"), urlIn(temporary.path, "other.db")];
  await fill(url, 2);
  const store = openStore({ url, onWarning: () => undefined });
  await store.documents.put({ kind: "key", id: "b", value: 1 });
  await store.documents.remove({ kind: "key", id: "a" });
  await store.close();
  const there = { requests: 2, documents: 1 };
  const file = join(temporary.path, "backup.ndjson.gz");
  expect((await backupDatabase({ url, file })).rows).toMatchObject(there);
  expect(await restoreDatabase({ url: other, file })).toMatchObject(there);
  for (const one of [url, other]) expect((await inspectDatabase(one))?.rows).toMatchObject(there);
});

test("a backup of an older release is brought up to date, and stays as it is itself", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "old.db");
  const database = new Database(file);
  for (const statements of migrations.slice(0, 3)) database.run(statements);
  database.run("PRAGMA user_version = 3");
  const columns =
    "id, started_at, operation, protocol, key_id, model_asked, stream, status, end_reason, attempts, retries, usage_source";
  database.run(
    `INSERT INTO requests (${columns}) VALUES ('req_old', 1795000000000, 'chat', 'openai-chat', 'k', 'm', 0, 200, 'completed', 1, 0, 'none')`,
  );
  database.close();
  const before = readFileSync(file);
  const [fresh, filled] = [urlIn(temporary.path, "fresh.db"), urlIn(temporary.path, "filled.db")];
  await restoreDatabase({ url: fresh, file });
  await fill(filled, 3);
  await restoreDatabase({ url: filled, file, force: true });
  for (const url of [fresh, filled]) expect(await requestsIn(url)).toBe(1);
  expect(readFileSync(file).equals(before)).toBe(true);
});

test("a file is written over only when that is said, and a failure leaves none behind", async () => {
  using temporary = temporaryFolder();
  const url = urlIn(temporary.path, "audit.db");
  await fill(url, 3);
  const file = join(temporary.path, "backup.db");
  writeFileSync(file, "something else");
  expect(backupDatabase({ url, file })).rejects.toThrow(/is there already.*--force/);
  await backupDatabase({ url, file, force: true });
  expect(backupDatabase({ url: urlIn(temporary.path, "none.db"), file: `${file}2` })).rejects.toThrow(
    /There is no database .*none.db to save/,
  );
  const nowhere = join(temporary.path, "no", "folder", "backup.db");
  expect(backupDatabase({ url, file: nowhere })).rejects.toThrow(/cannot be written/);
  expect(backupDatabase({ url, file: `${nowhere}.gz` })).rejects.toThrow(/cannot be written/);
  expect(existsSync(join(temporary.path, "none.db"))).toBe(false);
  expect(readdirSync(temporary.path).sort()).toEqual(["audit.db", "backup.db"]);
});

test("a server's backup must be a portable one", async () => {
  const url = "postgres://u@127.0.0.1:1/x";
  expect(backupDatabase({ url, file: "/tmp/never-written.db" })).rejects.toThrow(/ends in .ndjson.gz/);
});

test("what is no backup is refused, with the reason", async () => {
  using temporary = temporaryFolder();
  const url = urlIn(temporary.path, "audit.db");
  await fill(url, 3);
  const whole = join(temporary.path, "whole.gz");
  await backupDatabase({ url, file: whole });
  const lines = gunzipSync(readFileSync(whole)).toString().trimEnd().split("\n");
  const [head = "", first = "", ...rest] = lines;
  const cases: Record<string, [string | Buffer, RegExp]> = {
    text: ["hello", /it is no backup of this gateway\.$/],
    empty: ["", /it was cut off/],
    cut: [gzipSync(lines.join("\n")).subarray(0, 200), /it was cut off\.$/],
    changed: [changedIn(gzipSync(lines.join("\n"))), /it was changed since it was written\.$/],
    other: [gzipSync('{"a":1}\n'), /no backup of this gateway/],
    newer: [gzipSync(head.replace('"version":1', '"version":2')), /middle of a line|version 2/],
    newerLine: [gzipSync(`${head.replace('"version":1', '"version":2')}\n`), /of version 2.*newer release/],
    headOnly: [gzipSync(`${head}\n`), /its end is missing/],
    missing: [gzipSync(`${[head, ...rest].join("\n")}\n`), /rows are missing/],
    twice: [gzipSync(`${[...lines, first].join("\n")}\n`), /follows behind its end/],
    column: [gzipSync(`${[head, first.replace('"id"', '"evil":1,"id"'), ...rest].join("\n")}\n`), /column evil.*newer/],
    table: [
      gzipSync(`${[head, '["sqlite_master",{"id":"a"}]', ...rest].join("\n")}\n`),
      /no row of a table known here/,
    ],
    proto: [gzipSync(`${[head, '["__proto__",{"id":"a"}]', ...rest].join("\n")}\n`), /no row of a table known here/],
    key: [gzipSync(`${[head, '["requests",{"started_at":1}]', ...rest].join("\n")}\n`), /without a key/],
    type: [gzipSync(`${[head, '["requests",{"id":"a","status":"x"}]', ...rest].join("\n")}\n`), /status is no number/],
    json: [gzipSync(`${head}\n{{{\n`), /a line that is no JSON\.$/],
  };
  for (const [name, [content, reason]] of Object.entries(cases)) {
    const file = join(temporary.path, `${name}.gz`);
    writeFileSync(file, content);
    const message = await restoreDatabase({ url, file, force: true }).then(() => "restored", String);
    expect(message).toMatch(/The backup .* cannot be used/);
    expect(message).toMatch(reason);
  }
  expect(restoreDatabase({ url, file: join(temporary.path, "none") })).rejects.toThrow(/There is no file/);
  expect(await requestsIn(url)).toBe(3);
});

test("another program's SQLite file and a damaged one are no backups", async () => {
  using temporary = temporaryFolder();
  const url = urlIn(temporary.path, "audit.db");
  const foreign = join(temporary.path, "foreign.db");
  const database = new Database(foreign);
  database.run("CREATE TABLE bookmarks (url TEXT)");
  database.close();
  expect(restoreDatabase({ url, file: foreign })).rejects.toThrow(/database of another program/);
  await fill(url, 300);
  const file = join(temporary.path, "backup.db");
  await backupDatabase({ url, file });
  const bytes = readFileSync(file);
  bytes.fill(0xa5, 3 * 4096, 5 * 4096);
  const damaged = join(temporary.path, "damaged.db");
  writeFileSync(damaged, bytes);
  expect(restoreDatabase({ url: urlIn(temporary.path, "new.db"), file: damaged })).rejects.toThrow(/cannot be used/);
  expect(existsSync(join(temporary.path, "new.db"))).toBe(false);
  expect(backupDatabase({ url: `sqlite://${foreign}`, file: `${file}2` })).rejects.toThrow(/another program/);
});
