import { expect, test } from "bun:test";
import { createSinkLane } from "../../../src/storage/sink-lane.ts";
import { storeSink } from "../../../src/storage/store-sink.ts";
import type { RequestFilter, RequestPage, RequestQuery, Store } from "../../../src/storage/store.ts";
import { type RequestRecord, unknownUsage } from "../../../src/telemetry/request-record.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { makeRecord } from "../../support/make-record.ts";
import { failoverRecord, hedgeRecord } from "../../support/make-trail.ts";
import { createRandom, randomText } from "../../support/random.ts";
import { countsOf, insertInBatches, makeRecords, openAt, openNew, type TriedEngine } from "./engine.ts";

/** A request as it can come back: half characters become replacement marks, and on PostgreSQL NULs too. */
function storableText(text: string | undefined): string | undefined {
  return text?.toWellFormed().replaceAll("\u0000", "\uFFFD");
}

function storable(record: RequestRecord): RequestRecord {
  const entries = Object.entries(record).map(([name, value]: [string, unknown]) =>
    typeof value === "string" ? [name, storableText(value)] : [name, value],
  );
  return Object.fromEntries(entries) as RequestRecord;
}

function hostileRecord(seed: number): RequestRecord {
  const next = createRandom(seed);
  const text = (): string => randomText(next) + randomText(next);
  return makeRecord({
    id: `req_${seed}`,
    keyId: `key ${text()}`,
    modelAsked: text(),
    modelServed: `m${text()}`,
    provider: `p${text()}`,
    errorMessage: text(),
    userAgent: text(),
    credential: text(),
    lane: text(),
    userText: text(),
    assistantText: text(),
  });
}

function idsIn({ requests }: RequestPage): string[] {
  return requests.map(({ id }) => id);
}

async function allPages(store: Store, filter: RequestFilter, limit: number): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.requests.list({ ...filter, limit, cursor });
    ids.push(...idsIn(page));
    if (page.cursor === undefined) return ids;
    cursor = page.cursor;
  }
}

function fits({ since = 0, model, status, key, provider }: RequestFilter) {
  return (record: RequestRecord): boolean =>
    record.startedAt >= since &&
    (model === undefined || record.modelServed === model || record.modelAsked === model) &&
    (status === undefined || record.status === status) &&
    (key === undefined || record.keyId === key) &&
    (provider === undefined || record.provider === provider);
}

function newestFirst(left: RequestRecord, right: RequestRecord): number {
  return right.startedAt - left.startedAt || (left.id < right.id ? 1 : -1);
}

export function requestConformance(engine: TriedEngine): void {
  test("a request comes back by its id as it was", async () => {
    await using opened = await openNew(engine);
    const { requests } = opened.store;
    const price = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: undefined, reasoning: undefined };
    const records = [
      failoverRecord(),
      hedgeRecord(),
      makeRecord({ attempts: 0, provider: undefined, stream: true, dropped: ["a", "b"] }),
      makeRecord({
        costUsd: 0.0000001234,
        costSource: "computed",
        priceUsed: { ...price, request: undefined, source: "table", asOf: "2026-09-23" },
      }),
    ];
    await requests.insert(records);
    for (const record of records) expect(await requests.find(record.id)).toEqual(record);
    expect(await requests.find("req_unknown")).toBeUndefined();
    expect(await requests.find("' OR 1 = 1 --")).toBeUndefined();
  });

  test("a batch that is sent again changes nothing, and one of which a part is there adds the rest", async () => {
    await using opened = await openNew(engine);
    const { store, url } = opened;
    const records = makeRecords(300);
    await store.requests.insert(records.slice(0, 200));
    await store.requests.insert(records.slice(0, 200));
    expect(await countsOf(engine, url)).toEqual({ rows: 200, ids: 200, totals: 200 });
    await store.requests.insert(records.slice(100));
    await store.requests.insert([...records.slice(298), ...makeRecords(1), ...records.slice(298)]);
    expect(await countsOf(engine, url)).toEqual({ rows: 301, ids: 301, totals: 301 });
    const changed = { ...records[0], status: 500 } as RequestRecord;
    await store.requests.insert([changed]);
    expect((await store.requests.find(changed.id))?.status).toBe(200);
    await store.requests.insert([]);
  });

  test("several stores may write the same records at once: each is there once, and counted once", async () => {
    const url = await engine.createDatabase();
    const records = makeRecords(600, (index) => ({ keyId: `key-${index % 7}`, startedAt: 1_795_000_000_000 + index }));
    const stores = [await openAt(url), await openAt(url), await openAt(url), await openAt(url)];
    await Promise.all(
      stores.map(async ({ store }, turn) => {
        for (let at = 0; at < 6; at += 1) {
          const from = ((at + turn) % 6) * 100;
          for (;;) {
            try {
              await store.requests.insert(records.slice(from, from + 150));
              break;
            } catch (error) {
              if (!(error instanceof Error) || !("code" in error) || error.code !== "SQLITE_BUSY") throw error;
            }
          }
        }
      }),
    );
    expect(await countsOf(engine, url)).toEqual({ rows: 600, ids: 600, totals: 600 });
    for (const opened of stores) await opened[Symbol.asyncDispose]();
  });

  test("texts of people come back as they were, as far as an engine can hold them", async () => {
    await using opened = await openNew(engine);
    const records: RequestRecord[] = [];
    forSeeds(100, (_random, seed) => void records.push(hostileRecord(seed)));
    await opened.store.requests.insert(records);
    for (const record of records) {
      const found = await opened.store.requests.find(record.id);
      expect(found && storable(found)).toEqual(storable(record));
    }
  });

  test("a text of a mebibyte comes back whole, and one of any size does not cost the batch", async () => {
    await using opened = await openNew(engine);
    const mebibyte = "я😀\u0001".repeat(150_000);
    const records = [
      makeRecord({ userText: mebibyte, assistantText: mebibyte }),
      makeRecord({ userText: "х".repeat(12 * 1024 * 1024), errorMessage: "e".repeat(100_000) }),
      makeRecord({ modelAsked: "m".repeat(10_000), keyId: "😀".repeat(1000), userAgent: "u".repeat(100_000) }),
      makeRecord(),
    ];
    await opened.store.requests.insert(records);
    expect((await opened.store.requests.find(records[0]?.id ?? ""))?.assistantText).toBe(mebibyte);
    expect((await opened.store.requests.find(records[1]?.id ?? ""))?.userText?.startsWith("х".repeat(1024))).toBe(true);
    expect((await opened.store.requests.find(records[2]?.id ?? ""))?.keyId.startsWith("😀".repeat(200))).toBe(true);
    expect(await opened.store.requests.statistics({ since: 0, by: undefined })).toMatchObject([{ requests: 4 }]);
  });

  test("numbers that no engine has do not cost the batch", async () => {
    await using opened = await openNew(engine);
    const usage = {
      input: 1e300,
      cacheRead: Number.NaN,
      cacheWrite: -5,
      output: Number.POSITIVE_INFINITY,
      reasoning: 1.4,
    };
    const record = makeRecord({ usage, costUsd: 1e-320, ttftMs: Number.NaN, latencyMs: 1e12 });
    await opened.store.requests.insert([record]);
    const found = await opened.store.requests.find(record.id);
    expect(found?.usage).toEqual({ input: 1e12, cacheRead: undefined, cacheWrite: 0, output: 1e12, reasoning: 2 });
    expect(found?.ttftMs).toBeUndefined();
  });

  test("a model that reports absurd numbers in every answer costs nobody's records", async () => {
    await using opened = await openNew(engine);
    const records = makeRecords(2000, (index) => ({
      keyId: index % 20 === 0 ? "good" : "absurd",
      usage: { ...unknownUsage, input: index % 20 === 0 ? 5 : Number.MAX_SAFE_INTEGER, output: 1 },
    }));
    await insertInBatches(opened.store, records);
    const rows = await opened.store.requests.statistics({ since: 0, by: "key" });
    expect(rows.map(({ group, requests, promptTokens }) => [group, requests, promptTokens])).toEqual([
      ["absurd", 1900, 1900 * 1e12],
      ["good", 100, 500],
    ]);
    expect((await opened.store.requests.keyTotals("absurd", 0)).promptTokens).toBe(1900 * 1e12);
  });

  test("of a batch with records that the database refuses only those are lost", async () => {
    await using opened = await openNew(engine);
    const broken = { operation: null as unknown as RequestRecord["operation"] };
    const records = makeRecords(700, (index) => (index === 3 || index === 251 || index === 252 ? broken : {}));
    const dropped: number[] = [];
    const lane = createSinkLane({
      sink: storeSink(opened.store),
      capacity: 1000,
      onDrop: (_name, count) => void dropped.push(count),
      onError: () => undefined,
    });
    lane.offer(records);
    await lane.drain("now");
    expect(dropped).toEqual([1, 1, 1]);
    expect(lane.depth()).toBe(0);
    expect(await countsOf(engine, opened.url)).toEqual({ rows: 697, ids: 697, totals: 697 });
  });

  test("pages hold what fits, the newest first, each once", async () => {
    await using opened = await openNew(engine);
    const random = createRandom(3);
    const pick = <Value>(...values: Value[]) => values[Math.floor(random() * values.length)] as Value;
    const records = makeRecords(700, () => ({
      // Many started in the same millisecond.
      startedAt: 1_795_000_000_000 + Math.floor(random() * 60),
      modelAsked: pick("smart", "fast"),
      modelServed: pick(undefined, "gpt", "claude"),
      keyId: pick("team-a", "team-b"),
      provider: pick("groq", "openrouter"),
      status: pick(200, 200, 503),
    })).toSorted(newestFirst);
    await insertInBatches(opened.store, records.toReversed());
    const filters: RequestFilter[] = [
      {},
      { since: 1_795_000_000_030 },
      { model: "smart" },
      { model: "gpt", status: 503 },
      { key: "team-a", provider: "groq", status: 200, since: 1_795_000_000_010 },
      { key: "nobody" },
    ];
    for (const filter of filters) {
      const expected = records.filter(fits(filter)).map(({ id }) => id);
      for (const limit of [7, 100, 500]) expect(await allPages(opened.store, filter, limit)).toEqual(expected);
    }
  });

  test("a page that finds little says where to go on, and wrong questions are refused", async () => {
    await using opened = await openNew(engine);
    const records = makeRecords(10_200, (index) => ({ keyId: index === 0 ? "rare" : "common" }));
    await insertInBatches(opened.store, records);
    const first = await opened.store.requests.list({ key: "rare", limit: 10 });
    expect(first.requests).toEqual([]);
    expect(first.cursor).toBeDefined();
    expect(await allPages(opened.store, { key: "rare" }, 10)).toEqual([records[0]?.id ?? ""]);
    const list = async (query: RequestQuery): Promise<RequestPage> => opened.store.requests.list(query);
    for (const cursor of ["x", "", "' OR 1", Buffer.from("1 ").toString("base64url")])
      expect(list({ limit: 1, cursor })).rejects.toThrow(/cursor/);
    for (const limit of [0, 501, 1.5, Number.NaN]) expect(list({ limit })).rejects.toThrow(/limit/);
  });

  test("the last request is the one that ended last", async () => {
    await using opened = await openNew(engine);
    expect(await opened.store.requests.last()).toBeUndefined();
    const long = makeRecord({ startedAt: 1000, latencyMs: 5000 });
    await opened.store.requests.insert([makeRecord({ startedAt: 2000, latencyMs: 10 }), long]);
    expect(await opened.store.requests.last()).toEqual(long);
  });
}
