import { afterAll, describe, expect, test } from "bun:test";
import { type ConfigHouse, messageOf, startConfigHouse } from "../../support/config-house.ts";
import { openKeyStore } from "../../support/key-house.ts";
import { makeRecord } from "../../support/make-record.ts";

const file = "providers: { demo: { type: dummy } }";
const now = Date.now();

const records = Array.from({ length: 12 }, (_, index) =>
  makeRecord({
    startedAt: now - index * 1000,
    modelAsked: index % 2 === 0 ? "smart" : "100%_sure",
    modelServed: "upstream",
    status: index % 3 === 0 ? 429 : 200,
    endReason: index % 3 === 0 ? "rejected" : "completed",
    keyId: index < 6 ? "key_a" : "key_b",
    userText: "what was said",
    // 0.1 three times is 0.30000000000000004 to a machine.
    ...(index < 3 ? { costUsd: index === 1 ? 0.1 + 0.2 : 0.1 } : {}),
    usage: { input: 10, cacheRead: undefined, cacheWrite: undefined, output: 1, reasoning: undefined },
  }),
);

const database = openKeyStore();
await database.store.requests.insert(records);
const withStore = await startConfigHouse({ store: database.store, file });
const withoutStore = await startConfigHouse({ store: undefined, file });
for (const record of records.toReversed()) withoutStore.ring.add(record);
afterAll(() => {
  withStore[Symbol.dispose]();
  withoutStore[Symbol.dispose]();
  database[Symbol.dispose]();
});

const houses = [
  ["a database", withStore],
  ["memory alone", withoutStore],
] as const;

async function ids(house: ConfigHouse, query: string): Promise<string[]> {
  const { status, body } = await house.ask("GET", `/api/logs${query}`, undefined, "viewer");
  expect(status).toBe(200);
  return (body["data"] as { id: string }[]).map(({ id }) => id);
}

const idsWhere = (test: (record: (typeof records)[number]) => boolean): string[] =>
  records.filter(test).map(({ id }) => id);

describe.each(houses)("with %s", (_name, house) => {
  test("requests are listed, the newest first, without what was said", async () => {
    expect(await ids(house, "")).toEqual(records.map(({ id }) => id));
    expect(JSON.stringify((await house.ask("GET", "/api/logs")).body)).not.toContain("what was said");
  });

  test("filters take what is named as it is: no pattern fits more", async () => {
    expect(await ids(house, "?model=smart")).toEqual(idsWhere(({ modelAsked }) => modelAsked === "smart"));
    expect(await ids(house, "?model=upstream")).toHaveLength(12);
    expect(await ids(house, "?status=429")).toEqual(idsWhere(({ status }) => status === 429));
    expect(await ids(house, "?key=key_a&status=200")).toEqual(
      idsWhere(({ keyId, status }) => keyId === "key_a" && status === 200),
    );
    expect(await ids(house, `?since=${new Date(now - 3000).toISOString()}`)).toHaveLength(4);
    expect(await ids(house, "?model=100%25_sure")).toHaveLength(6);
    for (const pattern of ["%25", "smar_", "%25art", "s*", "' OR 1=1 --"])
      expect(await ids(house, `?model=${pattern}`)).toEqual([]);
    expect(await ids(house, "?key=key_%25")).toEqual([]);
  });

  test("pages follow one another without a gap", async () => {
    const found: string[] = [];
    let cursor: string | null = "";
    do {
      const query = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await house.ask("GET", `/api/logs?limit=5${query}`);
      found.push(...(body["data"] as { id: string }[]).map(({ id }) => id));
      cursor = body["cursor"] as string | null;
    } while (cursor !== null);
    expect(found).toEqual(records.map(({ id }) => id));
  });

  test("statistics are grouped and summed", async () => {
    const { body } = await house.ask("GET", "/api/stats?by=key&since=1h", undefined, "viewer");
    expect(body["rows"]).toMatchObject([
      { group: "key_a", requests: 6, errors: 2, promptTokens: 60 },
      { group: "key_b", requests: 6, errors: 2 },
    ]);
    expect(body["total"]).toMatchObject({ group: "all", requests: 12, errors: 4, completionTokens: 12 });
    expect((await house.ask("GET", "/api/stats?key=key_b&since=1h")).body["total"]).toMatchObject({ requests: 6 });
    expect((await house.ask("GET", "/api/stats?since=2020-01-01&key=nobody")).body).toMatchObject({
      rows: [],
      total: null,
    });
  });

  test("keys that were not issued here have no name, and other groups have none at all", async () => {
    const { body } = await house.ask("GET", "/api/stats?by=key&since=1h");
    expect(body["rows"]).toMatchObject([
      { group: "key_a", name: null },
      { group: "key_b", name: null },
    ]);
    const models = (await house.ask("GET", "/api/stats?since=1h")).body["rows"] as object[];
    for (const row of models) expect(row).not.toHaveProperty("name");
  });

  test("money is told without the noise of binary fractions", async () => {
    const logs = await house.ask("GET", "/api/logs?limit=2");
    expect(logs.body["data"]).toMatchObject([{ costUsd: 0.1 }, { costUsd: 0.3 }]);
    const byKey = await house.ask("GET", "/api/stats?by=key&since=1h");
    expect(byKey.body).toMatchObject({ rows: [{ costUsd: 0.5 }, { costUsd: null }], total: { costUsd: 0.5 } });
    expect((await house.ask("GET", "/admin/status")).body["requests"]).toMatchObject({ costUsd: 0.5 });
  });

  test("what is wrong with a question is named", async () => {
    for (const [query, field] of [
      ["/api/logs?limit=0", "limit"],
      ["/api/logs?limit=501", "limit"],
      ["/api/logs?status=5xx", "status"],
      ["/api/logs?since=yesterday", "since"],
      ["/api/logs?cursor=nonsense", "cursor"],
      ["/api/logs?colour=red", "colour"],
      ["/api/stats?by=colour", "by"],
    ] as const) {
      const refused = await house.ask("GET", query);
      expect([query, refused.status, messageOf(refused)]).toEqual([query, 400, expect.stringContaining(field)]);
    }
  });
});

test("statistics by key say what keys are called; what deleted ones were called is for admins", async () => {
  using own = openKeyStore();
  using house = await startConfigHouse({ store: own.store, file });
  const keys = house.virtualKeys?.admin.keys;
  if (keys === undefined) throw new Error("this gateway has a database");
  const by = { actor: "a test", address: undefined };
  const living = await keys.create({ name: "living", enabled: true }, by);
  const deleted = await keys.create({ name: "deleted", enabled: true }, by);
  await own.store.requests.insert([
    makeRecord({ startedAt: now, keyId: living.id }),
    makeRecord({ startedAt: now - 1, keyId: living.id }),
    makeRecord({ startedAt: now, keyId: deleted.id }),
  ]);
  const namesFor = async (role: "admin" | "operator" | "viewer") => {
    const { body } = await house.ask("GET", "/api/stats?by=key&since=1h", undefined, role);
    return (body["rows"] as { group: string; name: string | null }[]).map(({ group, name }) => [group, name]);
  };
  const named = (name: string | null) => [
    [living.id, "living"],
    [deleted.id, name],
  ];
  expect(await namesFor("viewer")).toEqual(named("deleted"));
  await keys.remove(deleted.id, by);
  expect(await namesFor("viewer")).toEqual(named(null));
  expect(await namesFor("operator")).toEqual(named(null));
  expect(await namesFor("admin")).toEqual(named("deleted"));
});

test("a key is told by its id, or by a name that it alone has", async () => {
  using own = openKeyStore();
  using house = await startConfigHouse({ store: own.store, file });
  const keys = house.virtualKeys?.admin.keys;
  if (keys === undefined) throw new Error("this gateway has a database");
  const by = { actor: "a test", address: undefined };
  const make = (name: string) => keys.create({ name, enabled: true }, by);
  const [only, twin, other, posing] = [await make("only"), await make("twin"), await make("twin"), await make("admin")];
  const keyIds = [only.id, twin.id, other.id, posing.id, "admin", "key-1a2b3c4d"];
  await own.store.requests.insert(keyIds.map((keyId) => makeRecord({ startedAt: now, keyId })));
  const found = async (key: string) => {
    const logs = await house.ask("GET", `/api/logs?key=${key}`, undefined, "viewer");
    const stats = await house.ask("GET", `/api/stats?by=key&since=1h&key=${key}`, undefined, "viewer");
    const groups = (stats.body["rows"] as { group: string }[]).map(({ group }) => group);
    expect((logs.body["data"] as { keyId: string }[]).map(({ keyId }) => keyId)).toEqual(groups);
    return groups;
  };
  for (const key of keyIds) expect(await found(key)).toEqual([key]);
  expect(await found("only")).toEqual([only.id]);
  expect(await found("Only")).toEqual([]);
  for (const path of ["/api/logs?key=twin", "/api/stats?key=twin"]) {
    const refused = await house.ask("GET", path);
    expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining("2 keys are called 'twin'")]);
    for (const { id } of [twin, other]) expect(messageOf(refused)).toContain(id);
  }
  await keys.remove(twin.id, by);
  expect(await found("twin")).toEqual([other.id]);
});
