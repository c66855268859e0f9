import { afterAll, describe, expect, test } from "bun:test";
import { adminToken, type Answer, type KeyHouse, openKeyStore, startKeyHouse } from "../../support/key-house.ts";
import type { KeyBudget } from "../../../src/keys/virtual-key.ts";
import { isBudgetRefusal } from "../../../src/limits/budget-ledger.ts";
import type { Store } from "../../../src/storage/store.ts";
import { until } from "../../support/e2e.ts";
import { makeRecord } from "../../support/make-record.ts";

using database = openKeyStore();
const { store } = database;
const house: KeyHouse = await startKeyHouse({ store });
afterAll(() => house[Symbol.dispose]());

const ask: KeyHouse["ask"] = (...request) => house.ask(...request);

interface Issued {
  id: string;
  key: string;
  version: number;
}

async function issue(fields: object = {}): Promise<Issued> {
  const { status, body } = await ask("POST", "/api/keys", { name: "a key", ...fields });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body as unknown as Issued;
}

const messageOf = ({ body }: Answer): string => (body["error"] as { message: string } | undefined)?.message ?? "";

const everything = {
  name: "all of it",
  enabled: false,
  expiresAt: "2030-01-02T03:04:05+01:00",
  models: ["gpt-*", "claude-sonnet"],
  endpoints: ["chat", "embeddings"],
  addresses: ["10.0.0.0/8", "2001:db8::/32"],
  rpm: 60,
  tpm: 100_000,
  concurrency: 5,
  budgets: [
    { usd: 10, window: "day", timeZone: "Europe/Berlin" },
    { usd: 100, window: "month" },
  ],
  priority: 3,
  content: "truncate:50",
  maySteer: false,
  tags: { department: "research", __proto__x: "kept" },
};

describe("a key is made", () => {
  test("and its token is told once", async () => {
    const answer = await ask("POST", "/api/keys", { name: "  someone  " });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const { id, key, prefix } = answer.body as unknown as Record<string, string>;
    expect(key).toMatch(/^sk-orc-[0-9A-Za-z]{43}$/);
    expect(id).toMatch(/^key_[0-9a-z]{24}$/);
    expect(prefix).toBe(`sk-orc-…${key?.slice(-4)}`);
    expect(answer.body).toMatchObject({ name: "someone", enabled: true, status: "active" });
    expect(house.book.find(key ?? "")?.id).toBe(String(id));

    const told = [
      await ask("GET", `/api/keys/${id}`),
      await ask("GET", "/api/keys"),
      await store.audit.list({ limit: 10 }),
    ];
    const text = JSON.stringify([told, await store.documents.list("key")]);
    expect(text).toContain(String(id));
    expect(text).not.toContain(String(key));
  });

  test("with everything that it can have, which is shown as it was sent", async () => {
    const { id } = await issue(everything);
    const { body } = await ask("GET", `/api/keys/${id}`);
    expect(body).toMatchObject({ ...everything, expiresAt: "2030-01-02T02:04:05.000Z", status: "disabled" });
    expect(body["spending"]).toMatchObject([
      { usd: 10, window: "day", timeZone: "Europe/Berlin", spentUsd: 0, reservedUsd: 0 },
      { usd: 100, window: "month", spentUsd: 0, reservedUsd: 0 },
    ]);
    expect(JSON.stringify(body)).not.toContain("hash");
  });

  test("without what is null", async () => {
    const { id } = await issue({ rpm: null, expiresAt: null, budgets: null, teamId: null });
    const { body } = await ask("GET", `/api/keys/${id}`);
    for (const field of ["rpm", "expiresAt", "budgets", "teamId"]) expect(body).not.toHaveProperty(field);
  });
});

describe("what cannot be set is refused by its name", () => {
  const privileged = [
    "id",
    "hash",
    "key",
    "last4",
    "prefix",
    "createdAt",
    "previous",
    "status",
    "spending",
    "role",
    "isAdmin",
  ];
  for (const field of [...privileged, "toString", "constructor"])
    test(field, async () => {
      const { id } = await issue();
      for (const [method, path] of [
        ["POST", "/api/keys"],
        ["PATCH", `/api/keys/${id}`],
        ["POST", `/api/keys/${id}/rotate`],
      ] as const) {
        const answer = await ask(method, path, { name: "x", [field]: "x" });
        expect([method, answer.status]).toEqual([method, 400]);
        expect(messageOf(answer)).toContain(`\`${field}\``);
      }
    });

  test("__proto__", async () => {
    const answer = await ask("POST", "/api/keys", '{"name":"x","__proto__":{"rpm":1}}');
    if (answer.status === 201) expect(answer.body).not.toHaveProperty("rpm");
    else expect(answer.status).toBe(400);
    expect(({} as Record<string, unknown>)["rpm"]).toBeUndefined();
  });

  test("version when it is made", async () =>
    expect((await ask("POST", "/api/keys", { name: "x", version: 1 })).status).toBe(400));
});

describe("what makes no sense is refused by its name", () => {
  const wrong: [string, object, string][] = [
    ["no name", { name: undefined }, "`name` is missing; it must be text"],
    ["an empty name", { name: "   " }, "`name` must not be empty"],
    ["a name that rules a terminal", { name: "a\u001b[2Jb" }, "`name` must not have control characters"],
    ["a name that is half a character", { name: "\ud800" }, "`name` must not have control characters or half a"],
    ["a tag with a NUL", { tags: { owner: "a\u0000b" } }, "`tags.owner` must not have control characters or half a"],
    ["a tag that is half a character", { tags: { owner: "\udc00" } }, "`tags.owner` must not have control"],
    [
      "a tag whose name has a NUL",
      { tags: { "a\u0000b": "x" } },
      '`tags["a\\u0000b"]` is no name that can be used here: it must not have control characters',
    ],
    ["rpm of nothing", { rpm: 0 }, "`rpm` must be at least 1"],
    ["rpm as a text", { rpm: "60" }, "`rpm` must be"],
    ["models that allow none", { models: [] }, "`models` must have at least 1 entry"],
    ["an endpoint that does not exist", { endpoints: ["chats"] }, "`endpoints[0]` must be one of chat, embeddings"],
    ["an address that is none", { addresses: ["10.0.0.0/33"] }, "`addresses[0]` must be an address or a range"],
    [
      "a window that does not exist",
      { budgets: [{ usd: 1, window: "year" }] },
      "`budgets[0].window` must be one of hour",
    ],
    ["a budget below nothing", { budgets: [{ usd: -1, window: "day" }] }, "`budgets[0].usd` must be at least 0"],
    ["a budget without an end", { budgets: [{ usd: null, window: "day" }] }, "`budgets[0].usd` must be a number"],
    [
      "a budget of an unknown kind",
      { budgets: [{ usd: 1, window: "day", hard: true }] },
      "`budgets[0].hard` is unknown",
    ],
    [
      "two budgets for a window",
      {
        budgets: [
          { usd: 1, window: "day" },
          { usd: 2, window: "day" },
        ],
      },
      "at most one budget for each window",
    ],
    ["a zone that does not exist", { budgets: [{ usd: 1, window: "day", timeZone: "Mars" }] }, "must be a time zone"],
    ["a priority that is no number", { priority: [] }, "`priority` must be a number, not a list."],
    ["tags of nothing", { tags: { "": "x" } }, '`tags[""]` is no name that can be used here.'],
    ["a word that is nearly one", { endponts: [] }, "did you mean `endpoints`?"],
    ["a time that is none", { expiresAt: "tomorrow" }, "`expiresAt` must be a time such as"],
    ["a policy that does not exist", { content: "some" }, "`content` must be full, none or truncate:N"],
    ["a team that does not exist", { teamId: "team_x" }, "There is no team team_x"],
    ["a misspelt field", { expiredAt: 1 }, "did you mean `expiresAt`?"],
  ];
  for (const [what, fields, words] of wrong)
    test(what, async () => {
      const answer = await ask("POST", "/api/keys", { name: "x", ...fields });
      expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining(words)]);
    });

  test("all of it at once", async () => {
    const message = messageOf(await ask("POST", "/api/keys", { rpm: -1, role: "admin" }));
    for (const words of ["`name` is missing", "`rpm` must be at least 1", "`role` is unknown"])
      expect(message).toContain(words);
  });

  test("a body that is none", async () => {
    for (const body of ["{", "[]", "null", '"x"', "7"]) expect((await ask("POST", "/api/keys", body)).status).toBe(400);
  });
});

describe("a key is changed", () => {
  test("in what is named, and null takes away", async () => {
    const { id, key } = await issue({ rpm: 5, models: ["a"], tags: { a: "b" } });
    const { status, body } = await ask("PATCH", `/api/keys/${id}`, {
      name: "renamed",
      rpm: null,
      tpm: 9,
      expiresAt: 4e12,
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: "renamed",
      tpm: 9,
      models: ["a"],
      tags: { a: "b" },
      expiresAt: "2096-10-02T07:06:40.000Z",
    });
    expect(body).not.toHaveProperty("rpm");
    expect(house.book.find(key)).toMatchObject({ name: "renamed", tpm: 9 });
  });

  test("and is known as changed at once: enabled or not", async () => {
    const { id, key } = await issue();
    await ask("PATCH", `/api/keys/${id}`, { enabled: false });
    expect(house.book.find(key)?.enabled).toBe(false);
    expect((await ask("GET", "/api/me", undefined, key)).status).toBe(401);
  });

  test("only when nobody was faster, where that matters", async () => {
    const { id, version } = await issue();
    const first = await ask("PATCH", `/api/keys/${id}`, { rpm: 1, version });
    expect(first.status).toBe(200);
    const second = await ask("PATCH", `/api/keys/${id}`, { rpm: 2, version });
    expect(second.status).toBe(409);
    expect(messageOf(second)).toContain(`it has version ${String(first.body["version"])} now, ${version} was expected`);
    expect(house.book.key(id)?.rpm).toBe(1);
    expect((await ask("PATCH", `/api/keys/${id}`, { rpm: 2 })).status).toBe(200);
  });

  test("by many at once, and no change is lost", async () => {
    const { id } = await issue();
    const changes = [{ rpm: 1 }, { tpm: 2 }, { concurrency: 3 }];
    const answers = await Promise.all(changes.map((change) => ask("PATCH", `/api/keys/${id}`, change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(house.book.key(id)).toMatchObject({ rpm: 1, tpm: 2, concurrency: 3 });
  });

  test("not to nothing, and not when it is not there", async () => {
    const { id } = await issue();
    expect((await ask("PATCH", `/api/keys/${id}`, {})).status).toBe(400);
    expect((await ask("PATCH", "/api/keys/key_none", { rpm: 1 })).status).toBe(404);
  });
});

describe("a key gets another token", () => {
  test("and the old one ends at once", async () => {
    const { id, key } = await issue();
    const { status, body } = await ask("POST", `/api/keys/${id}/rotate`);
    expect(status).toBe(200);
    const fresh = String(body["key"]);
    expect(fresh).not.toBe(key);
    expect([house.book.find(key), house.book.find(fresh)?.id]).toEqual([undefined, id]);
  });

  test("and the old one is taken for a while, where that is wished", async () => {
    const { id, key } = await issue();
    const { body } = await ask("POST", `/api/keys/${id}/rotate`, { graceSeconds: 3600 });
    expect(body["previousUntil"]).toBeString();
    for (const token of [key, String(body["key"])]) expect(house.book.find(token)?.id).toBe(id);
  });

  test("by whoever holds it", async () => {
    const { id, key } = await issue();
    const { status, body } = await ask("POST", "/api/me/rotate", undefined, key);
    expect({ status, id: body["id"] }).toEqual({ status: 200, id } as never);
    expect((await ask("GET", "/api/me", undefined, key)).status).toBe(401);
    expect((await ask("GET", "/api/me", undefined, String(body["key"]))).status).toBe(200);
    const { entries } = await store.audit.list({ limit: 1 });
    expect(entries[0]).toMatchObject({ actor: id, action: "key.rotate", subject: `key/${id}` });
  });
});

describe("a token that was replaced", () => {
  test("does not give the key another one in its time of grace", async () => {
    const { id, key } = await issue();
    const fresh = String((await ask("POST", `/api/keys/${id}/rotate`, { graceSeconds: 3600 })).body["key"]);
    const { status, body } = await ask("POST", "/api/me/rotate", undefined, key);
    expect([status, JSON.stringify(body)]).toEqual([403, expect.stringContaining("was replaced by another one")]);
    for (const token of [key, fresh]) expect((await ask("GET", "/api/me", undefined, token)).status).toBe(200);
    expect((await ask("POST", "/api/me/rotate", undefined, fresh)).status).toBe(200);
  });

  test("does not at a gateway that has not heard of it, either", async () => {
    using other = await startKeyHouse({ store });
    const { id, key } = await issue();
    await other.look();
    const rotated = await ask("POST", `/api/keys/${id}/rotate`);
    expect((await other.ask("POST", "/api/me/rotate", undefined, key)).status).toBe(403);
    expect(house.book.find(String(rotated.body["key"]))?.id).toBe(id);
    expect((await ask("GET", "/api/me", undefined, String(rotated.body["key"]))).status).toBe(200);
  });

  test("of two that take it at the same moment one gets the next", async () => {
    const { key } = await issue();
    const answers = await Promise.all([1, 2, 3].map(() => ask("POST", "/api/me/rotate", undefined, key)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(2);
    for (const { status } of refused) expect([401, 403]).toContain(status);
  });
});

test("neither a team nor a changed key has a name that rules a terminal", async () => {
  const { id } = await issue();
  for (const [method, path] of [
    ["POST", "/api/teams"],
    ["PATCH", `/api/keys/${id}`],
  ] as const) {
    const { status, body } = await ask(method, path, { name: "a\nb" });
    expect([path, status, JSON.stringify(body)]).toEqual([path, 400, expect.stringContaining("control characters")]);
  }
});

test("a key that has expired before it begins is not made, by itself or with others", async () => {
  const before = house.book.size;
  for (const expiresAt of ["2020-01-01T00:00:00Z", Date.now(), 0]) {
    const answer = await ask("POST", "/api/keys", { name: "late", expiresAt });
    expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining("`expiresAt` is past")]);
  }
  const { body } = await ask("POST", "/api/keys/batch", { create: [{ name: "late", expiresAt: 1 }] });
  expect(body["results"]).toMatchObject([{ status: 400 }]);
  expect(house.book.size).toBe(before);
});

test("a key is not given an end that is past; one that has ended may be changed, and given another end", async () => {
  const { id } = await issue();
  const path = `/api/keys/${id}`;
  for (const expiresAt of ["2020-01-01T00:00:00Z", "2020-01-01", 1]) {
    const answer = await ask("PATCH", path, { expiresAt });
    expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining("`enabled: false`")]);
  }
  expect((await ask("GET", path)).body).toMatchObject({ status: "active" });
  const expiresAt = new Date(Date.now() + 200).toISOString();
  expect((await ask("PATCH", path, { expiresAt })).status).toBe(200);
  await until(async () => (await ask("GET", path)).body["status"] === "expired", "it has ended");
  // As a form sends back all it was given.
  expect((await ask("PATCH", path, { expiresAt, rpm: 7 })).body).toMatchObject({ status: "expired", rpm: 7 });
  expect((await ask("PATCH", path, { expiresAt: null })).body).toMatchObject({ status: "active" });
});

test("a date alone is the midnight it begins with, in UTC", async () => {
  const made = await ask("POST", "/api/keys", { name: "dated", expiresAt: "2199-12-31" });
  expect(made).toMatchObject({ status: 201, body: { expiresAt: "2199-12-31T00:00:00.000Z" } });
  for (const expiresAt of ["2199-02-30", "31.12.2199", "2199-12", "soon"]) {
    const answer = await ask("POST", "/api/keys", { name: "dated", expiresAt });
    expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining("2026-12-31")]);
  }
});

test.each(["keys", "teams", "users"])(
  "a cursor that no page of %s gave is refused, not taken for none",
  async (kind) => {
    const { status, body } = await ask("GET", `/api/${kind}?cursor=junk`);
    expect([status, body]).toMatchObject([400, { error: { param: "cursor" } }]);
  },
);

test("control characters in a query are refused before a database meets them", async () => {
  const cursor = Buffer.from("1 \u0000").toString("base64url");
  for (const query of [
    "audit?actor=%00",
    "audit?subject=a%00b",
    `audit?cursor=${cursor}`,
    "keys?team=%00",
    "users?cursor=%00",
  ])
    expect([query, (await ask("GET", `/api/${query}`)).status]).toEqual([query, 400]);
});

test("a stored key or team with a time zone that nobody knows is left out, and the others are there", async () => {
  using own = openKeyStore();
  const documents = own.store.documents;
  const budgets = [{ usd: 5, window: "day", timeZone: "Mars/Phobos" }];
  using first = await startKeyHouse({ store: own.store });
  const team = (await first.ask("POST", "/api/teams", { name: "t" })).body as unknown as Issued;
  const [good, bad, member] = await Promise.all(
    [{}, {}, { teamId: team.id }].map(
      async (fields) => (await first.ask("POST", "/api/keys", { name: "k", ...fields })).body as unknown as Issued,
    ),
  );
  for (const [kind, id = ""] of [
    ["key", bad?.id],
    ["team", team.id],
  ] as const) {
    const found = await documents.get(kind, id);
    await documents.put({ kind, id, value: { ...(found?.value as object), budgets } });
  }
  // As after a restart.
  using second = await startKeyHouse({ store: own.store, isAlone: true });
  await first.look();
  for (const gateway of [first, second]) {
    const { status, body } = await gateway.ask("GET", "/api/keys");
    const ids = (body["data"] as unknown as Issued[]).map(({ id }) => id);
    expect([status, ids.toSorted()]).toEqual([200, [good?.id ?? "", member?.id ?? ""].toSorted()]);
    expect((await gateway.ask("GET", "/api/teams")).body).toMatchObject({ data: [] });
    expect((await gateway.ask("GET", `/api/keys/${bad?.id}`)).status).toBe(404);
    const statuses = [good, bad, member].map(async (key) => gateway.ask("GET", "/api/me", undefined, key?.key ?? ""));
    // Without its team nothing would bound what a key may spend.
    expect((await Promise.all(statuses)).map(({ status: seen }) => seen)).toEqual([200, 401, 403]);
    expect(gateway.told.filter((line) => line.includes("cannot be read"))).toHaveLength(2);
    expect(gateway.told.filter((line) => line.includes("after a crash"))).toEqual([]);
  }
  const mended = await second.ask("PATCH", `/api/keys/${bad?.id}`, { budgets: [{ usd: 5, window: "day" }] });
  expect([mended.status, (await second.ask("GET", "/api/me", undefined, bad?.key)).status]).toEqual([200, 200]);
});

test("a key is deleted, and then there is none", async () => {
  const { id, key } = await issue({ budgets: [{ usd: 1, window: "day" }] });
  expect((await ask("DELETE", `/api/keys/${id}`)).status).toBe(204);
  expect(house.book.find(key)).toBeUndefined();
  for (const method of ["GET", "PATCH", "DELETE"])
    expect((await ask(method, `/api/keys/${id}`, method === "PATCH" ? { rpm: 1 } : undefined)).status).toBe(404);
});

test("keys come in pages, the newest first, and those of one team by themselves", async () => {
  const team = String((await ask("POST", "/api/teams", { name: "listed" })).body["id"]);
  const ids: string[] = [];
  for (let index = 0; index < 7; index += 1) ids.push((await issue({ name: `n${index}`, teamId: team })).id);
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const { body } = await ask("GET", `/api/keys?team=${team}&limit=3${from}`);
    const page = body as unknown as { data: { id: string }[]; cursor: string | null };
    expect(page.data.length).toBeLessThanOrEqual(3);
    seen.push(...page.data.map(({ id }) => id));
    ({ cursor } = page);
  }
  expect(seen).toEqual(ids.toSorted().toReversed());
  const [first = "", ...rest] = seen;
  await ask("DELETE", `/api/keys/${first}`);
  const { body } = await ask("GET", `/api/keys?team=${team}&cursor=${first}`);
  expect((body["data"] as unknown as { id: string }[]).map(({ id }) => id)).toEqual(rest);
  for (const query of ["limit=0", "limit=501", "limit=x", "sort=name", "cursor=junk", "cursor=team_1"])
    expect((await ask("GET", `/api/keys?${query}`)).status).toBe(400);
});

describe("several changes at once", () => {
  test("each have their outcome", async () => {
    const [first, second] = [await issue(), await issue()];
    const { status, body } = await ask("POST", "/api/keys/batch", {
      create: [{ name: "one" }, { name: "two", teamId: "team_none" }],
      update: [
        { id: first.id, rpm: 7 },
        { id: "key_none", rpm: 1 },
      ],
      delete: [second.id],
    });
    expect(status).toBe(200);
    expect(body["results"]).toMatchObject([
      {
        action: "create",
        status: 201,
        id: expect.stringMatching(/^key_/),
        result: { key: expect.stringMatching(/^sk-orc-/) },
      },
      { action: "create", status: 400, error: { message: expect.stringContaining("team_none") } },
      { action: "update", status: 200, id: first.id, result: { rpm: 7 } },
      { action: "update", status: 404, id: "key_none" },
      { action: "delete", status: 204, id: second.id },
    ]);
  });

  test("are all refused when one of them makes no sense", async () => {
    const before = house.book.size;
    const answer = await ask("POST", "/api/keys/batch", { create: [{ name: "fine" }, { name: "x", role: "admin" }] });
    expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining("`create[1].role`")]);
    expect(house.book.size).toBe(before);
    const many = { delete: Array.from({ length: 101 }, (_, index) => `key_${index}`) };
    expect((await ask("POST", "/api/keys/batch", many)).status).toBe(400);
  });
});

describe("teams", () => {
  test("are made, changed and listed as keys are", async () => {
    const made = await ask("POST", "/api/teams", { name: "research", budgets: [{ usd: 5, window: "week" }], rpm: 9 });
    expect(made.status).toBe(201);
    const path = `/api/teams/${String(made.body["id"])}`;
    expect((await ask("PATCH", path, { models: ["gpt-*"], rpm: null })).body).toMatchObject({ models: ["gpt-*"] });
    const { body } = await ask("GET", path);
    expect(body).toMatchObject({ name: "research", spending: [{ usd: 5, window: "week", spentUsd: 0 }] });
    expect(body).not.toHaveProperty("rpm");
    expect((await ask("POST", "/api/teams", { name: "x", hash: "y" })).status).toBe(400);
  });

  test("cannot be deleted while keys belong to them", async () => {
    const team = String((await ask("POST", "/api/teams", { name: "busy" })).body["id"]);
    const { id } = await issue({ teamId: team });
    const refused = await ask("DELETE", `/api/teams/${team}`);
    expect([refused.status, messageOf(refused)]).toEqual([409, expect.stringContaining("1 key belongs to the team")]);
    await ask("PATCH", `/api/keys/${id}`, { teamId: null });
    expect((await ask("DELETE", `/api/teams/${team}`)).status).toBe(204);
  });
});

describe("every change is written to the audit log, without secrets", () => {
  test("with what was before and what is after", async () => {
    const { id, key } = await issue({ rpm: 5 });
    await ask("PATCH", `/api/keys/${id}`, { rpm: 6 });
    const fresh = String((await ask("POST", `/api/keys/${id}/rotate`, { graceSeconds: 60 })).body["key"]);
    await ask("DELETE", `/api/keys/${id}`);
    const { entries } = await store.audit.list({ limit: 50, subject: `key/${id}` });
    expect(
      entries.map(({ actor, action, before, after, detail }) => [actor, action, before, after, detail]),
    ).toMatchObject([
      ["admin", "key.delete", { rpm: 6 }, undefined, { address: "127.0.0.1" }],
      ["admin", "key.rotate", { rpm: 6 }, { rpm: 6 }, { address: "127.0.0.1" }],
      ["admin", "key.update", { rpm: 5 }, { rpm: 6 }, { address: "127.0.0.1" }],
      ["admin", "key.create", undefined, { rpm: 5 }, { address: "127.0.0.1" }],
    ]);
    const text = JSON.stringify(entries);
    for (const secret of [key, fresh, Bun.SHA256.hash(key, "hex"), Bun.SHA256.hash(fresh, "hex"), adminToken])
      expect(text).not.toContain(secret);
  });
});

describe("nobody but the admin manages keys", () => {
  const paths = house.routes.filter(({ path }) => /^\/api\/(?:keys|teams)/.test(path));

  test("there are many ways to try", () => expect(paths.length).toBeGreaterThanOrEqual(13));

  for (const { method, path } of paths)
    test(`${method} ${path}`, async () => {
      const { id, key } = await issue();
      const target = path.replace(":id", id);
      for (const token of [null, "", "wrong", key, `${adminToken}x`]) {
        const { status } = await ask(method, target, method === "GET" || method === "DELETE" ? undefined : {}, token);
        expect([token, status]).toEqual([token, 401]);
      }
      expect(house.book.find(key)?.id).toBe(id);
    });
});

describe("the holder of a key", () => {
  test("sees it and what it was used for, and nobody else's", async () => {
    const team = String(
      (await ask("POST", "/api/teams", { name: "ours", budgets: [{ usd: 7, window: "hour" }] })).body["id"],
    );
    const mine = await issue({ name: "mine", rpm: 3, budgets: [{ usd: 2, window: "day" }], teamId: team });
    const { status, body } = await ask("GET", "/api/me", undefined, mine.key);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      key: { id: mine.id, name: "mine", rpm: 3 },
      team: { id: team, name: "ours" },
      usage: {
        requests: 0,
        costUsd: 0,
        limits: { rpm: 3 },
        spending: [{ usd: 2, spentUsd: 0 }],
        teamSpending: [{ usd: 7 }],
      },
    });
    const usage = await ask("GET", "/v1/usage?since=7d", undefined, mine.key);
    expect(usage.body).toMatchObject({ id: mine.id, requests: 0, errors: 0 });
    expect(JSON.stringify([body, usage.body])).not.toContain(mine.key);
  });

  test("is told of whole hours, from which one on", async () => {
    const { id, key } = await issue();
    const hour = 3_600_000;
    const start = Date.parse("2026-11-20T10:00:00Z");
    const times = [start - 1, start, start + hour / 2];
    await store.requests.insert(times.map((startedAt) => makeRecord({ keyId: id, startedAt, costUsd: 0.25 })));
    const { body } = await ask("GET", "/v1/usage?since=2026-11-20T10:40:00Z", undefined, key);
    expect(body).toMatchObject({ since: "2026-11-20T10:00:00.000Z", requests: 2, costUsd: 0.5, promptTokens: 20 });
    expect(body).not.toHaveProperty("latencyMs");
  });

  test("is told sums without the noise of binary fractions, as budgets are", async () => {
    const { id, key } = await issue({ budgets: [{ usd: 2, window: "month" }] });
    await store.requests.insert([0.1, 0.2].map((costUsd) => makeRecord({ keyId: id, costUsd, startedAt: Date.now() })));
    const owner = { kind: "key", id, budgets: [{ usd: 2, window: "month" }] } as const;
    for (const usd of [0.1, 0.2 + 3e-9]) {
      const lease = house.budgets.hold([owner], { usd, ttlMs: 60_000 });
      lease.settle(usd);
    }
    const { body } = await ask("GET", "/v1/usage?since=1h", undefined, key);
    expect(body).toMatchObject({ costUsd: 0.3, spending: [{ spentUsd: 0.300000003 }] });
  });

  test("may ask once a second, whatever his key may do besides", async () => {
    const [first, second] = [await issue({ rpm: 1 }), await issue()];
    const paths = ["/v1/usage", "/api/me", "/v1/usage?since=7d"];
    for (let count = 0; count < 60; count += 1) {
      const { status } = await ask("GET", paths[count % 3] ?? "", undefined, first.key);
      expect(status).toBe(200);
    }
    for (const path of paths) {
      const refused = await ask("GET", path, undefined, first.key);
      expect([refused.status, messageOf(refused)]).toEqual([429, expect.stringContaining("60 requests a minute")]);
      expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 61);
    }
    expect((await ask("POST", "/api/me/rotate", undefined, first.key)).status).toBe(429);
    expect((await ask("GET", "/api/me", undefined, second.key)).status).toBe(200);
  });

  test("is told what is wrong with the question", async () => {
    const { key } = await issue();
    for (const query of ["since=never", "until=7d"])
      expect((await ask("GET", `/v1/usage?${query}`, undefined, key)).status).toBe(400);
  });

  test("is not whoever has another kind of key, or none", async () => {
    const { status, body } = await ask("GET", "/api/me");
    expect([status, body["error"]]).toMatchObject([403, { message: expect.stringContaining("with the admin token") }]);
    for (const token of [null, "wrong"]) expect((await ask("GET", "/v1/usage", undefined, token)).status).toBe(401);
  });
});

async function spendingIn(house: KeyHouse, id: string): Promise<unknown> {
  const { body } = await house.ask("GET", `/api/keys/${id}`);
  const spending = body["spending"] as unknown as { spentUsd: number; reservedUsd: number }[];
  return spending.map(({ spentUsd, reservedUsd }) => [spentUsd, reservedUsd]);
}

describe("what a killed gateway had spent and not yet written to the budget", () => {
  const clock = Date.parse("2026-11-20T10:30:00Z");
  const india = { usd: 100, window: "day", timeZone: "Asia/Kolkata" };
  const budgets = [{ usd: 100, window: "hour" }, india];
  const estimate = { usd: 3, ttlMs: 600_000 };

  async function crash(store: Store): Promise<Issued> {
    using first = await startKeyHouse({ store, now: () => clock });
    const issued = (await first.ask("POST", "/api/keys", { name: "killed", budgets })).body as unknown as Issued;
    const owner = { kind: "key", id: issued.id, budgets: budgets as KeyBudget[] } as const;
    const request = async (startedAt: number, costUsd: number): Promise<void> =>
      store.requests.insert([makeRecord({ keyId: issued.id, startedAt, costUsd })]);
    const [settled] = [first.budgets.reserve([owner], estimate), first.budgets.reserve([owner], estimate)];
    if (isBudgetRefusal(settled)) throw new Error("There is room");
    settled.settle(2);
    await request(clock, 2);
    await first.budgets.flush();
    // Written down, and then it died.
    await request(clock, 5);
    // In the hour in which India's day begins, and before it.
    await request(Date.parse("2026-11-19T18:10:00Z"), 64);
    return issued;
  }

  test("is counted by the next one from its records, beside what is reserved, and once", async () => {
    using own = openKeyStore();
    const { id } = await crash(own.store);
    for (const life of [1, 2, 3]) {
      using next = await startKeyHouse({ store: own.store, now: () => clock, isAlone: true });
      const isCounted = async () =>
        Bun.deepEquals(await spendingIn(next, id), [
          [7, 3],
          [7, 3],
        ]);
      await until(isCounted, `it is counted in life ${life}`);
      await next.budgets.flush();
    }
  });

  test("is counted for the team of the keys too, from when each of them belongs to it", async () => {
    using own = openKeyStore();
    const team = { name: "ours", budgets: [{ usd: 100, window: "day" }] };
    const hour = 3_600_000;
    let time = clock;
    const ids = await (async () => {
      using first = await startKeyHouse({ store: own.store, now: () => time });
      const made = async (path: string, body: object) => String((await first.ask("POST", path, body)).body["id"]);
      const [ours, theirs] = [await made("/api/teams", team), await made("/api/teams", { ...team, name: "theirs" })];
      const stays = await made("/api/keys", { name: "stays", teamId: ours, budgets });
      const plain = await made("/api/keys", { name: "without a budget of its own", teamId: ours });
      const moves = await made("/api/keys", { name: "moves", teamId: ours });
      const spent = async (keyId: string, costUsd: number) =>
        own.store.requests.insert([makeRecord({ keyId, startedAt: time, costUsd })]);
      for (const id of [stays, plain, moves]) await spent(id, 4);
      time += 2 * hour;
      await first.ask("PATCH", `/api/keys/${moves}`, { teamId: theirs });
      await first.ask("PATCH", `/api/keys/${stays}`, { teamId: ours, name: "stays where it is" });
      time += hour;
      await spent(moves, 1);
      await spent(plain, 2);
      return { ours, theirs, moves };
    })();
    for (const life of [1, 2]) {
      using next = await startKeyHouse({ store: own.store, now: () => time, isAlone: true });
      const spentBy = async (id: string) => {
        const { body } = await next.ask("GET", `/api/teams/${id}`);
        return (body["spending"] as unknown as { spentUsd: number }[])[0]?.spentUsd;
      };
      // What the one that moved spent before is no longer known to belong to the others.
      await until(async () => (await spentBy(ids.ours)) === 10, `ours are counted in life ${life}`);
      await until(async () => (await spentBy(ids.theirs)) === 1, `theirs are counted in life ${life}`);
      expect((await next.ask("GET", `/api/keys/${ids.moves}`)).body).not.toHaveProperty("teamSince");
      await next.budgets.flush();
    }
  });

  test("is left to those that live, where there are others", async () => {
    using own = openKeyStore();
    const { id } = await crash(own.store);
    using next = await startKeyHouse({ store: own.store, now: () => clock });
    expect(await spendingIn(next, id)).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });
});

describe("a budget that a key did not have before", () => {
  const hour = 3_600_000;
  const clock = Date.parse("2026-11-20T10:30:00Z");

  test("begins with what the key spent in its window", async () => {
    using own = openKeyStore();
    using house = await startKeyHouse({ store: own.store, now: () => clock });
    const { id } = (await house.ask("POST", "/api/keys", { name: "spender" })).body as unknown as Issued;
    const spent = async (at: number, costUsd: number) =>
      own.store.requests.insert([makeRecord({ keyId: id, startedAt: clock + at, costUsd })]);
    const patch = async (budgets: unknown) => {
      const { body } = await house.ask("PATCH", `/api/keys/${id}`, { budgets });
      return (body["spending"] as unknown as { spentUsd: number }[] | undefined)?.map(({ spentUsd }) => spentUsd);
    };
    await spent(-30 * 24 * hour, 64);
    await spent(-24 * hour, 16);
    await spent(-2 * hour, 4);
    await spent(0, 1);
    await own.store.requests.insert([makeRecord({ keyId: "key_other", startedAt: clock, costUsd: 8 })]);
    const day = { usd: 10, window: "day" };
    const budgets = [{ usd: 10, window: "hour" }, day, { usd: 100, window: "month" }];
    expect(await patch(budgets)).toEqual([1, 5, 21]);

    // What the budget itself counts from then on is not counted again.
    await spent(0, 2);
    expect(await patch([{ ...day, usd: 20 }])).toEqual([5]);
    expect(await patch(null)).toBeUndefined();
    await spent(0, 2);
    expect(await patch([day])).toEqual([9]);
    await house.budgets.flush();
    using other = await startKeyHouse({ store: own.store, now: () => clock });
    const { body } = await other.ask("GET", `/api/keys/${id}`);
    expect(body["spending"]).toMatchObject([{ window: "day", spentUsd: 9 }]);
  });

  test("begins for a team with what its keys spent for it", async () => {
    using own = openKeyStore();
    let time = clock;
    using house = await startKeyHouse({ store: own.store, now: () => time });
    const made = async (path: string, body: object) => String((await house.ask("POST", path, body)).body["id"]);
    const team = await made("/api/teams", { name: "ours" });
    const [member, comer] = [
      await made("/api/keys", { name: "a", teamId: team }),
      await made("/api/keys", { name: "b" }),
    ];
    const spent = async (keyId: string, costUsd: number) =>
      own.store.requests.insert([makeRecord({ keyId, startedAt: time, costUsd })]);
    await spent(member, 1);
    await spent(comer, 16);
    time += hour;
    await house.ask("PATCH", `/api/keys/${comer}`, { teamId: team });
    time += hour;
    await spent(member, 2);
    await spent(comer, 4);
    const patch = async (budgets: unknown) => {
      const { body } = await house.ask("PATCH", `/api/teams/${team}`, { budgets });
      return (body["spending"] as unknown as { spentUsd: number }[] | undefined)?.map(({ spentUsd }) => spentUsd);
    };
    expect(await patch([{ usd: 10, window: "day" }])).toEqual([7]);
    expect(await patch(null)).toBeUndefined();
    expect(await patch([{ usd: 10, window: "day" }])).toEqual([7]);
  });

  test("is not put on while nobody can tell what was spent", async () => {
    using own = openKeyStore();
    const requests = {
      keyTotals() {
        throw Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });
      },
    };
    using house = await startKeyHouse({ store: { ...own.store, requests } });
    const { id } = (await house.ask("POST", "/api/keys", { name: "spender" })).body as unknown as Issued;
    const { status } = await house.ask("PATCH", `/api/keys/${id}`, { budgets: [{ usd: 1, window: "day" }] });
    expect(status).toBe(503);
    expect((await house.ask("GET", `/api/keys/${id}`)).body).not.toHaveProperty("budgets");
  });
});
