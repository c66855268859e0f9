import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { databaseOf, openStore } from "../../../src/storage/engines.ts";
import { inspectDatabase } from "../../../src/storage/databases.ts";
import { createRecordWriter } from "../../../src/storage/record-writer.ts";
import type { Pool } from "../../../src/storage/server/pool.ts";
import { statement, type Steps } from "../../../src/storage/sql/steps.ts";
import { storeSink } from "../../../src/storage/store-sink.ts";
import { certificate } from "../../support/certificate.ts";
import { makeRecord } from "../../support/make-record.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { DatabaseServer } from "../../support/database-servers.ts";
import { countsOf, makeRecords, openAt, openNew, type TriedEngine } from "./engine.ts";

export interface TriedServer extends TriedEngine {
  readonly server: DatabaseServer;
  /** A SELECT that takes longer than anybody waits. */
  readonly sleepSql: string;
  /** Statements that make two users with the password `right`: `clerk` may do everything in a database, `stranger` nothing. */
  usersSql(database: string): readonly string[];
  /** Statements that put `clerk` out and let nobody of that name in, and the one that does again. */
  readonly lockSql: readonly string[];
  readonly unlockSql: string;
  /** Whether its migrations may be cut off between two statements. */
  readonly migratesInParts: boolean;
}

function poolsOf(url: string, timeoutMs: number): { reads: Pool; writes: Pool } {
  const database = databaseOf(url, { timeoutMs });
  if ("path" in database) throw new Error("this is a file");
  return database.server;
}

function* one(sql: string): Steps<number> {
  return (yield statement(sql)).rows.length;
}

/** Milliseconds until it settled, and how. */
async function timed(work: () => Promise<unknown>): Promise<{ ms: number; error: string | undefined }> {
  const from = performance.now();
  const error = await work().then(() => undefined, String);
  return { ms: performance.now() - from, error };
}

async function until(isSo: () => boolean | Promise<boolean>, longestMs: number): Promise<number> {
  const from = performance.now();
  while (!(await isSo())) {
    if (performance.now() - from > longestMs) throw new Error(`not so within ${longestMs} ms`);
    await Bun.sleep(20);
  }
  return performance.now() - from;
}

/** A new database with users: its URL as one of them, or as its owner. */
async function makeUsers(engine: TriedServer): Promise<(user?: string) => string> {
  const url = await engine.createDatabase();
  for (const sql of engine.usersSql(new URL(url).pathname.slice(1))) await engine.query(url, sql);
  return (user) => (user === undefined ? url : url.replace(/\/\/\w+@/, `//${user}@`));
}

export function serverConformance(engine: TriedServer): void {
  describe(`${engine.name}: deadlines`, () => deadlineConformance(engine));
  describe(`${engine.name}: outages`, () => outageConformance(engine));
  describe(`${engine.name}: what is refused`, () => refusalConformance(engine));
}

function deadlineConformance(engine: TriedServer): void {
  test("a question that takes too long is ended on the server, and its connection is used again", async () => {
    const { reads, writes } = poolsOf(await engine.createDatabase(), 300);
    for (let round = 0; round < 6; round += 1) {
      const { ms, error } = await timed(() => reads.read(() => one(engine.sleepSql)));
      expect(error).toMatch(/cannot be used/);
      expect(ms).toBeWithin(250, 1200);
    }
    expect(await reads.read(() => one("SELECT 1"))).toBe(1);
    await Promise.all([reads.close(), writes.close()]);
  });

  test("who holds a connection has the time for each statement, not for what is done between them", async () => {
    const { reads, writes } = poolsOf(await engine.createDatabase(), 300);
    const found = await reads.hold(async (run) => {
      await run(statement("SELECT 1"));
      for (let pause = 0; pause < 15; pause += 1) await Bun.sleep(50);
      return (await run(statement("SELECT 1"))).rows.length;
    }, 300);
    expect(found).toBe(1);
    const { error } = await timed(() => reads.hold((run) => run(statement(engine.sleepSql)), 300));
    expect(error).toMatch(/no answer within 300 ms/);
    expect(await reads.read(() => one("SELECT 1"))).toBe(1);
    await Promise.all([reads.close(), writes.close()]);
  });

  test("a frozen server is waited for as long as was said, and what it had been sent is not done twice", async () => {
    const url = await engine.createDatabase();
    await using opened = await openAt(url, { timeoutMs: 500 });
    const { store } = opened;
    await store.requests.insert(makeRecords(10));
    const records = makeRecords(100);
    engine.server.freeze();
    try {
      for (const work of [
        async () => store.requests.insert(records),
        async () => store.requests.find("x"),
        async () => store.documents.get("a", "b"),
      ]) {
        const { ms, error } = await timed(work);
        expect(error).toMatch(/cannot be used/);
        expect(ms).toBeLessThan(3000);
      }
    } finally {
      engine.server.thaw();
    }
    expect(store.isUp()).toBe(false);
    expect(await store.ready(5000)).toBe(true);
    expect(store.isUp()).toBe(true);
    await store.requests.insert(records);
    await store.requests.insert(records);
    expect(await countsOf(engine, url)).toEqual({ rows: 110, ids: 110, totals: 110 });
    expect(opened.warnings.join("\n")).toMatch(/can be used again/);
  });

  test("the writer of records goes on within 5 s after a frozen server's return, with none lost or twice", async () => {
    await using opened = await openNew(engine);
    const drops: number[] = [];
    const writer = createRecordWriter({
      sinks: [storeSink(opened.store)],
      onDrop: (_name, count) => void drops.push(count),
      onError: () => undefined,
      flushMs: 10,
    });
    for (const record of makeRecords(300)) writer.push(record);
    await writer.flush();
    engine.server.freeze();
    for (const record of makeRecords(2000)) writer.push(record);
    await Bun.sleep(1000);
    engine.server.thaw();
    await until(() => writer.depth() === 0, 5000);
    expect(await countsOf(engine, opened.url)).toEqual({ rows: 2300, ids: 2300, totals: 2300 });
    expect(drops).toEqual([]);
    await writer.close();
  });
}

function outageConformance(engine: TriedServer): void {
  test("a server that is killed under writes: none lost, none twice, and work goes on within 5 s", async () => {
    const url = await engine.createDatabase();
    await using opened = await openAt(url, { timeoutMs: 2000 });
    const drops: number[] = [];
    const writer = createRecordWriter({
      sinks: [storeSink(opened.store)],
      onDrop: (_name, count) => void drops.push(count),
      onError: () => undefined,
      flushMs: 5,
    });
    let pushed = 0;
    const load = setInterval(() => {
      for (const record of makeRecords(20, () => ({ keyId: `key-${pushed % 5}` }))) writer.push(record);
      pushed += 20;
      // The queue holds what comes in 10 s: on a busy machine a server takes some to start.
    }, 20);
    for (let round = 0; round < 3; round += 1) {
      await Bun.sleep(150 + round * 37);
      await engine.server.kill();
      await Bun.sleep(100);
      await engine.server.start();
      await until(() => writer.depth() < 200, 5000);
    }
    clearInterval(load);
    await until(() => writer.depth() === 0, 5000);
    expect(drops).toEqual([]);
    expect(await countsOf(engine, url)).toEqual({ rows: pushed, ids: pushed, totals: pushed });
    await writer.close();
  });

  test("a gateway may start while the server is down, keeps what its queue holds, and writes it later", async () => {
    const url = await engine.createDatabase();
    await engine.server.kill();
    const warnings: string[] = [];
    const store = openStore({ url, onWarning: (message) => void warnings.push(message) });
    const { ms } = await timed(() => store.ready(300));
    expect(ms).toBeLessThan(1500);
    expect(await store.ready(10)).toBe(false);
    expect(store.isUp()).toBe(false);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/cannot be used: nothing answers there.*Traffic goes on/);
    let dropped = 0;
    const writer = createRecordWriter({
      sinks: [storeSink(store)],
      onDrop: (_name, count) => void (dropped += count),
      onError: () => undefined,
      capacity: 500,
      flushMs: 5,
    });
    for (let batch = 0; batch < 4; batch += 1) {
      for (const record of makeRecords(200)) writer.push(record);
      await Bun.sleep(30);
    }
    expect(store.documents.get("a", "b")).rejects.toMatchObject({ status: 503, retryable: true });
    expect(writer.depth() + dropped).toBe(800);
    await engine.server.start();
    await until(() => writer.depth() === 0, 5000);
    expect(dropped).toBeWithin(1, 400);
    expect((await countsOf(engine, url)).rows).toBe(800 - dropped);
    await writer.close();
  });

  test("closing while the server is frozen takes no longer than two seconds", async () => {
    await using opened = await openNew(engine);
    let dropped = 0;
    const writer = createRecordWriter({
      sinks: [storeSink(opened.store)],
      onDrop: (_name, count) => void (dropped += count),
      onError: () => undefined,
    });
    await opened.store.ready(5000);
    engine.server.freeze();
    for (const record of makeRecords(5)) writer.push(record);
    const { ms } = await timed(() => writer.close());
    engine.server.thaw();
    expect(ms).toBeLessThan(3000);
    expect(dropped).toBe(5);
  });

  test("answers of /v1/responses are brought to another replica, and wait while the server is away", async () => {
    const url = await engine.createDatabase();
    await using first = await openAt(url, { timeoutMs: 1000 });
    await using second = await openAt(url, { timeoutMs: 1000 });
    const warnings: string[] = [];
    const own = first.store.responses({ onWarning: (message) => void warnings.push(message) });
    const other = second.store.responses({ onWarning: (message) => void warnings.push(message) });
    const entry = {
      keyId: "k",
      input: [{ a: "\u0000\ud800 я" }],
      output: [1],
      response: { b: 2 },
      createdAt: Date.now(),
    };
    own.save({ id: "resp_1", previousId: undefined, ...entry });
    own.save({ id: "resp_2", previousId: "resp_1", ...entry });
    own.save({ id: "resp_3", previousId: "resp_2", ...entry });
    expect(own.find("resp_3")?.previousId).toBe("resp_2");
    const isThere = async (id: string): Promise<boolean> => {
      await other.bring?.([id]);
      return other.find(id) !== undefined;
    };
    await until(() => isThere("resp_3"), 3000);
    expect(other.find("resp_1")).toMatchObject({ id: "resp_1", previousId: undefined, output: [1] });
    expect(other.find("resp_1")?.input).toEqual(entry.input);
    expect(await isThere("resp_unknown")).toBe(false);
    await own.delete("resp_2");
    const third = second.store.responses({});
    await third.bring?.(["resp_3"]);
    expect([third.find("resp_3")?.id, third.find("resp_2"), third.find("resp_1")]).toEqual([
      "resp_3",
      undefined,
      undefined,
    ]);
    expect(warnings).toEqual([]);

    await engine.server.kill();
    own.save({ id: "resp_4", previousId: undefined, ...entry });
    expect(await isThere("resp_4")).toBe(false);
    expect(Promise.resolve(own.delete("resp_1"))).rejects.toMatchObject({ status: 503 });
    await engine.server.start();
    await until(() => isThere("resp_4"), 5000);
    for (const store of [own, other, third]) await store.close();
  });

  test("kept answers go when they are too old or too many, the oldest first", async () => {
    await using opened = await openNew(engine);
    const entry = { previousId: undefined, keyId: "k", output: [], response: {} };
    const text = "x".repeat(10_000);
    expect(await opened.store.ready(5000)).toBe(true);
    const store = opened.store.responses({});
    const now = Date.now();
    for (let at = 0; at < 10; at += 1)
      store.save({ id: `resp_${at}`, input: [text], createdAt: at < 2 ? now - 5000 : now + at, ...entry });
    await until(
      async () => Number((await engine.query(opened.url, "SELECT count(*) AS n FROM responses"))[0]?.["n"]) === 10,
      3000,
    );
    await store.close();
    const later = opened.store.responses({ maxBytes: 60_000, ttlMs: 1000 });
    later.save({ id: "resp_last", input: [], createdAt: now + 100, ...entry });
    const ids = async (): Promise<unknown[]> =>
      (await engine.query(opened.url, "SELECT id FROM responses ORDER BY created_at")).map(({ id }) => id);
    await until(async () => (await ids()).length <= 6, 3000);
    expect(await ids()).toEqual(["resp_5", "resp_6", "resp_7", "resp_8", "resp_9", "resp_last"]);
    await later.close();
  });
}

function refusalConformance(engine: TriedServer): void {
  test("a newer release's schema is refused and left alone", async () => {
    const url = await engine.createDatabase();
    {
      await using opened = await openAt(url);
      await opened.store.requests.insert(makeRecords(1));
    }
    await engine.query(url, "UPDATE orcestator_schema SET version = version + 1");
    const before = await engine.query(url, "SELECT version FROM orcestator_schema");
    await using opened = await openAt(url);
    expect(opened.store.ready(1000)).rejects.toThrow(/schema version \d+, this release knows up to \d+.*newer release/);
    expect(Promise.resolve(opened.store.requests.insert([makeRecord()]))).rejects.toThrow(/newer release/);
    expect(inspectDatabase(url)).rejects.toThrow(/newer release/);
    expect(await engine.query(url, "SELECT version FROM orcestator_schema")).toEqual(before);
    expect((await countsOf(engine, url)).rows).toBe(1);
  });

  test("another program's tables are refused and left alone", async () => {
    const url = await engine.createDatabase();
    await engine.query(url, "CREATE TABLE bookmarks (url VARCHAR(50))");
    await using opened = await openAt(url);
    expect(opened.store.ready(1000)).rejects.toThrow(/another program's tables \(bookmarks.*CREATE DATABASE/);
    expect(Promise.resolve(opened.store.requests.insert([makeRecord()]))).rejects.toThrow(/another program/);
    expect(inspectDatabase(url)).rejects.toThrow(/another program/);
    expect(await engine.query(url, "SELECT * FROM bookmarks")).toEqual([]);
    expect(engine.query(url, "SELECT * FROM requests")).rejects.toThrow(/requests/);
    expect(engine.query(url, "SELECT * FROM orcestator_schema")).rejects.toThrow(/orcestator_schema/);
  });

  test("a connection is as secure as its URL says", async () => {
    using temporary = temporaryFolder();
    const [trusted, other] = [join(temporary.path, "ca.pem"), join(temporary.path, "other.pem")];
    await Bun.write(trusted, certificate);
    await Bun.write(other, rootCertificates[0] ?? "");
    const url = await engine.createDatabase();
    for (const parameters of ["sslmode=disable", "sslmode=require", `sslmode=verify-full&sslrootcert=${trusted}`]) {
      await using opened = await openAt(`${url}?${parameters}`);
      expect(await opened.store.ready(2000)).toBe(true);
    }
    for (const parameters of ["sslmode=verify-full", `sslrootcert=${other}`]) {
      await using opened = await openAt(`${url}?${parameters}`);
      expect(await opened.store.ready(500)).toBe(false);
      expect(opened.warnings.join()).toContain("no secure connection can be made");
    }
  });

  test("what time does not mend is thrown while it starts, and names the setting", async () => {
    const as = await makeUsers(engine);
    const refused = [
      as("clerk:wrong"),
      as("clerk"),
      as("nobody:right"),
      as("stranger:right"),
      `${as("clerk:right")}_not_there`,
    ];
    for (const url of refused) {
      await using opened = await openAt(url);
      const { error } = await timed(() => opened.store.ready(5000));
      expect(error).toMatch(/The database \S+ cannot be used: .+ \(\w+\)\. Check the user, password.* storage\.url/);
      // It is the start that says it, once.
      expect(opened.warnings).toEqual([]);
    }
  });

  test("a server that was away at the start, and then refuses, is told of twice", async () => {
    const as = await makeUsers(engine);
    await engine.server.kill();
    await using opened = await openAt(as("clerk:wrong"));
    try {
      expect(await opened.store.ready(100)).toBe(false);
    } finally {
      await engine.server.start();
    }
    for (let round = 0; round < 2; round += 1) expect(opened.store.requests.last()).rejects.toThrow(/Check the user/);
    await timed(async () => opened.store.requests.last());
    expect(opened.warnings).toEqual([
      expect.stringMatching(/nothing answers|cut/),
      expect.stringContaining("Check the user"),
    ]);
  });

  test("what is refused once it was open is told and waited for, and no record is lost", async () => {
    const as = await makeUsers(engine);
    const url = as();
    await using opened = await openAt(as("clerk:right"));
    expect(await opened.store.ready(5000)).toBe(true);
    const [records, drops] = [makeRecords(20), [] as number[]];
    const writer = createRecordWriter({
      sinks: [storeSink(opened.store)],
      onDrop: (_name, count) => void drops.push(count),
      onError: () => undefined,
      flushMs: 10,
    });
    for (const sql of engine.lockSql) await engine.query(url, sql);
    for (const record of records) writer.push(record);
    await until(() => !opened.store.isUp(), 5000);
    await engine.query(url, engine.unlockSql);
    await until(() => writer.depth() === 0, 5000);
    expect(opened.warnings.join("\n")).toMatch(/cannot be used: .*Traffic goes on.*\n.*can be used again/s);
    expect(await countsOf(engine, url)).toEqual({ rows: 20, ids: 20, totals: 20 });
    expect(drops).toEqual([]);
    await writer.close();
  });

  test("no message of a failure has the password in it", async () => {
    const canary = "canary-p%40ss";
    const url = await engine.createDatabase();
    const wrong = url.replace(/\/\/\w+@/, `//nobody:${canary}@`);
    const away = wrong.replace(/:\d+\//, ":1/");
    const elsewhere = `${url}_not_there`.replace(/\/\/(\w+)@/, `//$1:${canary}@`);
    for (const bad of [
      wrong,
      away,
      elsewhere,
      `${wrong}?sslmode=verify-full`,
      `${wrong}?sslrootcert=/no/such/ca.pem`,
    ]) {
      const warnings: string[] = [];
      const store = openStore({ url: bad, onWarning: (message) => void warnings.push(message), timeoutMs: 1000 });
      const found = [
        String(await store.ready(100).catch(Bun.inspect)),
        await Promise.resolve(store.requests.insert([makeRecord()])).then(String, Bun.inspect),
        await inspectDatabase(bad).then(String, Bun.inspect),
        ...warnings,
      ].join("\n");
      expect(found).toContain("cannot be used");
      expect(found).not.toContain("canary");
      await store.close();
    }
  });

  test("a database of the first release gets what came later, and keeps what it has", async () => {
    const url = await engine.createDatabase();
    const audit = { id: "aud_old", actor: "root", action: "key.delete", subject: "key/key_1", before: { name: "old" } };
    {
      await using opened = await openAt(url);
      await opened.store.audit.append(audit);
    }
    const onTable = engine.migratesInParts ? "ON audit_log" : "";
    await engine.query(url, `DROP INDEX audit_log_subject ${onTable}`);
    await engine.query(url, "UPDATE orcestator_schema SET version = 1");
    await using opened = await openAt(url);
    expect(await opened.store.ready(5000)).toBe(true);
    expect(await opened.store.audit.deletedNames("key", ["key_1"])).toEqual(new Map([["key_1", "old"]]));
    // There it is again, or this would fail.
    await engine.query(url, `DROP INDEX audit_log_subject ${onTable}`);
  });

  if (!engine.migratesInParts) return;
  test("a migration that was cut off goes on where it was", async () => {
    const url = await engine.createDatabase();
    {
      await using opened = await openAt(url);
      await opened.store.ready(5000);
    }
    // As if its process had died before it said that all is done.
    await engine.query(url, "UPDATE orcestator_schema SET version = 0");
    await engine.query(url, "DROP TABLE counters");
    await engine.query(url, "DROP TABLE responses");
    await engine.query(url, "DROP TABLE audit_log");
    await using opened = await openAt(url);
    expect(await opened.store.ready(5000)).toBe(true);
    await opened.store.documents.put({ kind: "a", id: "b", value: 1 });
  });
}
