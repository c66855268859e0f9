import { beforeEach, describe, expect, test } from "bun:test";
import { createSecretBox, isSealed } from "../../../src/keys/secret-box.ts";
import {
  type ConfigAnswer,
  type ConfigHouse,
  messageOf,
  startConfigHouse,
  startFiledHouse,
} from "../../support/config-house.ts";
import { createFakeUpstream } from "../../support/fake-upstream.ts";
import { openKeyStore } from "../../support/key-house.ts";

const filedKey = "sk-filed-0123456789abcdef";
const file = `
providers:
  filed:
    type: openai-compatible
    baseUrl: "https://filed.example/v1"
    credentials: ["${filedKey}"]
    headers: { x-tenant: blue, x-secret-token: "tenant-secret-0123456789" }
    models: [m]
    timeouts: { idle: 20s }
`;

const { house, store } = await startFiledHouse(file);

const ask: ConfigHouse["ask"] = (...request) => house.ask(...request);
const patch = (body: unknown, name = "filed"): Promise<ConfigAnswer> => ask("PATCH", `/api/providers/${name}`, body);

async function clear(): Promise<void> {
  for (const kind of ["model", "provider", "setting"])
    for (const { id } of await store.documents.list(kind)) await store.documents.remove({ kind, id });
  await house.look();
}
beforeEach(clear);

const newKey = "sk-mine-abcdefghijklmnop";
const mine = { name: "mine", type: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1", credentials: [newKey] };

describe("a provider of the file", () => {
  test("is shown with where each value was written, secrets masked", async () => {
    const { body } = await ask("GET", "/api/providers/filed");
    expect(body).toMatchObject({
      id: "filed",
      type: "openai-compatible",
      origin: "file orcestator.yaml",
      origins: { baseUrl: "file orcestator.yaml" },
      version: 0,
      credentials: ["sk-…cdef"],
      headers: { "x-tenant": "…", "x-secret-token": "…6789" },
      timeouts: { idle: "20s" },
      enabled: true,
    });
    expect((await ask("GET", "/api/providers")).body).toEqual({ data: [body], cursor: null });
  });

  test("is changed field by field, and is as it was when the change is deleted", async () => {
    const before = (await ask("GET", "/api/providers/filed")).body;
    const changed = await patch({ rpm: 5, enabled: false, timeouts: { idle: "7s" } });
    expect(changed).toMatchObject({
      status: 200,
      body: {
        rpm: 5,
        enabled: false,
        origin: "file orcestator.yaml",
        origins: { rpm: "overlay", models: "file orcestator.yaml" },
      },
    });
    expect(house.config().providers["filed"]).toMatchObject({ rpm: 5, enabled: false, timeouts: { idle: 7000 } });
    expect((await ask("DELETE", "/api/providers/filed")).status).toBe(204);
    expect((await ask("GET", "/api/providers/filed")).body).toEqual(before);
    expect(house.config().providers["filed"]).toMatchObject({ enabled: true, timeouts: { idle: 20_000 } });
  });

  test("loses a field by null, and gets it back with null's own removal", async () => {
    await patch({ models: null });
    expect(house.config().providers["filed"]?.models).toEqual([]);
    await ask("DELETE", "/api/providers/filed");
    expect(house.config().providers["filed"]?.models).toEqual(["m"]);
  });

  test("cannot be deleted, for the file would bring it back", async () => {
    const refused = await ask("DELETE", "/api/providers/filed");
    expect([refused.status, messageOf(refused)]).toEqual([409, expect.stringContaining("file orcestator.yaml")]);
    expect((await ask("DELETE", "/api/providers/nobody")).status).toBe(404);
  });

  test("stays untouched by what was read and is sent back as it is", async () => {
    const {
      id: _id,
      name: _name,
      origin: _origin,
      origins: _origins,
      ...view
    } = (await ask("GET", "/api/providers/filed")).body;
    expect(await patch(view)).toMatchObject({ status: 200, body: { version: 0 } });
    expect(await store.documents.list("provider")).toEqual([]);
  });

  test("takes over what its file says meanwhile, but for what was changed here", async () => {
    await patch({ rpm: 9 });
    house.write(file.replace("blue", "green"));
    expect(house.config().providers["filed"]).toMatchObject({ rpm: 9, headers: { "x-tenant": "green" } });
    house.write(file);
  });
});

describe("a new provider", () => {
  test("is made with 201, served, changed and deleted", async () => {
    const made = await ask("POST", "/api/providers", mine);
    expect(made).toMatchObject({ status: 201, body: { id: "mine", origin: "overlay", credentials: ["sk-…mnop"] } });
    expect(house.config().providers["mine"]?.credentials[0]?.key).toBe(newKey);
    expect((await ask("POST", "/api/providers", mine)).status).toBe(409);
    expect(await patch({ priority: 4 }, "mine")).toMatchObject({ status: 200, body: { priority: 4 } });
    expect((await ask("DELETE", "/api/providers/mine")).status).toBe(204);
    expect((await ask("GET", "/api/providers/mine")).status).toBe(404);
    expect(house.config().providers["mine"]).toBeUndefined();
    expect((await ask("POST", "/api/providers", mine)).status).toBe(201);
    expect(house.config().providers["mine"]).toBeDefined();
  });

  test("may be written as LLM Orchestrator's API takes it", async () => {
    const { status, body } = await ask("POST", "/api/providers", {
      name: "OpenAI",
      type: "openai",
      config: { base_url: "https://api.openai.com/v1", api_key: "sk-0123456789abcdefghij" },
    });
    expect([status, body]).toMatchObject([201, { name: "OpenAI", baseUrl: "https://api.openai.com/v1" }]);
    expect(house.config().providers["OpenAI"]?.credentials[0]?.key).toBe("sk-0123456789abcdefghij");
  });

  test("is changed in batches: each change by itself, and all that were made are served as one", async () => {
    const before = house.told.length;
    const { body } = await ask("POST", "/api/providers/batch", {
      create: [mine, { ...mine, name: "other" }, { ...mine, name: "bad", type: "nonsense" }],
      update: [
        { id: "filed", rpm: 3 },
        { id: "nobody", rpm: 3 },
      ],
      delete: ["other"],
    });
    const results = body["results"] as { status: number; id?: string }[];
    expect(results.map(({ status }) => status)).toEqual([201, 201, 400, 200, 404, 204]);
    expect(Object.keys(house.config().providers).sort()).toEqual(["filed", "mine"]);
    expect(house.told.slice(before).filter((line) => line.includes("is in force"))).toEqual([
      "The configuration has changed and is in force: providers.filed.rpm, providers.mine (new)",
    ]);
  });

  test("is asked for its models with what is stored for it, and nothing else", async () => {
    const upstream = await createFakeUpstream({ credentials: [newKey] });
    await ask("POST", "/api/providers", { ...mine, baseUrl: upstream.url });
    const elsewhere = JSON.stringify({ baseUrl: "http://127.0.0.1:1/v1" });
    const { status, body } = await ask("POST", "/api/providers/mine/test", elsewhere);
    expect([status, body]).toMatchObject([200, { ok: true, count: expect.any(Number) }]);
    expect(upstream.others).toHaveLength(1);
    expect(upstream.violations).toEqual([]);
    await upstream.close();
    expect((await ask("POST", "/api/providers/mine/test")).body).toMatchObject({
      ok: false,
      error: expect.any(String),
    });
    expect((await ask("POST", "/api/providers/nobody/test")).status).toBe(404);
  });
});

describe("secrets", () => {
  test("are sealed in the database, and told nobody: in no answer, no log and no audit entry", async () => {
    const proxy = "http://user:proxy-password-1@127.0.0.1:3128";
    await ask("POST", "/api/providers", { ...mine, headers: { "x-api-key": "header-secret-0123456789" }, proxy });
    await patch({ credentials: ["sk-second-0123456789abcd"] }, "mine");
    const stored = JSON.stringify(await store.documents.list("provider"));
    const told = JSON.stringify([
      (await ask("GET", "/api/providers")).body,
      (await ask("GET", "/api/config/export")).body,
      (await ask("GET", "/admin/groups")).body,
      house.told,
      await store.audit.list({ limit: 100 }),
    ]);
    for (const secret of [newKey, "header-secret-0123456789", "proxy-password-1", "sk-second-0123456789abcd"]) {
      expect(stored).not.toContain(secret);
      expect(told).not.toContain(secret);
    }
    const sealed = (await store.documents.list("provider")).map(({ value }) => {
      const { fields } = value as { fields: { credentials: string[]; proxy: string } };
      return [...fields.credentials, fields.proxy].map(isSealed);
    });
    expect(sealed).toEqual([[true, true]]);
    expect(house.config().providers["mine"]?.proxy).toBe(proxy);
  });

  test("stand in any header, in a base URL's query and in parameters, and stay where they are sent back masked", async () => {
    const baseUrl = "http://127.0.0.1:9/v1?sig=CANARYsig&api_key=CANARYkey";
    const secret = {
      baseUrl,
      headers: { "x-k": "CANARY-x-k", "x-pass": "CANARY-x-pass" },
      parameters: { metadata: { token: "CANARY-token", team: "search" }, temperature: 0.5 },
      overrides: { "metadata.password": "CANARY-password" },
    };
    await ask("POST", "/api/providers", { ...mine, ...secret });
    const { body } = await ask("GET", "/api/providers/mine");
    expect(body).toMatchObject({
      baseUrl: "http://127.0.0.1:9/v1?sig=…&api_key=…",
      parameters: { metadata: { token: "…", team: "search" }, temperature: 0.5 },
    });
    const { headers, parameters, overrides } = body;
    const again = await patch({ baseUrl: body["baseUrl"], headers, parameters, overrides, rpm: 7 }, "mine");
    expect(again.status).toBe(200);
    const group = ((await ask("GET", "/admin/groups")).body["groups"] as { id: string }[]).find(
      ({ id }) => id === "mine",
    );
    expect((await ask("PUT", "/admin/groups/mine", { ...group, parameterOverrides: undefined })).status).toBe(200);
    expect(house.config().providers["mine"]).toMatchObject({ ...secret, rpm: 7 });
    const kept = [await store.documents.list("provider"), await store.audit.list({ limit: 100 }), house.told];
    const shown = [body, group, (await ask("GET", "/api/config/export")).body];
    expect(JSON.stringify([...kept, ...shown])).not.toContain("CANARY");
  });

  test("stay what they are where they are sent back masked", async () => {
    await ask("POST", "/api/providers", { ...mine, credentials: ["sk-a-0123456789abcdef", "sk-b-0123456789abcxyz"] });
    await patch({ credentials: ["sk-c-0123456789abc123", "sk-…cxyz", { key: "sk-…cdef", weight: 3 }] }, "mine");
    expect(house.config().providers["mine"]?.credentials.map(({ key }) => key)).toEqual([
      "sk-c-0123456789abc123",
      "sk-b-0123456789abcxyz",
      "sk-a-0123456789abcdef",
    ]);
    const headers = { "x-tenant": "red", "x-secret-token": "…6789" };
    await patch({ headers });
    expect(house.config().providers["filed"]?.headers).toEqual({
      ...headers,
      "x-secret-token": "tenant-secret-0123456789",
    });
  });

  test("are refused masked where nothing that is kept looks like that", async () => {
    for (const credentials of [["sk-…none"], ["sk-…cdef", "sk-…cdef"], ["…"]]) {
      const refused = await patch({ credentials });
      expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining("masked")]);
    }
    const refused = await ask("POST", "/api/providers", { ...mine, credentials: ["sk-…cdef"] });
    expect(refused.status).toBe(400);
  });

  test("are not kept where nothing can be sealed, and neither is a provider that needs them", async () => {
    using other = openKeyStore();
    using bare = await startConfigHouse({ store: other.store, file, box: null });
    const refused = await bare.ask("POST", "/api/providers", mine);
    expect([refused.status, messageOf(refused)]).toEqual([409, expect.stringContaining("ORCESTATOR_SECRET_KEY")]);
    expect((await bare.ask("PATCH", "/api/providers/filed", { rpm: 3 })).status).toBe(200);
  });

  test("that cannot be sealed are a notice of the gateway, and what needs none is kept", async () => {
    using house = await startConfigHouse({ store, file, box: null });
    expect(house.configuration.notices()).toEqual([expect.stringContaining("ORCESTATOR_SECRET_KEY")]);
    expect((await house.ask("PATCH", "/api/providers/filed", { rpm: 3 })).status).toBe(200);
  });

  test("that another key sealed cost the change that holds them, and nothing besides", async () => {
    await ask("POST", "/api/providers", mine);
    await ask("POST", "/api/models", { name: "kept", targets: [{ provider: "filed", model: "m" }] });
    await ask("POST", "/api/models", { name: "lost", targets: [{ provider: "mine", model: "m" }] });
    using other = await startConfigHouse({ store, file, box: createSecretBox(new Uint8Array(32).fill(1)) });
    expect(Object.keys(other.config().models)).toEqual(["kept"]);
    expect(other.told.join("\n")).toContain("The stored change of the provider mine is left out");
    expect(other.configuration.notices()).toEqual([expect.stringContaining("provider 'mine' is not served")]);
    expect((await other.ask("DELETE", "/api/providers/mine")).status).toBe(204);
  });

  test("that another key sealed can be set again, and nothing of the rest is lost", async () => {
    await ask("POST", "/api/providers", { ...mine, rpm: 5, headers: { "x-a": "sealed" } });
    using other = await startConfigHouse({ store, file, box: createSecretBox(new Uint8Array(32).fill(1)) });
    const { body } = await other.ask("GET", "/api/providers/mine");
    expect(body).toMatchObject({ id: "mine", baseUrl: mine.baseUrl, rpm: 5, origin: "overlay" });
    expect(body["problem"]).toContain("credentials and headers cannot be opened");
    const listed = (await other.ask("GET", "/api/providers")).body["data"] as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(["filed", "mine"]);
    expect((await other.ask("POST", "/api/providers", mine)).status).toBe(409);
    const half = await other.ask("PATCH", "/api/providers/mine", { credentials: [newKey] });
    expect([half.status, messageOf(half)]).toEqual([400, expect.stringContaining("`headers` cannot be opened")]);
    const masked = await other.ask("PATCH", "/api/providers/mine", { credentials: ["sk-…mnop"], headers: null });
    expect(masked.status).toBe(400);
    const again = await other.ask("PATCH", "/api/providers/mine", { credentials: [newKey], headers: null });
    expect([again.status, again.body["problem"]]).toEqual([200, undefined]);
    expect(other.config().providers["mine"]).toMatchObject({ rpm: 5, baseUrl: mine.baseUrl, headers: {} });
    expect(other.configuration.notices()).toEqual([]);
  });
});

describe("where a provider's secrets go", () => {
  const elsewhere = [
    { baseUrl: "https://evil.example/v1" },
    { baseUrl: "http://filed.example/v1" },
    { baseUrl: "https://filed.example:8443/v1" },
    { baseUrl: "https://filed.example.evil.example/v1" },
    { baseUrl: "https://evil.example\\.filed.example/v1" },
    { baseUrl: "https:\\\\evil.example\\v1" },
    { baseUrl: "https://evil.example#@filed.example/v1" },
    { baseUrl: "https://evil.example?@filed.example/v1" },
    { baseUrl: "https://filed.example/v1", proxy: "http://evil.example:3128" },
    { type: "openai", baseUrl: null },
    { proxy: "http://evil.example:3128" },
    { credentials: ["sk-…cdef"], baseUrl: "https://evil.example/v1" },
    { credentials: ["sk-new-0123456789abcdef"], baseUrl: "https://evil.example/v1" },
  ];
  test.each(elsewhere.map((change) => [JSON.stringify(change), change] as const))(
    "%s demands all of them again",
    async (_text, change) => {
      const refused = await patch(change);
      expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining("send `")]);
      expect(await store.documents.list("provider")).toEqual([]);
    },
  );

  const same = [
    "https://FILED.example/v1",
    "https://filed.example:443/v1",
    "https:\\\\filed.example\\v1",
    "https://filed.example/v2",
  ];
  test.each(same)("%s is the same place", async (baseUrl) => {
    expect((await patch({ baseUrl })).status).toBe(200);
    expect(URL.parse(house.config().providers["filed"]?.baseUrl ?? "")?.host).toBe("filed.example");
  });

  test("may be another one with all of them sent again, or none", async () => {
    const given = {
      credentials: ["sk-new-0123456789abcdef"],
      headers: { "x-secret-token": "another-secret-0123456789" },
    };
    expect((await patch({ baseUrl: "https://other.example/v1", ...given })).status).toBe(200);
    expect((await patch({ baseUrl: "http://10.0.0.5/v1", credentials: null, headers: null })).status).toBe(200);
    expect((await patch({ baseUrl: "http://127.0.0.1:11434/v1" })).status).toBe(200);
    // What was there before it was changed has not come back.
    expect(house.config().providers["filed"]?.credentials).toEqual([]);
  });

  const noUrls = [
    "file:///etc/passwd",
    "data:text/plain,x",
    "s3://bucket/x",
    "javascript:alert(1)",
    "ftp://h/x",
    "//h/v1",
    "http://u:p@h/v1",
    "http://",
    "h",
  ];
  test.each(noUrls)("cannot be %s", async (baseUrl) => {
    const refused = await ask("POST", "/api/providers", { ...mine, baseUrl });
    expect([refused.status, messageOf(refused)]).toEqual([
      400,
      expect.stringContaining("providers.mine.baseUrl: must be an http"),
    ]);
  });

  const near = [
    "http://127.0.0.1:1/v1",
    "http://localhost/v1",
    "http://10.1.2.3/v1",
    "http://[::1]:11434/v1",
    "http://2130706433/v1",
  ];
  test.each(near)("may be %s, for an admin", async (baseUrl) => {
    expect((await ask("POST", "/api/providers", { ...mine, baseUrl })).status).toBe(201);
  });
});

test("a body that no change needs is refused with the limit of the path, which is no setting", async () => {
  const refused = await ask("POST", "/api/providers", { name: "x".repeat(2 ** 20), type: "dummy" });
  expect([refused.status, messageOf(refused)]).toEqual([
    413,
    "The request body is larger than 1048576 bytes; the limit is this path's own, and no setting changes it.",
  ]);
  const larger = await ask("POST", "/api/config/import", { providers: { x: { name: "x".repeat(4e6) } } });
  expect([larger.status, messageOf(larger)]).toEqual([
    413,
    expect.stringMatching(/4000000 bytes.*server\.maxBodyBytes/),
  ]);
});

describe("a change that is not sound", () => {
  test.each([
    ["rpm", { rpm: "5" }],
    ["credentials[0].weight", { credentials: [{ key: newKey, weight: "2" }] }],
  ])("says %s as a text", async (place, change) => {
    for (const refused of [await patch(change), await ask("POST", "/api/providers", { ...mine, ...change })])
      expect([refused.status, messageOf(refused)]).toEqual([
        400,
        `\`${place}\` must be a number: write it without quotes.`,
      ]);
    const price = { input: "1", output: 2 };
    const model = { name: "m5", targets: [{ provider: "filed", model: "m", price }] };
    expect(messageOf(await ask("POST", "/api/models", model))).toContain("`targets[0].price.input` must be a number");
  });

  test("is refused with its place, and nothing is kept", async () => {
    for (const [body, place] of [
      [{ ...mine, type: "nonsense" }, "providers.mine.type"],
      [{ ...mine, timeouts: { idle: "soon" } }, "providers.mine.timeouts.idle"],
      [{ ...mine, credentials: [{ kee: "x" }] }, "providers.mine.credentials[0].kee"],
      [{ ...mine, rpm: -1 }, "providers.mine.rpm"],
      [{ ...mine, baseUrl: "http://h/v1/chat/completions" }, "providers.mine.baseUrl"],
      [{ name: "mine", type: "openai" }, "providers.mine.credentials"],
    ] as const) {
      const refused = await ask("POST", "/api/providers", body);
      expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining(place)]);
    }
    expect(await store.documents.list("provider")).toEqual([]);
  });

  test("is one that takes away what others stand on", async () => {
    await ask("POST", "/api/providers", mine);
    const target = { provider: "mine", model: "x" };
    await ask("POST", "/api/models", { name: "smart", targets: [target, target] });
    await ask("POST", "/api/models", { name: "vendor/x", targets: [target] });
    const other = { name: "other", targets: [{ provider: "filed", model: "m" }] };
    await ask("POST", "/api/models", { ...other, contextWindowFallbacks: ["mine/big"] });
    const users = "the model 'smart', the model 'vendor/x', and the fallbacks of the model 'other'";
    const refused = await ask("DELETE", "/api/providers/mine");
    expect([refused.status, messageOf(refused)]).toEqual([
      409,
      `The provider 'mine' is in use by ${users}; take it out there first.`,
    ]);
    const { body } = await ask("POST", "/api/providers/batch", { delete: ["mine"] });
    expect(body["results"]).toMatchObject([{ status: 409, error: { code: "conflict" } }]);
    expect((await ask("GET", "/api/providers/mine")).status).toBe(200);
  });

  test("is one that takes back a change which others stand on, and is answered with its place", async () => {
    await patch({ enabled: true, protocols: ["openai-chat", "openai-responses"], models: ["m", "extra"] });
    await ask("POST", "/api/models", {
      name: "smart",
      targets: [{ provider: "filed", model: "m" }],
      fallbacks: ["extra"],
    });
    const refused = await ask("DELETE", "/api/providers/filed");
    expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining("models.smart.fallbacks[0]")]);
  });

  test("is told apart from a file that is broken beneath", async () => {
    for (const text of ["providers: { filed: ", "server: { prot: 1 }", undefined]) {
      house.write(text);
      const refused = await patch({ rpm: 3 });
      expect([refused.status, messageOf(refused)]).toEqual([409, expect.stringContaining("Mend that first")]);
      expect(await store.documents.list("provider")).toEqual([]);
    }
    house.write(file);
    expect((await patch({ rpm: 3 })).status).toBe(200);
  });

  test("made of an older version is a conflict, at this gateway and at another", async () => {
    using other = await startConfigHouse({ store, file });
    const { version } = (await patch({ rpm: 3, version: 0 })).body as { version: number };
    expect((await patch({ rpm: 4, version: 0 })).status).toBe(409);
    const there = await other.ask("PATCH", "/api/providers/filed", { rpm: 5, version });
    expect(there.status).toBe(200);
    expect((await patch({ rpm: 6, version })).status).toBe(409);
    expect((await patch({ rpm: 6 })).status).toBe(200);
    await other.look();
    expect(other.config().providers["filed"]?.rpm).toBe(6);
  });

  test("that a file makes unsound later is left out until it fits again", async () => {
    await ask("POST", "/api/models", { name: "smart", targets: [{ provider: "filed", model: "x" }] });
    const renamed = file.replace("filed:", "renamed:");
    house.write(renamed);
    expect([Object.keys(house.config().providers), Object.keys(house.config().models)]).toEqual([["renamed"], []]);
    expect(house.told.join("\n")).toContain("models.smart.targets[0].provider");
    expect((await ask("GET", "/api/config/export")).body["leftOut"]).toEqual(["models.smart"]);
    // It does not stand in the way of others.
    expect((await patch({ rpm: 3 }, "renamed")).status).toBe(200);
    house.write(file);
    expect(Object.keys(house.config().models)).toEqual(["smart"]);
  });
});

describe("without a database", () => {
  test("all is told, and nothing changed", async () => {
    using bare = await startConfigHouse({ store: undefined, file });
    expect((await bare.ask("GET", "/api/providers/filed")).status).toBe(200);
    for (const [method, path, body] of [
      ["POST", "/api/providers", mine],
      ["PATCH", "/api/providers/filed", { rpm: 3 }],
      ["DELETE", "/api/providers/filed", undefined],
      ["POST", "/api/config/import", { providers: {} }],
      ["POST", "/admin/groups", { groupName: "g", providerType: "openai" }],
    ] as const) {
      const refused = await bare.ask(method, path, body);
      expect([refused.status, messageOf(refused)]).toEqual([409, expect.stringContaining("storage.url")]);
    }
  });
});

describe("a database that is out of reach at the start", () => {
  test("costs nothing of the file, and its changes are served when it comes", async () => {
    await ask("POST", "/api/providers", mine);
    let isDown = true;
    const { documents } = store;
    const changesSince: typeof documents.changesSince = async (version) => {
      if (isDown) throw new Error("connection refused");
      return await documents.changesSince(version);
    };
    using late = await startConfigHouse({ store: { ...store, documents: { ...documents, changesSince } }, file });
    expect(Object.keys(late.config().providers)).toEqual(["filed"]);
    isDown = false;
    await late.look();
    expect(Object.keys(late.config().providers)).toEqual(["filed", "mine"]);
  });
});
