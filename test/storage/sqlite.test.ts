import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../../src/errors.ts";
import { migrations } from "../../src/storage/sqlite/migrations.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { readSqliteStatistics } from "../../src/storage/sqlite/read-file.ts";
import { sqlitePathOf } from "../../src/storage/sqlite/sqlite-path.ts";
import { openFailure } from "../../src/storage/sqlite/open-failure.ts";
import type { Store } from "../../src/storage/store.ts";
import { unknownUsage } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { makeTrail } from "../support/make-trail.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function storeIn(folder: string, name = "audit.db") {
  const path = join(folder, name);
  const warnings: string[] = [];
  const store = openSqliteStore({ path, onWarning: (message) => void warnings.push(message) });
  return { path, warnings, store };
}

function query<Row>(path: string, sql: string): Row[] {
  const database = new Database(path);
  try {
    return database.query<Row, []>(sql).all();
  } finally {
    database.close();
  }
}

const unknownRates = { cacheRead: undefined, cacheWrite: undefined, reasoning: undefined, request: undefined };

function count(path: string): number {
  return query<{ count: number }>(path, "SELECT count(*) AS count FROM requests")[0]?.count ?? -1;
}

test("sqlite URLs name the paths people mean", () => {
  expect(
    [
      "sqlite://rel.db",
      "sqlite://data/rel.db",
      "sqlite:///./rel.db",
      "sqlite:///../rel.db",
      "sqlite:///var/lib/abs.db",
      "sqlite:///C:/x.db",
      "sqlite://C:\\x.db",
      "sqlite:///C:\\data\\x.db",
      "sqlite://x.db?mode=rwc",
      "sqlite:///var/with space.db",
    ].map(sqlitePathOf),
  ).toEqual([
    "rel.db",
    "data/rel.db",
    "./rel.db",
    "../rel.db",
    "/var/lib/abs.db",
    "C:/x.db",
    "C:\\x.db",
    "C:\\data\\x.db",
    "x.db",
    "/var/with space.db",
  ]);
});

test("every field of a record is kept in a column of its own", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(join(temporary.path, "new", "folders"));
  const text = "любой | текст\u0000\u001b 😀";
  const full = makeRecord({
    id: "req_full",
    startedAt: 1_795_000_000_123,
    task: "code",
    keyId: "team-a",
    stream: true,
    status: 503,
    endReason: "upstream_error",
    errorCode: "upstream_overloaded",
    errorMessage: "busy",
    attempts: 3,
    retries: 2,
    usage: { input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5 },
    usageSource: "partial_upstream",
    costUsd: 0.0000001234,
    costSource: "computed",
    priceUsed: { ...unknownRates, input: 3, output: 15, source: "table", asOf: "2026-09-23" },
    upstreamId: "gen-1",
    finishReason: "length",
    latencyMs: 12.5,
    ttftMs: 3.25,
    overheadMs: 0.125,
    dropped: ["logit_bias", "messages[0].name"],
    credential: "#1 …a1b2",
    lane: "translate",
    trail: makeTrail({ attempts: [] }),
    userText: text,
    assistantText: "",
  });
  const bare = makeRecord({
    id: "req_bare",
    startedAt: 1_795_000_000_124,
    clientAddress: undefined,
    userAgent: undefined,
    modelServed: undefined,
    provider: undefined,
    usage: unknownUsage,
    usageSource: "none",
    finishReason: undefined,
    userText: undefined,
    assistantText: undefined,
  });
  await store.requests.insert([full, bare]);
  await store.close();
  const [first, second] = query<Record<string, unknown>>(path, "SELECT * FROM requests ORDER BY started_at");
  expect(first).toEqual({
    id: "req_full",
    started_at: 1_795_000_000_123,
    operation: "chat",
    protocol: "openai-chat",
    task: "code",
    key_id: "team-a",
    client_address: "127.0.0.1",
    user_agent: "test",
    model_asked: "orcestator",
    model_served: "openai/gpt-4o",
    provider: "openrouter",
    stream: 1,
    status: 503,
    end_reason: "upstream_error",
    error_code: "upstream_overloaded",
    error_message: "busy",
    attempts: 3,
    retries: 2,
    tokens_input: 1,
    tokens_cache_read: 2,
    tokens_cache_write: 3,
    tokens_output: 4,
    tokens_reasoning: 5,
    usage_source: "partial_upstream",
    cost_usd: 0.0000001234,
    cost_source: "computed",
    price: '["table","2026-09-23",3,15]',
    upstream_id: "gen-1",
    finish_reason: "length",
    latency_ms: 12.5,
    ttft_ms: 3.25,
    overhead_ms: 0.125,
    dropped: "logit_bias, messages[0].name",
    credential: "#1 …a1b2",
    lane: "translate",
    trail: '{"model":"smart","strategy":"priority","candidates":[],"attempts":[],"waits":[]}',
    user_text: text,
    assistant_text: "",
  });
  const absent = Object.entries(second ?? {}).flatMap(([column, value]) => (value === null ? [column] : []));
  expect(absent).toEqual([
    "task",
    "client_address",
    "user_agent",
    "model_served",
    "provider",
    "error_code",
    "error_message",
    "tokens_input",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_output",
    "tokens_reasoning",
    "cost_usd",
    "upstream_id",
    "finish_reason",
    "ttft_ms",
    "user_text",
    "assistant_text",
    "dropped",
    "credential",
    "lane",
    "trail",
    "cost_source",
    "price",
  ]);
});

test("a record that is there already stays as it is, and the rest of its batch goes in", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const record = makeRecord({ id: "req_once" });
  await store.requests.insert([record]);
  await store.requests.insert([makeRecord(), { ...record, status: 500 }, makeRecord()]);
  await store.close();
  expect(count(path)).toBe(3);
  expect(query<{ status: number }>(path, "SELECT status FROM requests WHERE id = 'req_once'")).toEqual([
    { status: 200 },
  ]);
});

test("a batch goes in as a whole or not at all", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const broken = { ...makeRecord(), keyId: null as unknown as string };
  expect(() => store.requests.insert([makeRecord(), broken, makeRecord()])).toThrow(/NOT NULL/);
  await store.requests.insert([makeRecord()]);
  await store.close();
  expect(count(path)).toBe(1);
});

test("nonsense numbers of an upstream do not cost the batch", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const usage = { ...unknownUsage, input: 1.5, output: Number.NaN };
  await store.requests.insert([makeRecord({ usage, costUsd: Number.POSITIVE_INFINITY })]);
  await store.close();
  expect(query<object>(path, "SELECT tokens_input, tokens_output, cost_usd FROM requests")).toEqual([
    { tokens_input: 2, tokens_output: null, cost_usd: null },
  ]);
});

test("the database is in WAL mode, and closing leaves one file only", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  await store.requests.insert([makeRecord()]);
  expect(query<{ journal_mode: string }>(path, "PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
  await store.close();
  await store.close();
  expect(readdirSync(temporary.path)).toEqual(["audit.db"]);
});

test("opening again finds what was written and migrates nothing twice", async () => {
  using temporary = temporaryFolder();
  for (const expected of [1, 2, 3]) {
    const { path, store, warnings } = storeIn(temporary.path);
    await store.requests.insert([makeRecord()]);
    await store.close();
    expect(count(path)).toBe(expected);
    expect(query<object>(path, "PRAGMA user_version")).toEqual([{ user_version: migrations.length }]);
    expect(warnings).toEqual([]);
  }
});

test("a database of a newer release is refused and left alone", () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  const database = new Database(path);
  database.run("CREATE TABLE future (x)");
  database.run(`PRAGMA user_version = ${migrations.length + 1}`);
  database.close();
  const before = readFileSync(path);
  const versions = `schema version ${migrations.length + 1}, this release knows up to ${migrations.length}`;
  expect(() => storeIn(temporary.path)).toThrow(new RegExp(`${versions}.*newer release`));
  expect(() => readSqliteStatistics(path, [{ since: 0, by: undefined }])).toThrow(/newer release/);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(temporary.path)).toEqual(["audit.db"]);
});

test("two gateways may start on the same new file and both write", async () => {
  using temporary = temporaryFolder();
  const source = `
    import { openSqliteStore } from "${import.meta.dir}/../../src/storage/sqlite/index.ts";
    import { makeRecord } from "${import.meta.dir}/../support/make-record.ts";
    const store = openSqliteStore({ path: "${join(temporary.path, "audit.db")}", onWarning: console.log });
    for (let n = 0; n < 50; n += 1) {
      const record = makeRecord({ id: process.pid + "-" + n });
      for (;;) {
        try { await store.requests.insert([record]); break; } catch (error) { if (error.code !== "SQLITE_BUSY") throw error; }
      }
    }
    await store.close();
  `;
  const children = [1, 2, 3].map(() => Bun.spawn([process.execPath, "-e", source], { stdout: "pipe", stderr: "pipe" }));
  for (const child of children) {
    expect(await new Response(child.stderr).text()).toBe("");
    expect(await new Response(child.stdout).text()).toBe("");
  }
  expect(count(join(temporary.path, "audit.db"))).toBe(150);
});

test.skipIf(process.platform === "win32")(
  "a new file is its owner's alone, and one that is there keeps its mode",
  async () => {
    using temporary = temporaryFolder();
    const { path, store } = storeIn(temporary.path);
    await store.requests.insert([makeRecord()]);
    const modes = () => ["", "-wal", "-shm"].map((suffix) => (statSync(path + suffix).mode & 0o777).toString(8));
    expect(modes()).toEqual(["600", "600", "600"]);
    await store.close();
    chmodSync(path, 0o640);
    const again = storeIn(temporary.path).store;
    await again.requests.insert([makeRecord()]);
    expect(modes()).toEqual(["640", "640", "640"]);
    await again.close();
  },
);

test("of a large batch only what is not there yet is added and counted, wherever it stands", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const records = Array.from({ length: 90 }, () => makeRecord());
  for (const at of [3, 24, 25, 60, 89]) await store.requests.insert([records[at] ?? makeRecord()]);
  await store.requests.insert([...records, ...records.slice(10, 12)]);
  await store.requests.insert(records.slice(50));
  expect(count(path)).toBe(90);
  expect(await store.requests.statistics({ since: 0, by: undefined })).toMatchObject([{ requests: 90 }]);
  expect(await store.requests.keyTotals("anonymous", 0)).toMatchObject({ requests: 90 });
  await store.close();
});

test("a lock held by another process fails a batch quickly, with a code that means: try again", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  const other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  const start = performance.now();
  expect(() => store.requests.insert([makeRecord()])).toThrow(expect.objectContaining({ code: "SQLITE_BUSY" }));
  expect(performance.now() - start).toBeLessThan(150);
  expect(store.isUp()).toBe(false);
  other.run("COMMIT");
  other.close();
  await store.requests.insert([makeRecord()]);
  expect(store.isUp()).toBe(true);
  await store.close();
  expect(count(path)).toBe(1);
});

async function expectReplaced(store: Store, path: string, warnings: string[]): Promise<void> {
  await store.requests.insert([makeRecord()]);
  await store.close();
  expect(count(path)).toBe(1);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`${path}.corrupt-`);
}

/** The message that opening must end with; it names the file and the settings. */
function openingMessage(path: string): string {
  try {
    void openSqliteStore({ path, onWarning: (message) => expect(message).toBe("no warning") }).close();
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    const { message } = error as GatewayError;
    expect(message).toContain(`The audit database ${path} cannot be opened: `);
    expect(message).toContain("storage.url (OR_DB_PATH, DATABASE_URL)");
    return message;
  }
  throw new Error("the database was opened");
}

test("a file that is no database of ours is refused at start and left as it is", () => {
  using temporary = temporaryFolder();
  const text = join(temporary.path, "notes.txt");
  writeFileSync(text, "this is not a database, and it is longer than a header would be. ".repeat(50));
  const foreign = join(temporary.path, "bookmarks.db");
  const database = new Database(foreign);
  database.run("CREATE TABLE bookmarks (url TEXT)");
  database.close();
  const before = [text, foreign].map((path) => readFileSync(path, "latin1"));
  expect(openingMessage(text)).toContain("the file is no SQLite database; it was left as it is (SQLITE_NOTADB)");
  expect(openingMessage(foreign)).toContain("it is the SQLite database of another program");
  expect([text, foreign].map((path) => readFileSync(path, "latin1"))).toEqual(before);
  expect(readdirSync(temporary.path).sort()).toEqual(["bookmarks.db", "notes.txt"]);
});

test("a path that cannot be opened is one message that says why", () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "file");
  writeFileSync(file, "");
  expect(openingMessage(join(file, "a.db"))).toContain("a part of its folder's path is a file");
  expect(openingMessage(join(file, "b", "a.db"))).toContain("a part of its folder's path is a file");
  expect(openingMessage(temporary.path)).toContain("this is a folder");
});

test.skipIf(!existsSync("/proc"))("a folder that cannot be made is one message too", () => {
  expect(openingMessage("/proc/nope/a.db")).toContain("its folder cannot be made (ENOENT)");
});

test("a database that is locked from the start is one message too", () => {
  const locked = Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });
  expect(openFailure("a.db", locked).message).toContain("another program keeps it locked");
});

test("a file that turns into something else while in use is put aside, and a new one started", async () => {
  using temporary = temporaryFolder();
  const { path, store, warnings } = storeIn(temporary.path);
  const text = "this is not a database, and it is longer than a header would be. ".repeat(50);
  renameSync(path, `${path}.old`);
  writeFileSync(path, text);
  await store.requests.insert([makeRecord()]);
  await store.close();
  expect(count(path)).toBe(1);
  expect(warnings.join("\n")).toContain(`${path}.corrupt-`);
  const moved = readdirSync(temporary.path).find((name) => /\.corrupt-\w+$/.test(name));
  expect(readFileSync(join(temporary.path, moved ?? ""), "utf8")).toBe(text);
});

test("a damaged database of ours is put aside at start, and a new one started", async () => {
  using temporary = temporaryFolder();
  const { path, store: first } = storeIn(temporary.path);
  await first.requests.insert([makeRecord()]);
  await first.close();
  const bytes = readFileSync(path);
  // The pointers of the first page to the entries of the schema.
  bytes.fill(0xff, 100, 120);
  writeFileSync(path, bytes);
  const { store, warnings } = storeIn(temporary.path);
  await expectReplaced(store, path, warnings);
});

test("pages that are damaged under a sound header are found at the first write", async () => {
  using temporary = temporaryFolder();
  const { path, store: first } = storeIn(temporary.path);
  await first.requests.insert(Array.from({ length: 500 }, () => makeRecord({ userText: "x".repeat(200) })));
  await first.close();
  const bytes = readFileSync(path);
  // Everything behind the page that holds the schema.
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0xa5)]));
  const { store, warnings } = storeIn(temporary.path);
  await expectReplaced(store, path, warnings);
});

test("an empty file becomes a database", async () => {
  using temporary = temporaryFolder();
  writeFileSync(join(temporary.path, "audit.db"), "");
  const { path, store, warnings } = storeIn(temporary.path);
  await store.requests.insert([makeRecord()]);
  await store.close();
  expect(warnings).toEqual([]);
  expect(count(path)).toBe(1);
});

test("a file that was moved away while in use is started anew", async () => {
  using temporary = temporaryFolder();
  const { path, store, warnings } = storeIn(temporary.path);
  await store.requests.insert([makeRecord()]);
  renameSync(path, `${path}.old`);
  await store.requests.insert([makeRecord(), makeRecord()]);
  await store.close();
  expect(warnings).toHaveLength(1);
  expect(count(path)).toBe(2);
});

const someKey = { kind: "key", id: "a", value: {} };

async function lossesIn(store: Store): Promise<unknown[]> {
  return (await store.documents.list("loss")).map(({ value }) => value);
}

test("of keys that were removed one is remembered for good: whoever starts later must know that there were some", async () => {
  using temporary = temporaryFolder();
  const { store } = storeIn(temporary.path);
  for (const [kind, id] of ["key/a", "key/b", "team/c", "key/d", "session/e"].map((path) => path.split("/"))) {
    await store.documents.put({ kind: kind ?? "", id: id ?? "", value: {} });
    await store.documents.remove({ kind: kind ?? "", id: id ?? "" });
  }
  for (const deleted of [4, 0])
    expect(await store.documents.forgetRemoved({ version: 0, before: Date.now() + 1 })).toMatchObject({ deleted });
  expect((await store.documents.changesSince(0)).changes).toMatchObject([{ kind: "key", id: "d", isRemoved: true }]);
  await store.close();
});

test("a read that meets damage puts the file aside at once, and the new one tells of the loss to whoever follows", async () => {
  using temporary = temporaryFolder();
  const { path, store: first } = storeIn(temporary.path);
  await first.documents.put(someKey);
  await first.documents.put({ ...someKey, id: "b" });
  await first.close();
  const bytes = readFileSync(path);
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 8192), Buffer.alloc(bytes.length - 8192, 0xff)]));
  const { store, warnings } = storeIn(temporary.path);
  // Whoever had seen both goes on here: no version is used again.
  const { changes, newest } = await store.documents.changesSince(2);
  expect(changes).toMatchObject([{ kind: "loss", value: { was: "damaged" }, version: newest }]);
  expect(warnings).toEqual([expect.stringMatching(/is damaged: moved to .*\.corrupt-\w+, a new one was started/)]);
  await store.close();
  const { store: again } = storeIn(temporary.path);
  expect(await lossesIn(again)).toEqual([{ was: "damaged" }]);
  await again.close();
  expect(readdirSync(temporary.path).filter((name) => !name.includes(".corrupt-"))).toEqual(["audit.db"]);
});

test("of several who meet the same damage one puts the file aside, and the others use the new one", async () => {
  using temporary = temporaryFolder();
  const { path, store: first } = storeIn(temporary.path);
  await first.documents.put(someKey);
  await first.close();
  const bytes = readFileSync(path);
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 8192), Buffer.alloc(bytes.length - 8192, 0xff)]));
  const all = [1, 2, 3].map(() => storeIn(temporary.path));
  for (const { store } of all) expect(await lossesIn(store)).toEqual([{ was: "damaged" }]);
  for (const { store } of all) await store.close();
  expect(readdirSync(temporary.path).filter((name) => /\.corrupt-\w+$/.test(name))).toHaveLength(1);
});

test("a file that is taken away is told of in the next one where there were keys, also where somebody else made that", async () => {
  for (const had of [true, false]) {
    for (const isMadeByOthers of [true, false]) {
      using temporary = temporaryFolder();
      const { path, store } = storeIn(temporary.path);
      await store.documents.put({ ...someKey, kind: had ? "key" : "session" });
      await store.documents.changesSince(0);
      renameSync(path, `${path}.old`);
      if (isMadeByOthers) await storeIn(temporary.path).store.close();
      expect(await lossesIn(store)).toEqual(had ? [{ was: "gone" }] : []);
      await store.close();
    }
  }
});

test("a backup that is put in the place of a file in use is taken as it is", async () => {
  using temporary = temporaryFolder();
  const backup = storeIn(temporary.path, "backup.db");
  await backup.store.documents.put(someKey);
  await backup.store.close();
  const { path, store, warnings } = storeIn(temporary.path);
  await store.documents.put({ ...someKey, id: "b" });
  renameSync(backup.path, path);
  expect(await store.documents.list("key")).toMatchObject([{ id: "a" }]);
  expect(await lossesIn(store)).toEqual([]);
  expect(warnings).toEqual([`${path} was moved or removed while in use: the file in its place is used.`]);
  await store.close();
});

test("no new file is told of that could not be started; records wait until it can", async () => {
  using temporary = temporaryFolder();
  const folder = join(temporary.path, "d");
  const { path, store, warnings } = storeIn(folder);
  await store.documents.put(someKey);
  renameSync(folder, `${folder}.old`);
  writeFileSync(folder, "");
  expect(() => store.requests.insert([makeRecord()])).toThrow(
    expect.objectContaining({
      retryable: true,
      message: expect.stringMatching(
        /was moved or removed while in use, and a new one cannot be started: a part of its/,
      ),
    }),
  );
  expect([warnings, store.isUp()]).toEqual([[], false]);
  rmSync(folder);
  await store.requests.insert([makeRecord()]);
  expect(await lossesIn(store)).toEqual([{ was: "gone" }]);
  expect(warnings).toEqual([expect.stringContaining("a new one was started")]);
  await store.close();
  expect(count(path)).toBe(1);
});

test("reading statistics never creates, changes or keeps open a file", async () => {
  using temporary = temporaryFolder();
  const missing = join(temporary.path, "missing.db");
  expect(() => readSqliteStatistics(missing, [{ since: 0, by: undefined }])).toThrow(/unable to open/);
  expect(existsSync(missing)).toBe(false);
  const { path, store } = storeIn(temporary.path);
  await store.requests.insert([makeRecord()]);
  // Beside the gateway that is writing, and after it.
  expect(readSqliteStatistics(path, [{ since: 0, by: "key" }])[0]?.[0]).toMatchObject({
    group: "anonymous",
    requests: 1,
  });
  await store.close();
  const before = readFileSync(path);
  expect(readSqliteStatistics(path, [{ since: 0, by: undefined }])[0]?.[0]).toMatchObject({
    group: "all",
    requests: 1,
  });
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(temporary.path)).toEqual(["audit.db"]);
});

const asNobody = process.getuid?.() === 0 && Bun.which("setpriv") !== null;

test.skipIf(!asNobody)("statistics can be read by a user who may write neither file nor folder", async () => {
  using temporary = temporaryFolder();
  const { path, store } = storeIn(temporary.path);
  await store.requests.insert([makeRecord()]);
  chmodSync(temporary.path, 0o755);
  // What its owner allows.
  for (const suffix of ["", "-wal", "-shm"]) chmodSync(path + suffix, 0o644);
  const source = `
    import { readSqliteStatistics } from "${import.meta.dir}/../../src/storage/sqlite/read-file.ts";
    console.log(readSqliteStatistics("${path}", [{ since: 0, by: undefined }])[0][0].requests);
  `;
  const command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "-e", source];
  async function read(): Promise<string> {
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
    return (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
  }
  // Beside the gateway that is writing, after it, and where only the file is read-only.
  expect(await read()).toBe("1\n");
  await store.close();
  expect(await read()).toBe("1\n");
  chmodSync(temporary.path, 0o777);
  expect(await read()).toBe("1\n");
  expect(readdirSync(temporary.path)).toEqual(["audit.db"]);
});

test("the database of a killed process opens with everything that was committed", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  const log = join(temporary.path, "acknowledged");
  appendFileSync(log, "");
  const source = `
    import { openSqliteStore } from "${import.meta.dir}/../../src/storage/sqlite/index.ts";
    import { makeRecord } from "${import.meta.dir}/../support/make-record.ts";
    import { appendFileSync } from "node:fs";
    const store = openSqliteStore({ path: "${path}", onWarning: console.log });
    for (let batch = 0; ; batch += 1) {
      const records = Array.from({ length: 20 }, (_, n) => makeRecord({ id: process.pid + "-" + batch + "-" + n }));
      await store.requests.insert(records);
      appendFileSync("${log}", records.map(({ id }) => id + "\\n").join(""));
    }
  `;
  for (let round = 0; round < 3; round += 1) {
    const known = readFileSync(log).length;
    const child = Bun.spawn([process.execPath, "-e", source], { stdout: "inherit", stderr: "inherit" });
    while (readFileSync(log).length === known) await Bun.sleep(5);
    await Bun.sleep(Math.random() * 40);
    child.kill("SIGKILL");
    await child.exited;
    expect(query<object>(path, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    const rows = new Set(query<{ id: string }>(path, "SELECT id FROM requests").map(({ id }) => id));
    const lost = readFileSync(log, "utf8")
      .split("\n")
      .filter((id) => id !== "" && !rows.has(id));
    expect(lost).toEqual([]);
  }
});
