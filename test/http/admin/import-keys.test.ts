import { beforeEach, describe, expect, test } from "bun:test";
import { createToken } from "../../../src/keys/token.ts";
import { type ConfigAnswer, messageOf, startFiledHouse } from "../../support/config-house.ts";
import { tokenFields } from "../../keys/some-key.ts";

const { house, store } = await startFiledHouse("providers: { filed: { type: dummy } }");
const { virtualKeys } = house;
if (virtualKeys === undefined) throw new Error("This house has a database.");
const { keys, teams } = virtualKeys.admin;
const by = { actor: "admin", address: undefined };

beforeEach(async () => {
  for (const kind of ["key", "team"])
    for (const { id } of await store.documents.list(kind)) await store.documents.remove({ kind, id });
  await house.look();
});

const keyId = `key_${"a".repeat(24)}`;
const teamId = `team_${"b".repeat(24)}`;
const someKey = () => ({ name: "k", ...tokenFields(createToken()), createdAt: 1_700_000_000_000, enabled: true });
const someTeam = { name: "t", createdAt: 1_700_000_000_000 };

interface Kept {
  readonly keys?: readonly { id: string; value: object }[];
  readonly teams?: readonly { id: string; value: object }[];
}

function importing(kept: Kept): Promise<ConfigAnswer> {
  return house.ask("POST", "/api/config/import?include=keys", { config: {}, ...kept });
}

async function exported(): Promise<Required<Kept>> {
  const { body } = await house.ask("GET", "/api/config/export?include=keys");
  return body as unknown as Required<Kept>;
}

const day = (fields: object) => ({ budgets: [{ usd: 5, window: "day", ...fields }] });

describe("an imported key", () => {
  test.each([
    ["name", { name: "" }],
    ["name", { name: "a\nb" }],
    ["enabled", { enabled: undefined }],
    ["hash", { hash: "a".repeat(63) }],
    ["last4", { last4: "a\nb" }],
    ["createdAt", { createdAt: 1e20 }],
    ["createdAt", { createdAt: "2026-01-01" }],
    ["expiresAt", { expiresAt: 1e20 }],
    ["expiresAt", { expiresAt: -1 }],
    ["teamSince", { teamSince: 1e20 }],
    ["previous.until", { previous: { hash: "b".repeat(64), until: 1e20 } }],
    ["models", { models: [] }],
    ["models[0]", { models: [""] }],
    ["rpm", { rpm: 0 }],
    ["tpm", { tpm: 1.5 }],
    ["concurrency", { concurrency: -1 }],
    ["budgets[0].usd", day({ usd: -1 })],
    ["budgets[0].window", day({ window: "year" })],
    ["budgets[0].timeZone", day({ timeZone: "Mars/Phobos" })],
    ["budgets", { budgets: [...day({}).budgets, ...day({}).budgets] }],
    ["endpoints", { endpoints: [] }],
    ["endpoints[0]", { endpoints: ["everything"] }],
    ["addresses[0]", { addresses: ["10.0.0.0/99"] }],
    ["priority", { priority: 1000 }],
    ["content", { content: "truncate:all" }],
    ["maySteer", { maySteer: "yes" }],
    ["tags", { tags: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`t${at}`, ""])) }],
    ["tags.a", { tags: { a: 5 } }],
    ["teamId", { teamId }],
    ["rmp", { rmp: 5 }],
  ])("is judged as a new one is: `%s` of %j", async (place, fields) => {
    const wrong = { id: keyId, value: { ...someKey(), ...fields } };
    const refused = await importing({ keys: [{ id: `key_${"c".repeat(24)}`, value: someKey() }, wrong] });
    expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining(`\`keys[1].value.${place}\``)]);
    expect(refused.body).toMatchObject({ error: { param: `keys[1].value.${place}` } });
    expect(messageOf(refused)).not.toMatch(/invalid|header name/i);
    expect(await store.documents.list("key")).toEqual([]);
  });

  test("has no token that is another key's", async () => {
    const value = someKey();
    const there = { id: keyId, value };
    const second = `key_${"c".repeat(24)}`;
    const both = [there, { id: second, value: { ...someKey(), hash: value.hash } }];
    expect(messageOf(await importing({ keys: both }))).toContain("`keys[1].value.hash`");
    expect((await importing({ keys: [there] })).status).toBe(200);
    for (const [place, other] of [
      ["keys[0].value.hash", { ...someKey(), hash: value.hash }],
      ["keys[0].value.previous.hash", { ...someKey(), previous: { hash: value.hash, until: 4e12 } }],
    ] as const) {
      const refused = await importing({ keys: [{ id: second, value: other }] });
      expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining(`\`${place}\``)]);
    }
    expect(await store.documents.list("key")).toHaveLength(1);
  });

  test("may have every field that a key has, and be of a team that comes with it", async () => {
    const team = await teams.create({ name: "t", rpm: 5, budgets: [{ usd: 9, window: "month" }] }, by);
    await keys.create(
      {
        name: "all of it",
        enabled: false,
        expiresAt: "2090-01-02T03:04:05+01:00",
        models: ["gpt-*"],
        endpoints: ["chat"],
        addresses: ["10.0.0.0/8"],
        rpm: 60,
        tpm: 100_000,
        concurrency: 5,
        budgets: [{ usd: 10, window: "day", timeZone: "Europe/Berlin" }],
        priority: 3,
        content: "truncate:50",
        maySteer: false,
        tags: { department: "research" },
        teamId: team.id,
      },
      by,
    );
    const { id } = await keys.create({ name: "turned", enabled: true }, by);
    await keys.patch(id, { teamId: team.id }, by);
    await keys.rotate(id, { graceSeconds: 60 }, by);
    const before = await exported();
    for (const kind of ["key", "team"])
      for (const document of await store.documents.list(kind)) await store.documents.remove(document);
    await house.look();
    expect(virtualKeys.book.size).toBe(0);
    expect((await importing({ keys: before.keys, teams: before.teams })).body).toMatchObject({ keys: 3 });
    const after = await exported();
    expect([after.keys, after.teams]).toEqual([before.keys, before.teams]);
  });
});

describe("an imported team", () => {
  test.each([
    ["name", { name: 5 }],
    ["createdAt", { createdAt: 1e20 }],
    ["models[0]", { models: [5] }],
    ["rpm", { rpm: -5 }],
    ["budgets[0].timeZone", day({ timeZone: "Mars/Phobos" })],
    ["hash", { hash: "a".repeat(64) }],
  ])("is judged as a new one is: `%s` of %j", async (place, fields) => {
    const refused = await importing({ teams: [{ id: teamId, value: { ...someTeam, ...fields } }] });
    expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining(`\`teams[0].value.${place}\``)]);
    expect(await store.documents.list("team")).toEqual([]);
  });
});
