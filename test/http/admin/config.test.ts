import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type ConfigHouse, messageOf, startConfigHouse } from "../../support/config-house.ts";
import { openKeyStore } from "../../support/key-house.ts";
import { createMemoryDocuments, outOfReach } from "../../support/memory-documents.ts";

const file = `
server: { strict: true }
providers:
  filed:
    type: openai-compatible
    baseUrl: "https://filed.example/v1"
    credentials: ["sk-filed-0123456789abcdef"]
models:
  filed: { targets: [{ provider: filed, model: x }] }
limits: { queue: { size: 5 } }
routes:
  - { when: { headers: { authorization: "Bearer route-secret-0123456789" } }, use: filed }
`;

const database = openKeyStore();
const { store } = database;
const house: ConfigHouse = await startConfigHouse({ store, file, env: { AUTH_TOKEN: "admin-secret-0123456789" } });
afterAll(() => {
  house[Symbol.dispose]();
  database[Symbol.dispose]();
});

const ask: ConfigHouse["ask"] = (...request) => house.ask(...request);

async function clear(): Promise<void> {
  for (const kind of ["model", "provider", "setting", "key", "team"])
    for (const { id } of await store.documents.list(kind)) await store.documents.remove({ kind, id });
  await house.look();
}
beforeEach(clear);

const mine = {
  type: "openai-compatible",
  baseUrl: "https://mine.example/v1",
  credentials: ["sk-mine-0123456789abcdef", { key: "sk-two-0123456789abcdef", weight: 2 }],
};

async function change(): Promise<void> {
  await ask("POST", "/api/providers", { name: "mine", ...mine });
  await ask("PATCH", "/api/providers/filed", { rpm: 7 });
  await ask("POST", "/api/models", {
    name: "smart",
    targets: [{ provider: "mine", model: "y" }],
    hedgeAfter: "1500ms",
  });
}

describe("an export", () => {
  test("tells what was written and where, without secrets", async () => {
    await change();
    const { status, body } = await ask("GET", "/api/config/export", undefined, "viewer");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      format: "orcestator-config/1",
      config: {
        server: { strict: true },
        providers: {
          filed: { rpm: 7, credentials: ["sk-…cdef"] },
          mine: { credentials: ["sk-…cdef", { key: "sk-…cdef" }] },
        },
        models: { smart: { hedgeAfter: "1500ms" } },
        limits: { queue: { size: 5 } },
      },
      origins: {
        "providers.filed.rpm": "overlay",
        "providers.filed.type": "file orcestator.yaml",
        "admin.token": "env AUTH_TOKEN",
        "models.smart.hedgeAfter": "overlay",
      },
      leftOut: [],
    });
    for (const secret of ["0123456789abcdef", "route-secret", "admin-secret"])
      expect(JSON.stringify(body)).not.toContain(secret);
  });

  test("has secrets for an admin who asks for them, which is written down", async () => {
    await change();
    expect((await ask("GET", "/api/config/export?secrets=true", undefined, "operator")).status).toBe(403);
    const { body } = await ask("GET", "/api/config/export?secrets=true");
    expect(body["config"]).toMatchObject({
      providers: { mine, filed: { credentials: ["sk-filed-0123456789abcdef"] } },
    });
    const { entries } = await store.audit.list({ limit: 1 });
    expect(entries).toMatchObject([{ action: "config.export", actor: "admin", after: { secrets: true } }]);
  });

  test("that is imported as it is changes nothing, masked or not", async () => {
    await change();
    const versions = (await store.documents.list("provider")).map(({ version }) => version);
    for (const query of ["", "?secrets=true"]) {
      const { body } = await ask("GET", `/api/config/export${query}`);
      const imported = await ask("POST", "/api/config/import?replace=true", body);
      expect(imported).toMatchObject({ status: 200, body: { differences: [], ignored: [], keys: 0 } });
    }
    expect((await store.documents.list("provider")).map(({ version }) => version)).toEqual(versions);
  });

  test("makes another gateway the same", async () => {
    await change();
    const { body } = await ask("GET", "/api/config/export?secrets=true");
    using there = openKeyStore();
    using other = await startConfigHouse({ store: there.store, file: "providers: { filed: { type: dummy } }" });
    const dry = await other.ask("POST", "/api/config/import?dryRun=true", body);
    expect(dry).toMatchObject({ status: 200, body: { dryRun: true } });
    expect(JSON.stringify(dry.body)).not.toMatch(/0123456789abcdef|route-secret/);
    expect(await there.store.documents.list("provider")).toEqual([]);
    const { status, body: result } = await other.ask("POST", "/api/config/import", body);
    expect([status, result["differences"]]).toEqual([200, dry.body["differences"]]);
    expect(other.config().providers).toEqual(house.config().providers);
    expect(other.config().models).toEqual(house.config().models);
    expect(other.config().limits).toEqual(house.config().limits);
    expect(other.config().routes).toEqual(house.config().routes);
    // Who may call, and where it listens, is for its own file to say.
    expect(result["ignored"]).toEqual(expect.arrayContaining(["server.strict", "admin.token"]));
    expect(other.config().server.strict).toBe(false);
    const stored = JSON.stringify([
      await there.store.documents.list("provider"),
      await there.store.documents.list("setting"),
    ]);
    for (const secret of ["0123456789abcdef", "route-secret"]) expect(stored).not.toContain(secret);
  });
});

async function lastEntry(): Promise<unknown> {
  return (await store.audit.list({ limit: 1 })).entries[0];
}

describe("an import", () => {
  test("may be a part: what it does not name stays", async () => {
    await change();
    const imported = await ask("POST", "/api/config/import", {
      models: { other: { targets: [{ provider: "mine", model: "z" }] } },
      limits: { queue: { size: 9 } },
    });
    expect(imported.body).toMatchObject({
      differences: expect.arrayContaining([{ path: "limits.queue.size", before: 5, after: 9 }]),
    });
    expect(Object.keys(house.config().models).sort()).toEqual(["filed", "other", "smart"]);
    expect(house.config().limits.queue.size).toBe(9);
  });

  test("gives what it names exactly what it says", async () => {
    await ask("PATCH", "/api/providers/filed", { rpm: 7, tpm: 9 });
    const { type, baseUrl } = mine;
    await ask("POST", "/api/config/import", {
      providers: { filed: { type, baseUrl: "https://filed.example/v1", tpm: 8 } },
    });
    expect(house.config().providers["filed"]).toMatchObject({ tpm: 8, credentials: [] });
    expect(house.config().providers["filed"]?.rpm).toBeUndefined();
    expect(baseUrl).not.toBe("https://filed.example/v1");
  });

  test("with replace takes back what it does not name", async () => {
    await change();
    await ask("POST", "/api/config/import?replace=true", { limits: { queue: { size: 9 } } });
    expect(Object.keys(house.config().providers)).toEqual(["filed"]);
    expect(Object.keys(house.config().models)).toEqual(["filed"]);
    expect(house.config().providers["filed"]?.rpm).toBeUndefined();
    expect(house.config().limits.queue.size).toBe(9);
    await ask("POST", "/api/config/import?replace=true", {});
    expect(house.config().limits.queue.size).toBe(5);
  });

  test("that is not sound changes nothing at all", async () => {
    for (const [body, place] of [
      [
        { providers: { mine }, models: { m: { targets: [{ provider: "nobody", model: "x" }] } } },
        "models.m.targets[0].provider",
      ],
      [{ providers: { mine: { ...mine, tpye: 1 } } }, "providers.mine.tpye"],
      [{ providers: { mine: { ...mine, credentials: ["sk-…cdef"] } } }, "providers.mine.credentials[0]"],
      [{ providers: { filed: { ...mine } } }, ""],
      [{ providers: { filed: { ...mine, credentials: ["sk-…cdef"] } } }, "credentials"],
      [{ providers: [] }, "providers"],
      [{ limits: { queue: { sise: 1 } } }, "limits.queue.sise"],
      [{ format: "another/1", config: {} }, "`format` must be one of orcestator-config/1."],
      [{ config: 5 }, "`config` must be an object with keys, not a number."],
      [{ config: {}, keys: 5 }, "`keys` must be a list, not a number."],
      [{ config: {}, keys: [{ id: 5, value: {} }] }, "`keys[0].id` must be text; put it in quotes."],
      [{ config: {}, thing: 1 }, "`thing` is unknown here, or cannot be set."],
      [{ limits: 5 }, "`limits` must be an object."],
      [{ models: { m: { targets: [{ provider: "fild", model: "x" }] } } }, "did you mean 'filed'?"],
    ] as const) {
      const answer = await ask("POST", "/api/config/import", body);
      if (place === "") {
        expect(answer.status).toBe(200);
        await clear();
      } else expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining(place)]);
      expect(await store.documents.list("provider")).toEqual([]);
    }
    for (const text of [
      '{"providers":{"__proto__":{"type":"dummy"}}}',
      '{"providers":{"health":{"type":"dummy"}}}',
      "[]",
      "3",
    ]) {
      const refused = await ask("POST", "/api/config/import", text);
      expect([refused.status, messageOf(refused)]).toEqual([400, expect.not.stringMatching(/invalid input|\?\./i)]);
    }
  });

  test.each([
    [{ limitz: { total: { rpm: 5 } } }, "`limitz`: unknown key; did you mean 'limits'?"],
    [{ config: { providerz: {} } }, "`providerz`: unknown key; did you mean 'providers'?"],
  ])("with a section that nobody knows is refused: %j", async (document, message) => {
    const refused = await ask("POST", "/api/config/import", document);
    expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining(message)]);
  });

  test("names no files of the server's disk", async () => {
    const { body } = await ask("POST", "/api/config/import", { providers: { mine: { ...mine, ca: "/etc/passwd" } } });
    expect(body["ignored"]).toEqual(["providers.mine.ca"]);
    expect(house.config().providers["mine"]?.ca).toBeUndefined();
  });

  test("brings virtual keys and teams where that is asked for: the same tokens open another gateway", async () => {
    const virtualKeys = house.virtualKeys;
    const by = { actor: "admin", address: undefined };
    const team = await virtualKeys?.admin.teams.create({ name: "t", rpm: 5 }, by);
    const issued = await virtualKeys?.admin.keys.create({ name: "k", enabled: true, teamId: team?.id }, by);
    const token = issued?.key ?? "";
    const { body } = await ask("GET", "/api/config/export?include=keys");
    expect(JSON.stringify(body)).not.toContain(token);
    using there = openKeyStore();
    using other = await startConfigHouse({ store: there.store, file });
    expect((await other.ask("POST", "/api/config/import", body)).body).toMatchObject({
      keys: 0,
      warnings: [
        "The document has 1 virtual key and 1 team, which are left alone; with include=keys they are imported too.",
      ],
    });
    expect((await other.ask("POST", "/api/config/import?include=keys&dryRun=true", body)).body).toMatchObject({
      keys: 2,
    });
    expect(other.virtualKeys?.book.find(token)).toBeUndefined();
    expect((await other.ask("POST", "/api/config/import?include=keys", body)).body).toMatchObject({ keys: 2 });
    expect(other.virtualKeys?.book.find(token)).toMatchObject({ id: issued?.id, teamId: team?.id });
    expect((await other.ask("POST", "/api/config/import?include=keys", body)).body).toMatchObject({ keys: 0 });
  });

  test("brings back a key that was deleted, also where it was deleted", async () => {
    const by = { actor: "admin", address: undefined };
    const keys = house.virtualKeys?.admin.keys;
    const { id = "", key: token = "" } = (await keys?.create({ name: "back", enabled: true }, by)) ?? {};
    const { body } = await ask("GET", "/api/config/export?include=keys");
    await keys?.remove(id, by);
    expect(house.virtualKeys?.book.find(token)).toBeUndefined();
    expect((await ask("POST", "/api/config/import?include=keys", body)).body).toMatchObject({ keys: 1 });
    expect(house.virtualKeys?.book.find(token)).toMatchObject({ id });
    await keys?.remove(id, by);
    expect(house.virtualKeys?.book.find(token)).toBeUndefined();
  });

  test("that changes nothing is written down too, and a try is not", async () => {
    const { body } = await ask("GET", "/api/config/export");
    await ask("POST", "/api/config/import?dryRun=true", body);
    expect(await lastEntry()).toMatchObject({ action: "config.export" });
    await ask("POST", "/api/config/import", body);
    expect(await lastEntry()).toMatchObject({
      action: "config.import",
      actor: "admin",
      after: { places: [], keys: 0, replace: false },
    });
  });

  test("that cannot be kept brings no keys", async () => {
    using there = openKeyStore();
    using other = await startConfigHouse({ store: there.store, file, box: null });
    const by = { actor: "admin", address: undefined };
    const keys = other.virtualKeys?.admin.keys;
    const { id = "", key: token = "" } = (await keys?.create({ name: "gone", enabled: true }, by)) ?? {};
    const { body } = await other.ask("GET", "/api/config/export?include=keys");
    await keys?.remove(id, by);
    const { status } = await other.ask("POST", "/api/config/import?include=keys", {
      ...body,
      config: { limits: { queue: { size: 9 } }, providers: { mine } },
    });
    expect(status).toBe(409);
    await other.look();
    expect(other.virtualKeys?.book.find(token)).toBeUndefined();
    expect(await there.store.documents.list("setting")).toEqual([]);
  });

  test("that breaks off half way is written down with what it brought", async () => {
    const documents = createMemoryDocuments();
    const told: string[] = [];
    const audit: typeof store.audit = {
      ...store.audit,
      append(entry) {
        told.push(entry.action);
        return store.audit.append(entry);
      },
    };
    using other = await startConfigHouse({ store: { ...store, documents, audit }, file });
    const put = documents.put.bind(documents);
    documents.put = (document) => (document.kind === "key" ? Promise.reject(outOfReach()) : put(document));
    const key = { name: "x", hash: "0".repeat(64), last4: "abcd", createdAt: 1, enabled: true };
    const { status } = await other.ask("POST", "/api/config/import?include=keys", {
      config: { limits: { queue: { size: 9 } } },
      keys: [{ id: `key_${"a".repeat(24)}`, value: key }],
    });
    expect([status, told]).toEqual([503, ["config.import"]]);
  });

  test("of more keys than are taken at once says how they come in parts, and is no matter where nobody asked for them", async () => {
    const value = { name: "x", hash: "0".repeat(64), last4: "abcd", createdAt: 1, enabled: true };
    const keys = Array.from({ length: 10_001 }, (_, at) => ({ id: `key_${String(at).padStart(24, "0")}`, value }));
    const document = { config: { limits: { queue: { size: 9 } } }, keys };
    const refused = await ask("POST", "/api/config/import?include=keys", document);
    expect([refused.status, messageOf(refused)]).toEqual([
      400,
      "`keys` has 10001 entries, and at most 10000 are taken at a time: send them in parts, each with an empty `config`, as `orcestator config import --keys` does.",
    ]);
    expect(house.config().limits.queue.size).toBe(5);
    const { status, body } = await ask("POST", "/api/config/import", document);
    expect([status, body["warnings"]]).toEqual([200, [expect.stringContaining("10001 virtual keys")]]);
    expect(house.config().limits.queue.size).toBe(9);
  });

  test("brings no key that is none", async () => {
    for (const key of [
      { id: "admin", value: {} },
      { id: `key_${"a".repeat(24)}`, value: { name: "x", hash: "short", last4: "abcd", createdAt: 1, enabled: true } },
      {
        id: `team_${"a".repeat(24)}`,
        value: { name: "x", hash: "0".repeat(64), last4: "abcd", createdAt: 1, enabled: true },
      },
    ]) {
      const refused = await ask("POST", "/api/config/import?include=keys", { config: {}, keys: [key] });
      expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining("keys[0]")]);
    }
    expect(await store.documents.list("key")).toEqual([]);
  });
});

test("until the database was read nobody is told what the file says as if it were all", async () => {
  const documents = createMemoryDocuments();
  documents.fault = "down";
  using early = await startConfigHouse({ store: { ...store, documents }, file });
  for (const path of [
    "/api/providers",
    "/api/providers/filed",
    "/api/models",
    "/api/models/filed",
    "/api/config/export",
    "/admin/groups",
    "/admin/proxy-keys",
  ])
    expect([path, (await early.ask("GET", path)).status]).toEqual([path, 503]);
  documents.fault = undefined;
  await early.look();
  expect((await early.ask("GET", "/api/providers/filed")).status).toBe(200);
});

test("control characters in a query are refused before a database meets them", async () => {
  const cursor = Buffer.from("1 \u0000").toString("base64url");
  for (const path of [
    "/api/logs?model=a%00",
    "/api/logs?provider=%1b",
    `/api/logs?cursor=${cursor}`,
    "/api/logs?cursor=%00",
    "/api/stats?key=%00",
    "/api/providers?cursor=%00",
    "/api/models?cursor=a%0a",
    "/admin/proxy-keys?cursor=%00",
  ]) {
    expect([path, (await ask("GET", path)).status]).toEqual([path, 400]);
  }
});
