import { afterAll, beforeEach, expect, test } from "bun:test";
import { convertOrchestrationApi } from "../../../src/config/import/orchestration-api.ts";
import { type ConfigHouse, messageOf, startConfigHouse } from "../../support/config-house.ts";
import { openKeyStore } from "../../support/key-house.ts";

const database = openKeyStore();
const { store } = database;
const house: ConfigHouse = await startConfigHouse({ store, file: "providers: { demo: { type: dummy } }" });
afterAll(() => {
  house[Symbol.dispose]();
  database[Symbol.dispose]();
});

const ask: ConfigHouse["ask"] = (...request) => house.ask(...request);

beforeEach(async () => {
  for (const { id } of await store.documents.list("provider")) await store.documents.remove({ kind: "provider", id });
  await house.look();
});

/** As OrchestrationApi's own document has it. */
const documented = {
  groupName: "openai-primary",
  providerType: "openai",
  apiKeys: ["sk-your-openai-key-1", "sk-your-openai-key-2"],
  models: ["gpt-3.5-turbo", "gpt-4", "gpt-4-turbo"],
  balancePolicy: "round_robin",
  retryCount: 3,
  timeout: 60,
  priority: 1,
  enabled: true,
  parameters: { temperature: 0.7, max_tokens: 2000 },
};

const masked = { ...documented, apiKeys: ["sk-…ey-1", "sk-…ey-2"], baseUrl: "https://api.openai.com/v1" };

test("a group is made as documented, and is told in the same words", async () => {
  const made = await ask("POST", "/admin/groups", documented);
  expect(made).toMatchObject({ status: 201, body: { id: "openai-primary", ...masked } });
  const { body } = await ask("GET", "/admin/groups");
  expect(body["groups"]).toMatchObject([{ groupName: "demo" }, masked]);
  const provider = house.config().providers["openai-primary"];
  expect(provider).toMatchObject({ type: "openai", retries: 3, priority: 0, models: documented.models });
  expect(provider?.credentials.map(({ key }) => key)).toEqual(documented.apiKeys);
  expect(provider?.timeouts).toMatchObject({ firstByte: 60_000, answer: 60_000 });
  expect(provider?.parameters).toEqual(documented.parameters);
});

test("every field that is sent is changed, all others stay", async () => {
  await ask("POST", "/admin/groups", documented);
  for (const change of [
    { timeout: 30 },
    { retryCount: 0 },
    { priority: 10 },
    { enabled: false },
    { enabled: true },
    { parameters: {} },
    { parameters: { top_p: 0.5 } },
    { models: ["a"] },
    { modelAliases: { b: "a" } },
    { balancePolicy: "random" },
    { rpmLimit: 7 },
    { rpmLimit: 0 },
    { headers: { "x-team": "t" } },
    { apiKeys: ["sk-…ey-2"] },
    { apiKeys: ["sk-third-0123456789abcd"] },
  ]) {
    const [before] = ((await ask("GET", "/admin/groups")).body["groups"] as object[]).slice(1);
    const changed = await ask("PUT", "/admin/groups/openai-primary", change);
    const shown = {
      ...before,
      ...change,
      ...("headers" in change ? { headers: { "x-team": "…" } } : {}),
      ...("apiKeys" in change ? { apiKeys: [expect.stringMatching(/^sk-…/)] } : {}),
    };
    expect([change, changed]).toMatchObject([change, { status: 200, body: shown }]);
  }
});

async function fieldNames(): Promise<string[]> {
  const documents = await store.documents.list("provider");
  return documents.flatMap(({ value }) => Object.keys((value as { fields: object }).fields));
}

test("a group that is sent back as it was read stays as it is", async () => {
  await ask("POST", "/admin/groups", documented);
  const [group] = ((await ask("GET", "/admin/groups")).body["groups"] as { id: string }[]).slice(1);
  const before = await fieldNames();
  expect((await ask("PUT", "/admin/groups/openai-primary", group)).status).toBe(200);
  expect(house.config().providers["openai-primary"]?.credentials.map(({ key }) => key)).toEqual(documented.apiKeys);
  expect(await fieldNames()).toEqual(before);
});

test("a group that is sent back as its change was answered is taken", async () => {
  const { body } = await ask("POST", "/admin/groups", documented);
  expect(body["notes"]).not.toEqual([]);
  expect((await ask("PUT", "/admin/groups/openai-primary", body)).status).toBe(200);
});

test("another type goes to its own host, unless one was named", async () => {
  await ask("POST", "/admin/groups", documented);
  const changed = await ask("PUT", "/admin/groups/openai-primary", {
    providerType: "anthropic",
    apiKeys: ["sk-ant-0123456789abcd"],
  });
  expect(changed).toMatchObject({ status: 200, body: { baseUrl: "https://api.anthropic.com" } });
  expect(house.config().providers["openai-primary"]).toMatchObject({ type: "anthropic" });
});

test("a name that no path can name is refused", async () => {
  for (const groupName of [".", ".."])
    expect((await ask("POST", "/admin/groups", { ...documented, groupName })).status).toBe(400);
  for (const name of [".", ".."])
    expect((await ask("POST", "/api/models", { name, targets: [{ provider: "demo", model: "m" }] })).status).toBe(400);
});

test("a higher priority goes first, as it does there", async () => {
  for (const [groupName, priority] of [
    ["low", 0],
    ["high", 10],
    ["middle", 5],
  ] as const)
    await ask("POST", "/admin/groups", { ...documented, groupName, priority });
  const order = Object.entries(house.config().providers)
    .filter(([name]) => name !== "demo")
    .sort(([, left], [, right]) => left.priority - right.priority);
  expect(order.map(([name]) => name)).toEqual(["high", "middle", "low"]);
});

test("another host demands the keys again, in the words of a group", async () => {
  await ask("POST", "/admin/groups", documented);
  const refused = await ask("PUT", "/admin/groups/openai-primary", { baseUrl: "https://evil.example/v1" });
  expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining("`apiKeys`")]);
  const change = { baseUrl: "https://other.example/v1", apiKeys: ["sk-third-0123456789abcd"] };
  expect((await ask("PUT", "/admin/groups/openai-primary", change)).body).toMatchObject({ baseUrl: change.baseUrl });
});

test("what cannot be made into a provider is refused with its place", async () => {
  for (const [group, place] of [
    [{ ...documented, providerType: "nonsense" }, "providerType"],
    [{ ...documented, baseUrl: "file:///etc/passwd" }, "baseUrl"],
    [{ ...documented, apiKeys: [] }, undefined],
    [{ ...documented, groupName: "" }, "groupName"],
    [{ ...documented, retryCount: 1000 }, "retryCount"],
    [{ ...documented, apiKeys: ["line\nbreak"] }, "credentials"],
  ] as const) {
    const answer = await ask("POST", "/admin/groups", group);
    // A group without a key is made, and switched off.
    if (place === undefined) expect(answer).toMatchObject({ status: 201, body: { enabled: false } });
    else expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining(place)]);
    await ask("DELETE", "/admin/groups/openai-primary");
  }
});

test("what the API tells of groups is what the importer reads", async () => {
  await ask("POST", "/admin/groups", documented);
  const { tree } = convertOrchestrationApi((await ask("GET", "/admin/groups")).body, { origin: "file groups.json" });
  expect(tree["providers"]).toMatchObject({ "openai-primary": { type: "openai", models: documented.models } });
});

test("proxy keys are virtual keys under other names", async () => {
  const made = await ask("POST", "/admin/proxy-keys", { name: "my-app-key", rpm: 100, enabled: true });
  expect(made).toMatchObject({ status: 201, body: { name: "my-app-key", rpm: 100, enabled: true } });
  const { id, key } = made.body as { id: string; key: string };
  expect(house.virtualKeys?.book.find(key)).toMatchObject({ id, name: "my-app-key", rpm: 100 });
  expect((await ask("POST", "/admin/proxy-keys", { name: "a\u0000b" })).status).toBe(400);
  const list = await ask("GET", "/admin/proxy-keys");
  expect(list.body["proxyKeys"]).toMatchObject([{ id, name: "my-app-key", rpm: 100 }]);
  expect(JSON.stringify(list.body)).not.toContain(key);
  expect((await ask("PUT", `/admin/proxy-keys/${id}`, { rpm: 0, enabled: false })).body).toMatchObject({
    rpm: 0,
    enabled: false,
  });
  expect(house.virtualKeys?.book.key(id)).toMatchObject({ enabled: false });
  expect(house.virtualKeys?.book.key(id)?.rpm).toBeUndefined();
  expect((await ask("DELETE", `/admin/proxy-keys/${id}`)).status).toBe(204);
  expect(house.virtualKeys?.book.find(key)).toBeUndefined();
});

test("the status names groups, keys and what was asked", async () => {
  await ask("POST", "/admin/groups", documented);
  expect((await ask("GET", "/admin/status")).body).toMatchObject({
    status: "ready",
    groups: [
      { groupName: "demo", enabled: true, status: "healthy" },
      { groupName: "openai-primary", enabled: true, status: "healthy" },
    ],
    proxyKeys: 0,
    requests: { total: 0, errors: 0, costUsd: 0 },
  });
});

test("one group is shown as in the list, and one that is not there is spoken of as a group", async () => {
  await ask("POST", "/admin/groups", documented);
  const groups = (await ask("GET", "/admin/groups")).body["groups"] as { id: string }[];
  expect((await ask("GET", "/admin/groups/openai-primary")).body).toEqual({
    ...groups.find(({ id }) => id !== "demo"),
  });
  for (const [method, body] of [["GET"], ["PUT", { enabled: false }], ["DELETE"]] as const) {
    const missing = await ask(method, "/admin/groups/nobody", body);
    expect([missing.status, messageOf(missing)]).toEqual([
      404,
      expect.stringContaining("There is no group nobody here"),
    ]);
  }
});

const proxy = (): unknown => house.config().providers["openai-primary"]?.proxy;

test("what an import of groups takes is taken here, too, in the same way", async () => {
  const proxyConfig = { type: "http", host: "127.0.0.1", port: 3128, username: "u", password: "proxy-password-1" };
  const more = { testModel: "gpt-4o", fakeStreaming: true, proxyEnabled: true, proxyConfig };
  const made = await ask("POST", "/admin/groups", { ...documented, ...more });
  expect(made.status).toBe(201);
  expect(made.body["proxyEnabled"]).toBe(true);
  expect((made.body["notes"] as string[]).join()).toContain("fake streaming is not done here");
  expect(JSON.stringify(made.body)).not.toContain("proxy-password-1");
  expect(proxy()).toBe("http://u:proxy-password-1@127.0.0.1:3128");
  for (const same of [{ proxyEnabled: true }, { retryCount: 4 }]) {
    expect((await ask("PUT", "/admin/groups/openai-primary", same)).status).toBe(200);
    expect(proxy()).toBe("http://u:proxy-password-1@127.0.0.1:3128");
  }
  const { apiKeys } = documented;
  await ask("PUT", "/admin/groups/openai-primary", { apiKeys, proxyConfig: { host: "127.0.0.1", port: 3129 } });
  expect(proxy()).toBe("http://127.0.0.1:3129");
  await ask("PUT", "/admin/groups/openai-primary", { apiKeys, proxyEnabled: false });
  expect(proxy()).toBeUndefined();
});
