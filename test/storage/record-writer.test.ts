import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { GatewayError } from "../../src/errors.ts";
import { createRecordWriter, type RecordWriterOptions } from "../../src/storage/record-writer.ts";
import { fullBatch } from "../../src/storage/sink-lane.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { storeSink } from "../../src/storage/store-sink.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import type { RecordSink } from "../../src/telemetry/sink.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** A sink that keeps what it gets; `fail` decides with which error a write ends. */
function keepingSink(name: string, write?: (records: readonly RequestRecord[]) => void | Promise<void>) {
  const batches: string[][] = [];
  let running = 0;
  let closed = 0;
  const sink: RecordSink = {
    name,
    async write(records) {
      running += 1;
      try {
        if (running > 1) throw new Error("two batches at once");
        await write?.(records);
        batches.push(records.map(({ id }) => id));
      } finally {
        running -= 1;
      }
    },
    close() {
      closed += 1;
    },
  };
  return { sink, batches, ids: () => batches.flat(), closed: () => closed };
}

function writerOf(sinks: RecordSink[], changes: Partial<RecordWriterOptions> = {}) {
  const drops: Record<string, number> = {};
  const errors: string[] = [];
  const writer = createRecordWriter({
    sinks,
    onDrop: (name, count) => {
      drops[name] = (drops[name] ?? 0) + count;
    },
    onError: (name, error) => errors.push(`${name}: ${String(error)}`),
    ...changes,
  });
  return { writer, drops, errors };
}

function pushMany(writer: { push(record: RequestRecord): void }, count: number): string[] {
  const records = Array.from({ length: count }, () => makeRecord());
  for (const record of records) writer.push(record);
  return records.map(({ id }) => id);
}

function busyError(code = "SQLITE_BUSY"): Error {
  return Object.assign(new Error("database is locked"), { code });
}

test("records reach every sink in order, in batches, by themselves", async () => {
  const arrived = Promise.withResolvers<void>();
  const one = keepingSink("one");
  const two = keepingSink("two", () => arrived.resolve());
  const { writer } = writerOf([one.sink, two.sink]);
  const start = performance.now();
  const ids = pushMany(writer, 20);
  expect(writer.depth()).toBe(20);
  await arrived.promise;
  expect(performance.now() - start).toBeLessThan(200);
  await writer.flush();
  expect(one.batches).toEqual([ids]);
  expect(two.batches).toEqual([ids]);
  expect(writer.depth()).toBe(0);
  await writer.close();
});

test("a full batch does not wait for the next flush", async () => {
  const sink = keepingSink("s");
  const { writer } = writerOf([sink.sink], { flushMs: 60_000 });
  // Those that come until it is written go along, and are no small batch of their own.
  const ids = pushMany(writer, fullBatch + 30);
  await Bun.sleep(20);
  expect(sink.batches).toEqual([ids]);
  pushMany(writer, fullBatch - 1);
  await Bun.sleep(20);
  expect(sink.batches).toEqual([ids]);
  await writer.close();
});

test("flush resolves when everything pushed before is written", async () => {
  const slow = keepingSink("slow", () => Bun.sleep(5));
  const { writer } = writerOf([slow.sink]);
  const ids = pushMany(writer, 700);
  await writer.flush();
  expect(slow.ids()).toEqual(ids);
  expect(slow.batches.length).toBeGreaterThan(1);
  await writer.close();
});

test("a full queue drops the newest, counts them for every sink and stays usable", async () => {
  const one = keepingSink("one");
  const two = keepingSink("two");
  const { writer, drops } = writerOf([one.sink, two.sink], { capacity: 10 });
  const ids = pushMany(writer, 25);
  expect(writer.depth()).toBe(10);
  await writer.flush();
  expect(one.ids()).toEqual(ids.slice(0, 10));
  expect(drops).toEqual({ one: 15, two: 15 });
  const more = pushMany(writer, 3);
  await writer.flush();
  expect(two.ids()).toEqual([...ids.slice(0, 10), ...more]);
  await writer.close();
});

test("a stuck sink holds up nobody else, and only its own queue overflows", async () => {
  const gate = Promise.withResolvers<void>();
  const stuck = keepingSink("stuck", () => gate.promise);
  const quick = keepingSink("quick");
  const { writer, drops } = writerOf([stuck.sink, quick.sink], { capacity: 10, flushMs: 1 });
  const ids: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    ids.push(...pushMany(writer, 10));
    while (quick.ids().length < ids.length) await Bun.sleep(1);
  }
  expect(quick.ids()).toEqual(ids);
  expect(drops).toEqual({ stuck: 30 });
  expect(writer.depth()).toBe(20);
  gate.resolve();
  await writer.flush();
  expect(stuck.ids()).toEqual(ids.slice(0, 20));
  await writer.close();
});

test("a failing sink loses its batch, says so, and gets the next one", async () => {
  let isBroken = true;
  const broken = keepingSink("broken", () => {
    if (isBroken) throw new Error("disk full");
  });
  const sound = keepingSink("sound");
  const { writer, drops, errors } = writerOf([broken.sink, sound.sink]);
  const lost = pushMany(writer, 3);
  await writer.flush();
  expect(drops).toEqual({ broken: 3 });
  expect(errors).toEqual(["broken: Error: disk full"]);
  isBroken = false;
  const kept = pushMany(writer, 2);
  await writer.flush();
  expect(broken.ids()).toEqual(kept);
  expect(sound.ids()).toEqual([...lost, ...kept]);
  await writer.close();
});

test("of a batch that is all or nothing only the records that are refused are lost", async () => {
  const poison = new Set<string>();
  let isAway = false;
  let wasAway = false;
  const refusing = keepingSink("s", (records) => {
    if (isAway) throw busyError();
    if (records.some(({ id }) => poison.has(id))) throw new Error("a value is refused");
    // Away in the middle of the parts.
    if (wasAway || refusing.ids().length < 100) return;
    isAway = true;
    wasAway = true;
  });
  const { writer, drops, errors } = writerOf([{ ...refusing.sink, isAllOrNothing: true }]);
  const ids = pushMany(writer, 600);
  for (const at of [0, 130, 131, 249, 400]) poison.add(ids[at] ?? "");
  await writer.flush();
  expect(writer.depth()).toBeGreaterThan(400);
  isAway = false;
  await writer.flush();
  expect(refusing.ids()).toEqual(ids.filter((id) => !poison.has(id)));
  expect(drops).toEqual({ s: 5 });
  expect(errors).toEqual(Array.from({ length: 5 }, () => "s: Error: a value is refused"));
  expect(writer.depth()).toBe(0);
  await writer.close();
});

test("a sink that throws at once is no different from one that rejects", async () => {
  const rude: RecordSink = {
    name: "rude",
    write() {
      throw new Error("no");
    },
    close() {
      throw new Error("not even closing");
    },
  };
  const { writer, drops, errors } = writerOf([rude]);
  pushMany(writer, 2);
  await writer.flush();
  await writer.close();
  expect(drops).toEqual({ rude: 2 });
  expect(errors).toEqual(["rude: Error: no", "rude: Error: not even closing"]);
});

test("a batch that meets a lock is kept, in order, and only a lock that lasts is told", async () => {
  let failures = 1;
  const locked = keepingSink("locked", () => {
    failures -= 1;
    if (failures >= 0) throw busyError(failures === 0 ? "SQLITE_BUSY_SNAPSHOT" : "SQLITE_LOCKED");
  });
  const { writer, drops, errors } = writerOf([locked.sink], { flushMs: 60_000 });
  const first = pushMany(writer, 3);
  await writer.flush();
  expect(locked.ids()).toEqual([]);
  expect(writer.depth()).toBe(3);
  const second = pushMany(writer, 2);
  await writer.flush();
  expect(locked.ids()).toEqual([...first, ...second]);
  expect(errors).toEqual([]);

  failures = 5;
  const third = pushMany(writer, 4);
  for (let count = 0; count < 6; count += 1) await writer.flush();
  expect(locked.ids()).toEqual([...first, ...second, ...third]);
  expect(errors).toEqual(Array(4).fill("locked: Error: database is locked"));
  expect(drops).toEqual({});
  await writer.close();
});

test("no record is lost while another program has the SQLite file locked", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  const store = openSqliteStore({ path, onWarning: () => undefined });
  const { writer, drops, errors } = writerOf([storeSink(store)], { flushMs: 1 });
  const other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  const ids = pushMany(writer, 51);
  while (errors.length < 3) await Bun.sleep(5);
  expect(errors[0]).toContain("database is locked");
  ids.push(...pushMany(writer, 300));
  other.run("COMMIT");
  while (writer.depth() > 0) await Bun.sleep(5);
  const rows = other.query<{ id: string }, []>("SELECT id FROM requests ORDER BY rowid").all();
  expect(rows.map(({ id }) => id)).toEqual(ids);
  expect(drops).toEqual({});
  other.close();
  await writer.close();
});

test("a locked sink is tried again without a further push", async () => {
  const written = Promise.withResolvers<void>();
  let isLocked = true;
  const sink = keepingSink("locked", () => {
    if (isLocked) {
      isLocked = false;
      throw busyError();
    }
    written.resolve();
  });
  const { writer } = writerOf([sink.sink], { flushMs: 5 });
  pushMany(writer, 1);
  await written.promise;
  await writer.close();
});

/** What a database server that is down says. */
function awayError(): GatewayError {
  return new GatewayError({ code: "internal_error", status: 503, message: "nothing answers", retryable: true });
}

test("a sink that is away keeps its batch and its turn: none is lost, and it is asked ever more rarely", async () => {
  let isAway = true;
  const tries: number[] = [];
  const away = keepingSink("away", () => {
    tries.push(performance.now());
    if (isAway) throw awayError();
  });
  const near = keepingSink("near");
  const { writer, drops, errors } = writerOf([away.sink, near.sink], { flushMs: 1 });
  const ids = pushMany(writer, 400);
  while (tries.length < 4) await Bun.sleep(5);
  const pauses = tries.slice(1).map((time, index) => time - (tries[index] ?? 0));
  expect(pauses[0]).toBeGreaterThan(95);
  expect(pauses[1]).toBeGreaterThan(195);
  expect(pauses[2]).toBeGreaterThan(395);
  expect(near.ids()).toEqual(ids);
  expect(errors.at(-1)).toContain("nothing answers");
  const more = pushMany(writer, 5);
  isAway = false;
  await writer.flush();
  expect(away.ids()).toEqual([...ids, ...more]);
  expect(drops).toEqual({});
  await writer.close();
});

test("a sink that is away loses what its queue cannot hold, the newest, and nothing else", async () => {
  let isAway = true;
  const away = keepingSink("away", () => {
    if (isAway) throw awayError();
  });
  const { writer, drops } = writerOf([away.sink], { flushMs: 1, capacity: 300 });
  const ids = pushMany(writer, 250);
  await writer.flush();
  ids.push(...pushMany(writer, 300));
  await writer.flush();
  pushMany(writer, 70);
  await writer.flush();
  expect(drops).toEqual({ away: 70 });
  isAway = false;
  await writer.flush();
  expect(away.ids()).toEqual(ids);
  await writer.close();
});

test("a sink that refuses what it was given loses that batch only", async () => {
  const refusing = keepingSink("refusing", (records) => {
    if (records.length === 3) throw new GatewayError({ code: "internal_error", status: 503, message: "a value" });
  });
  const { writer, drops } = writerOf([refusing.sink]);
  pushMany(writer, 3);
  await writer.flush();
  const ids = pushMany(writer, 2);
  await writer.flush();
  expect(refusing.ids()).toEqual(ids);
  expect(drops).toEqual({ refusing: 3 });
  await writer.close();
});

test("closing tries a sink that is away until its time is up", async () => {
  const from = performance.now();
  const away = keepingSink("away", () => {
    if (performance.now() - from < 600) throw awayError();
  });
  const { writer, drops } = writerOf([away.sink]);
  const ids = pushMany(writer, 5);
  await writer.close();
  expect(away.ids()).toEqual(ids);
  expect(drops).toEqual({});
});

test("close writes everything, retries a lock, closes each sink once and drops what comes later", async () => {
  let failures = 1;
  const locked = keepingSink("locked", () => {
    failures -= 1;
    if (failures >= 0) throw busyError();
  });
  const plain = keepingSink("plain");
  const { writer, drops } = writerOf([locked.sink, plain.sink]);
  const ids = pushMany(writer, 600);
  await Promise.all([writer.close(), writer.close()]);
  expect(locked.ids()).toEqual(ids);
  expect(plain.ids()).toEqual(ids);
  expect([locked.closed(), plain.closed()]).toEqual([1, 1]);
  pushMany(writer, 2);
  expect(drops).toEqual({ locked: 2, plain: 2 });
});

test("close gives up on a stuck sink after two seconds and counts what it never wrote", async () => {
  const stuck = keepingSink("stuck", () => new Promise(() => undefined));
  const { writer, drops } = writerOf([stuck.sink]);
  pushMany(writer, 7);
  const start = performance.now();
  await writer.close();
  const elapsed = performance.now() - start;
  expect(elapsed).toBeGreaterThan(1900);
  expect(elapsed).toBeLessThan(2500);
  expect(drops).toEqual({ stuck: 7 });
});

test("a writer without sinks takes records and lets them go", async () => {
  const { writer } = writerOf([]);
  pushMany(writer, 5);
  await writer.flush();
  expect(writer.depth()).toBe(0);
  await writer.close();
});

test("a waiting record does not keep the process alive", async () => {
  const source = `
    import { createRecordWriter } from "${import.meta.dir}/../../src/storage/record-writer.ts";
    const sink = { name: "none", write() { console.log("written"); }, close() {} };
    const writer = createRecordWriter({ sinks: [sink], flushMs: 30_000, onDrop() {}, onError() {} });
    writer.push({});
  `;
  const child = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stdout).text()).toBe("");
});

test("a store becomes a sink that inserts and closes it", async () => {
  const inserted: RequestRecord[] = [];
  let isClosed = false;
  const sink = storeSink({
    requests: { insert: (records) => void inserted.push(...records) },
    close: () => {
      isClosed = true;
    },
  });
  const { writer } = writerOf([sink]);
  const ids = pushMany(writer, 2);
  await writer.close();
  expect(inserted.map(({ id }) => id)).toEqual(ids);
  expect(isClosed).toBe(true);
});
