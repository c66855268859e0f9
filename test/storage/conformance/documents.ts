import { expect, test } from "bun:test";
import type { DocumentChange, StoredDocument } from "../../../src/storage/document-store.ts";
import { readNames } from "../../../src/storage/databases.ts";
import { createRetention } from "../../../src/storage/retention.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { createRandom, randomText } from "../../support/random.ts";
import { openAt, openNew, type TriedEngine } from "./engine.ts";

function isRemoved(change: DocumentChange): boolean {
  return "isRemoved" in change;
}

/** Of all but one. */
function raisedCount(id: string, found: StoredDocument | undefined): unknown {
  if (id === "n-7") return undefined;
  return { count: ((found?.value as { count: number } | undefined)?.count ?? 0) + 1 };
}

export function documentConformance(engine: TriedEngine): void {
  test("a document is put, read, listed, changed and removed", async () => {
    await using opened = await openNew(engine);
    const { documents } = opened.store;
    expect(await documents.get("key", "a")).toBeUndefined();
    const first = await documents.put({ kind: "key", id: "a", value: { name: "one" } });
    expect(first).toMatchObject({ kind: "key", id: "a", version: 1, value: { name: "one" } });
    expect(await documents.get("key", "a")).toEqual(first);
    const second = await documents.put({ kind: "key", id: "a", value: { name: "two" }, expectedVersion: 1 });
    expect(second.version).toBe(2);
    await documents.put({ kind: "key", id: "B", value: null });
    await documents.put({ kind: "keys", id: "a", value: [] });
    expect((await documents.list("key")).map(({ id, value }) => [id, value])).toEqual([
      ["B", null],
      ["a", { name: "two" }],
    ]);
    expect(await documents.remove({ kind: "key", id: "a" })).toBe(true);
    expect(await documents.remove({ kind: "key", id: "a" })).toBe(false);
    expect(await documents.get("key", "a")).toBeUndefined();
    expect((await documents.list("key")).map(({ id }) => id)).toEqual(["B"]);
    const again = await documents.put({ kind: "key", id: "a", value: 1, expectedVersion: 0 });
    expect(again.version).toBeGreaterThan(second.version);
  });

  test("a change of what somebody else has changed meanwhile is a conflict, and changes nothing", async () => {
    await using opened = await openNew(engine);
    const { documents } = opened.store;
    const { version } = await documents.put({ kind: "team", id: "x", value: 1, expectedVersion: 0 });
    const conflict = { code: "conflict", status: 409 };
    for (const expectedVersion of [0, version + 1])
      expect(documents.put({ kind: "team", id: "x", value: 2, expectedVersion })).rejects.toMatchObject(conflict);
    expect(documents.remove({ kind: "team", id: "x", expectedVersion: 0 })).rejects.toMatchObject(conflict);
    expect(documents.put({ kind: "team", id: "y", value: 2, expectedVersion: 7 })).rejects.toMatchObject(conflict);
    expect(await documents.get("team", "x")).toMatchObject({ version, value: 1 });
    expect(await documents.get("team", "y")).toBeUndefined();
  });

  test("of many who change one version at once, one wins; and a counter that all raise misses nobody", async () => {
    const url = await engine.createDatabase();
    const stores = [await openAt(url), await openAt(url), await openAt(url)];
    const race = async (at: number) =>
      stores[at % 3]?.store.documents.put({ kind: "n", id: "x", value: at, expectedVersion: 0 });
    const races = await Promise.allSettled(Array.from({ length: 12 }, (_, at) => race(at)));
    expect(races.filter(({ status }) => status === "fulfilled")).toHaveLength(1);

    async function raise(at: number): Promise<void> {
      for (;;) {
        const found = await stores[at % 3]?.store.documents.get("n", "counter");
        const count = typeof found?.value === "number" ? found.value : 0;
        try {
          await stores[at % 3]?.store.documents.put({
            kind: "n",
            id: "counter",
            value: count + 1,
            expectedVersion: found?.version ?? 0,
          });
          return;
        } catch (error) {
          if (!(error instanceof Error) || !("code" in error) || error.code !== "conflict") throw error;
        }
      }
    }
    await Promise.all(Array.from({ length: 10 }, (_, at) => raise(at)));
    expect(await stores[0]?.store.documents.get("n", "counter")).toMatchObject({ value: 10 });
    for (const opened of stores) await opened[Symbol.asyncDispose]();
  });

  test("many are changed in one transaction: each has a version of its own, and no change of another is lost", async () => {
    const url = await engine.createDatabase();
    const stores = [await openAt(url), await openAt(url), await openAt(url)];
    const ids = Array.from({ length: 300 }, (_, at) => `n-${at}`);
    const updates = await Promise.all(
      Array.from({ length: 6 }, async (_, at) =>
        stores[at % 3]?.store.documents.update({ kind: "n", ids, become: raisedCount }),
      ),
    );
    const [first] = stores;
    if (first === undefined) throw new Error("no store");
    const { documents } = first.store;
    const { changes } = await documents.changesSince(0);
    expect(changes.map(({ id }) => id)).toEqual(ids.filter((id) => id !== "n-7"));
    expect(changes.every((change) => "value" in change && Bun.deepEquals(change.value, { count: 6 }))).toBe(true);
    expect(new Set(changes.map(({ version }) => version)).size).toBe(299);
    // Whoever was last has been told all of it.
    expect(updates.map((told) => changes.every((change) => Bun.deepEquals(told?.get(change.id), change)))).toContain(
      true,
    );
    await documents.remove({ kind: "n", id: "n-1" });
    const found: unknown[] = [];
    const some = await documents.update({
      kind: "n",
      ids: ["n-0", "n-1"],
      become: (id, document) => void found.push([id, document?.value]),
    });
    expect(found).toEqual([
      ["n-0", { count: 6 }],
      ["n-1", undefined],
    ]);
    expect([...some.keys()]).toEqual(["n-0"]);
    const refused = { code: "request_too_large", status: 413 };
    const update = documents.update({
      kind: "n",
      ids: ["small", "big"],
      become: (id) => (id === "big" ? "x".repeat(300_000) : "small"),
    });
    expect(await update.catch((error: unknown) => error)).toMatchObject(refused);
    expect(await documents.get("n", "small")).toBeUndefined();
    for (const opened of stores) await opened[Symbol.asyncDispose]();
  });

  test("who follows changes misses none, however many make them at once", async () => {
    const url = await engine.createDatabase();
    const [first, second, third] = [await openAt(url), await openAt(url), await openAt(url)];
    const seen = new Map<string, unknown>();
    let version = 0;
    const progress = { isDone: false };

    async function follow(): Promise<void> {
      do {
        const found = await third.store.documents.changesSince(version);
        for (const change of found.changes) {
          expect(change.version).toBeGreaterThan(version);
          ({ version } = change);
          seen.set(change.id, isRemoved(change) ? "removed" : "value" in change && change.value);
        }
        expect(found.version).toBe(version);
      } while (!progress.isDone);
    }

    const following = follow();
    await Promise.all(
      [first, second].map(async ({ store }, writer) => {
        for (let at = 0; at < 40; at += 1) {
          await store.documents.put({ kind: "k", id: `${writer}-${at % 15}`, value: at });
          if (at % 7 === 0) await store.documents.remove({ kind: "k", id: `${writer}-${at % 15}` });
        }
      }),
    );
    progress.isDone = true;
    await following;
    await follow();
    const there = new Map((await first.store.documents.list("k")).map(({ id, value }) => [id, value]));
    for (const [id, value] of seen) expect(value === "removed" ? undefined : value).toEqual(there.get(id));
    expect([...there.keys()].filter((id) => !seen.has(id))).toEqual([]);
    for (const opened of [first, second, third]) await opened[Symbol.asyncDispose]();
  });

  test("any JSON value comes back as it was, under any name that is allowed", async () => {
    await using opened = await openNew(engine);
    const { documents } = opened.store;
    const values = new Map<string, unknown>();
    forSeeds(60, (_, seed) => {
      const random = createRandom(seed);
      const value = { [randomText(random)]: [randomText(random), 1.5, null, true, { __proto__x: randomText(random) }] };
      const plain = randomText(random)
        .toWellFormed()
        .replaceAll(/\p{Cc}/gu, "");
      values.set(`${seed} ${plain}.`, value);
    });
    for (const [id, value] of values) await documents.put({ kind: "any", id, value });
    for (const [id, value] of values) expect((await documents.get("any", id))?.value).toEqual(value);
    expect(await documents.list("any")).toHaveLength(60);
  });

  test("what cannot be kept is refused before anything is asked of the database", async () => {
    await using opened = await openNew(engine);
    const { documents } = opened.store;
    const refused = { code: "invalid_request", status: 400 };
    for (const id of ["", " a", "a ", "a\u0000b", "a\nb", "x".repeat(201), "a\ud800"])
      expect(documents.put({ kind: "key", id, value: 1 })).rejects.toMatchObject(refused);
    for (const kind of ["", "Key", "a/b", "a_b", "k".repeat(41), "ключ"])
      expect(documents.put({ kind, id: "a", value: 1 })).rejects.toMatchObject(refused);
    const loop: Record<string, unknown> = {};
    loop["loop"] = loop;
    for (const value of [undefined, () => 1, loop, 1n])
      expect(documents.put({ kind: "key", id: "a", value })).rejects.toMatchObject(refused);
    const large = "я".repeat(128 * 1024);
    expect(documents.put({ kind: "key", id: "a", value: large })).rejects.toMatchObject({ status: 413 });
    await documents.put({ kind: "key", id: "a", value: large.slice(1) });
    expect(await documents.changesSince(0)).toMatchObject({ version: 1, newest: 1 });
    expect(await documents.changesSince(9)).toEqual({ changes: [], version: 9, newest: 1 });
  });

  test("the audit log keeps what was done, the newest first, in pages, each entry once", async () => {
    await using opened = await openNew(engine);
    const { audit } = opened.store;
    const before = { name: "ключ \u0000 😀", rpm: 5 };
    const entry = await audit.append({ actor: "root", action: "key.update", subject: "key/1", before, at: 1000 });
    await audit.append(entry);
    await audit.append({ ...entry, action: "key.delete" });
    for (let at = 0; at < 25; at += 1)
      await audit.append({
        actor: at % 2 === 0 ? "anna" : "root",
        action: "key.create",
        subject: `key/${at}`,
        at: 2000,
      });
    const found: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await audit.list({ limit: 10, cursor });
      found.push(...page.entries.map(({ id }) => id));
      if (page.cursor === undefined) break;
      ({ cursor } = page);
    }
    expect(new Set(found).size).toBe(26);
    expect(found.at(-1)).toBe(entry.id);
    const { entries } = await audit.list({ limit: 50, actor: "root", subject: "key/1" });
    expect(entries.map(({ action }) => action)).toEqual(["key.create", "key.update"]);
    expect(entries[1]).toEqual({ ...entry, after: undefined, detail: undefined });
    expect(audit.append({ actor: "", action: "a", subject: "s" })).rejects.toMatchObject({ status: 400 });
    expect(audit.list({ limit: 0 })).rejects.toMatchObject({ status: 400 });
  });

  test("names are those documents have, and those they had when they were deleted", async () => {
    const url = await engine.createDatabase();
    await using opened = await openAt(url);
    const { documents, audit } = opened.store;
    const ids = Array.from({ length: 300 }, (_, index) => `key_${index}`);
    for (const id of ids.slice(0, 260)) await documents.put({ kind: "key", id, value: { name: `Ключ of ${id}` } });
    await documents.put({ kind: "key", id: "key_nameless", value: [] });
    await documents.put({ kind: "team", id: "key_299", value: { name: "a team" } });
    const deed = { actor: "root", before: { name: "it was" } };
    await audit.append({ ...deed, action: "key.delete", subject: "key/key_299" });
    await audit.append({ ...deed, action: "key.delete", subject: "key/key_0" });
    await audit.append({ ...deed, action: "key.update", subject: "key/key_298" });
    await audit.append({ ...deed, action: "team.delete", subject: "team/key_297" });

    const names = await readNames(url, "key", [...ids, "key_nameless", "(none)", "%"]);
    expect(names.size).toBe(261);
    expect([names.get("key_0"), names.get("key_259"), names.get("key_299")]).toEqual([
      "Ключ of key_0",
      "Ключ of key_259",
      "it was",
    ]);
    expect(await readNames(url, "key", [])).toEqual(new Map());
    expect(await audit.deletedNames("key", ["key_1", "key_299"])).toEqual(new Map([["key_299", "it was"]]));
  });

  test("a long audit log is not read as a whole for names, nor for what was done to one thing", async () => {
    const url = await engine.createDatabase();
    await using opened = await openAt(url);
    await opened.store.audit.append({ actor: "root", action: "key.create", subject: "key/key_0" });
    const rows = Array.from({ length: 3000 }, (_, at) => `('aud_${at}', ${at}, 'a', 'key.delete', 'key/key_${at}')`);
    await engine.query(url, `INSERT INTO audit_log (id, at, actor, action, subject) VALUES ${rows.join(", ")}`);
    const explain = engine.server === undefined ? "EXPLAIN QUERY PLAN" : "EXPLAIN";
    for (const condition of [
      "action = 'key.delete' AND subject IN ('key/key_1', 'key/key_2')",
      "at <= 9 AND subject = 'key/key_1' ORDER BY at DESC, id DESC LIMIT 5",
    ]) {
      const plan = await engine.query(url, `${explain} SELECT subject, before_value FROM audit_log WHERE ${condition}`);
      expect(JSON.stringify(plan)).toContain("audit_log_subject");
    }
  });

  test("what is left of removed documents, and old entries of the audit log, go after their time", async () => {
    const url = await engine.createDatabase();
    const hour = 3_600_000;
    const clock = { time: Date.UTC(2026, 10, 20, 10) };
    await using opened = await openAt(url, { now: () => clock.time });
    const { documents, audit } = opened.store;
    const ids = Array.from({ length: 300 }, (_, index) => `ses_${index}`);
    for (const id of ids) await documents.put({ kind: "session", id, value: { id } });
    for (const id of ids.slice(0, 290)) await documents.remove({ kind: "session", id });
    await documents.put({ kind: "session", id: "ses_7", value: "again" });
    for (let count = 0; count < 300; count += 1)
      await audit.append({ at: clock.time + count, actor: "a", action: "b", subject: "c" });
    clock.time += 23 * hour;
    await documents.remove({ kind: "session", id: "ses_299" });
    const leftBehind = async () => {
      const [row = {}] = await engine.query(url, "SELECT count(*) AS n FROM documents WHERE value IS NULL");
      return Number(row["n"]);
    };
    expect(await leftBehind()).toBe(290);

    const options = {
      maxAge: 0,
      maxBytes: 0,
      totals: 0,
      now: () => clock.time,
      pauseMs: 1,
      onWarning: () => undefined,
    };
    const retention = createRetention({ ...options, store: opened.store, audit: 24 * hour });
    expect(await retention.run()).toEqual({ requests: 0, totals: 0, audit: 0, removed: 0 });
    clock.time += 2 * hour;
    expect(await retention.run()).toEqual({ requests: 0, totals: 0, audit: 300, removed: 289 });
    expect(await leftBehind()).toBe(1);
    clock.time += 30 * hour;
    expect(await retention.run()).toEqual({ requests: 0, totals: 0, audit: 0, removed: 1 });
    expect(await audit.list({ limit: 5 })).toEqual({ entries: [], cursor: undefined });
    expect((await documents.list("session")).map(({ id }) => id).toSorted()).toEqual(
      [...ids.slice(290, 299), "ses_7"].toSorted(),
    );
    const { version } = await documents.put({ kind: "session", id: "ses_1", value: 1, expectedVersion: 0 });
    expect(version).toBeGreaterThan(590);
    const forever = createRetention({ ...options, store: opened.store, audit: 0 });
    await audit.append({ at: 1, actor: "a", action: "b", subject: "c" });
    expect((await forever.run()).audit).toBe(0);
  });
}
