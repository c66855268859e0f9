import { expect, test } from "bun:test";
import { join } from "node:path";
import { backupDatabase } from "../../../src/storage/backup/backup.ts";
import { restoreDatabase } from "../../../src/storage/backup/restore.ts";
import { inspectDatabase, migrateDatabase, readStatistics, readStoredRequest } from "../../../src/storage/databases.ts";
import { randomRecords } from "../count-by-hand.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { countsOf, insertInBatches, openAt, openNew, type TriedEngine } from "./engine.ts";

const start = Date.UTC(2026, 10, 18, 22);
const hour = 60 * 60 * 1000;

const startingProcess = `
  import { openStore } from "${import.meta.dir}/../../../src/storage/engines.ts";
  import { makeRecord } from "${import.meta.dir}/../../support/make-record.ts";
  const store = openStore({ url: process.argv[1], onWarning: console.log });
  if (!(await store.ready(30000))) throw new Error("not ready");
  for (let n = 0; n < 10; n += 1) {
    const record = makeRecord({ id: process.pid + "-" + n });
    for (;;) {
      try { await store.requests.insert([record]); break; } catch (error) { if (error.code !== "SQLITE_BUSY") throw error; }
    }
  }
  await store.documents.put({ kind: "process", id: String(process.pid), value: 1 });
  await store.close();
`;

const writingProcess = `
  import { openStore } from "${import.meta.dir}/../../../src/storage/engines.ts";
  import { makeRecord } from "${import.meta.dir}/../../support/make-record.ts";
  const store = openStore({ url: process.argv[1], onWarning: console.log });
  for (let batch = 0; ; batch += 1) {
    const records = Array.from({ length: 20 }, (_, n) => makeRecord({ id: process.pid + "-" + batch + "-" + n }));
    await store.requests.insert(records);
    process.stdout.write(".");
  }
`;

/** Everything that a store tells of its contents. */
async function contentsOf(url: string): Promise<unknown> {
  await using opened = await openAt(url);
  const { requests, documents, audit } = opened.store;
  const page = await requests.list({ limit: 500 });
  const keys = await documents.list("key");
  return {
    requests: page.requests,
    cursor: page.cursor,
    days: await requests.statistics({ since: 0, by: "day" }),
    size: await requests.size(),
    documents: keys.map(({ id, value }) => ({ id, value })),
    audit: await audit.list({ limit: 100 }),
  };
}

/** PostgreSQL has none. */
function withoutNul(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll("\\u0000", "\uFFFD"));
}

async function fillStore(url: string): Promise<void> {
  await using opened = await openAt(url);
  await insertInBatches(opened.store, randomRecords(700, { seed: 4, start, spanMs: 30 * hour }));
  for (const id of ["a", "b", "c"])
    await opened.store.documents.put({ kind: "key", id, value: { id, text: "\u0000 ж" } });
  await opened.store.documents.remove({ kind: "key", id: "b" });
  await opened.store.audit.append({ actor: "root", action: "key.delete", subject: "key/b", before: 1 });
  const responses = opened.store.responses({});
  const parts = { keyId: "k", input: [1], output: [{ a: "я" }], response: { b: 2 }, createdAt: Date.now() };
  responses.save({ id: "resp_1", previousId: undefined, ...parts });
  await responses.close();
}

export function lifecycleConformance(engine: TriedEngine): void {
  test("four processes may start at once on a new database", async () => {
    const url = await engine.createDatabase();
    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, "-e", startingProcess, url], { stdout: "pipe", stderr: "pipe" }),
    );
    for (const child of children) {
      expect(await new Response(child.stderr).text()).toBe("");
      expect(await new Response(child.stdout).text()).toBe("");
    }
    expect(await countsOf(engine, url)).toEqual({ rows: 40, ids: 40, totals: 40 });
    await using opened = await openAt(url);
    expect(await opened.store.documents.list("process")).toHaveLength(4);
  });

  test("a process that is killed under writes leaves whole batches, and none of them uncounted", async () => {
    const url = await engine.createDatabase();
    let acknowledged = 0;
    for (let round = 0; round < 4; round += 1) {
      const child = Bun.spawn([process.execPath, "-e", writingProcess, url], { stdout: "pipe", stderr: "inherit" });
      const wanted = 3 + round * 7;
      let dots = 0;
      for await (const chunk of child.stdout) {
        dots += chunk.length;
        if (dots >= wanted) child.kill("SIGKILL");
      }
      await child.exited;
      acknowledged += dots;
    }
    const { rows, ids, totals } = await countsOf(engine, url);
    expect(rows % 20).toBe(0);
    expect(rows).toBeGreaterThanOrEqual(acknowledged * 20);
    expect([ids, totals]).toEqual([rows, rows]);
  });

  test("statistics and single requests are read without a store, and only where the schema is this release's", async () => {
    const url = await engine.createDatabase();
    expect(readStatistics(url, [{ since: 0, by: "key" }])).rejects.toThrow(/unable to open|no schema yet/);
    await fillStore(url);
    const [keys = [], all = []] = await readStatistics(url, [
      { since: 0, by: "key" },
      { since: 0, by: undefined },
    ]);
    expect(keys.reduce((sum, { requests }) => sum + requests, 0)).toBe(700);
    expect(all[0]?.requests).toBe(700);
    const last = await readStoredRequest(url, "last");
    expect(await readStoredRequest(url, { id: last?.id ?? "" })).toEqual(last);
    expect(await readStoredRequest(url, { id: "req_none" })).toBeUndefined();
  });

  test("a check tells what is there without changing it, and a migration makes the schema once", async () => {
    const url = await engine.createDatabase();
    const before = await inspectDatabase(url);
    expect(before?.version ?? 0).toBe(0);
    expect(before?.rows).toBeUndefined();
    await migrateDatabase(url);
    await migrateDatabase(url);
    await fillStore(url);
    const { version, knownVersion, rows, bytes, oldest } = (await inspectDatabase(url)) ?? {};
    expect(version).toBe(knownVersion ?? -1);
    expect(rows).toEqual({ requests: 700, documents: 2, audit: 1, responses: 1 });
    expect(bytes).toBeGreaterThan(10_000);
    expect(oldest).toBeGreaterThanOrEqual(start);
  });

  test("a portable backup brings everything back, and is whole or refused", async () => {
    using temporary = temporaryFolder();
    const file = join(temporary.path, "backup.ndjson.gz");
    const url = await engine.createDatabase();
    await fillStore(url);
    const contents = await contentsOf(url);
    const { rows } = await backupDatabase({ url, file });
    expect(rows).toMatchObject({ requests: 700, audit: 1, responses: 1 });
    expect(backupDatabase({ url, file })).rejects.toThrow(/is there already/);

    const other = await engine.createDatabase();
    expect(await restoreDatabase({ url: other, file })).toMatchObject({ requests: 700, responses: 1 });
    expect(await contentsOf(other)).toEqual(contents);
    expect(restoreDatabase({ url: other, file })).rejects.toThrow(/is not empty.*--force/);

    const bytes = await Bun.file(file).bytes();
    for (const length of [0, 10, bytes.length >> 1, bytes.length - 1]) {
      const cut = join(temporary.path, `cut-${length}.ndjson.gz`);
      await Bun.write(cut, bytes.subarray(0, length));
      expect(await restoreDatabase({ url: other, file: cut, force: true }).catch(String)).toMatch(/cannot be used/);
    }
    expect(await contentsOf(other)).toEqual(contents);

    // Documents under new versions, and as removed those that were so before or are not in the backup: who follows sees that.
    await using opened = await openAt(other);
    const { documents } = opened.store;
    await documents.put({ kind: "key", id: "later", value: 1 });
    const { version } = await documents.changesSince(0);
    await restoreDatabase({ url: other, file, force: true });
    expect(await contentsOf(other)).toEqual(contents);
    const { changes } = await documents.changesSince(version);
    expect(changes.map(({ id, ...change }) => [id, "isRemoved" in change])).toEqual([
      ["a", false],
      ["b", true],
      ["c", false],
      ["later", true],
    ]);
  });

  test("a file's backup fills any engine, and a portable one of any engine fills a file", async () => {
    using temporary = temporaryFolder();
    const path = (name: string): string => join(temporary.path, name);
    const file = `sqlite://${path("first.db")}`;
    await fillStore(file);
    const contents = await contentsOf(file);
    await backupDatabase({ url: file, file: path("backup.db") });
    const url = await engine.createDatabase();
    await restoreDatabase({ url, file: path("backup.db") });
    expect(withoutNul(await contentsOf(url))).toEqual(withoutNul(contents));
    await backupDatabase({ url, file: path("backup.gz") });
    const back = `sqlite://${path("second.db")}`;
    await restoreDatabase({ url: back, file: path("backup.gz") });
    expect(withoutNul(await contentsOf(back))).toEqual(withoutNul(contents));
  });

  test("a backup of what is written meanwhile is of one moment", async () => {
    using temporary = temporaryFolder();
    const file = join(temporary.path, "backup.ndjson.gz");
    const url = await engine.createDatabase();
    await fillStore(url);
    await using opened = await openAt(url);
    const backup = backupDatabase({ url, file });
    const progress = { isDone: false };
    void backup.finally(() => (progress.isDone = true));
    for (let at = 0; !progress.isDone && at < 200; at += 1) {
      await opened.store.requests.insert(randomRecords(10, { seed: at, start, spanMs: hour }));
      await Bun.sleep(1);
    }
    await backup;
    const other = await engine.createDatabase();
    await restoreDatabase({ url: other, file });
    const { rows, totals } = await countsOf(engine, other);
    expect(rows).toBe(totals);
    expect(rows).toBeGreaterThanOrEqual(700);
  });

  test("a store that was closed and opened again goes on where it was", async () => {
    await using opened = await openNew(engine);
    await insertInBatches(opened.store, randomRecords(300, { seed: 1, start, spanMs: hour }));
    await opened.store.close();
    await using again = await openAt(opened.url);
    await insertInBatches(again.store, randomRecords(300, { seed: 2, start, spanMs: hour }));
    expect(await countsOf(engine, opened.url)).toEqual({ rows: 600, ids: 600, totals: 600 });
    expect(again.warnings).toEqual([]);
  });
}
