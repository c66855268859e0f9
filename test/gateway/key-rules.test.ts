import { afterAll, describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import type { OpaqueForwardCall } from "../../src/gateway/forwarding.ts";
import { mayAskFor, modelsFor, textLimitFor } from "../../src/gateway/key-rules.ts";
import { createRequestScopes } from "../../src/gateway/request-scopes.ts";
import { type KeyEndpoint, type KeyGrant, keyEndpoints } from "../../src/keys/virtual-key.ts";
import { protocols } from "../../src/protocols/registry.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { grantOf, keyRig } from "./key-rig.ts";

const upstream = await createFakeUpstream();
afterAll(() => upstream.close());

const config = {
  providers: {
    a: openaiCompatibleAt(upstream.url, { credentials: ["k"] }),
    kept: { type: "openai", baseUrl: upstream.url, credentials: ["k"], retries: 0 },
  },
  models: {
    good: { targets: [{ provider: "a", model: "good-upstream" }] },
    "good/2": { targets: [{ provider: "a", model: "good-upstream" }] },
    bad: { targets: [{ provider: "a", model: "bad-upstream" }] },
    gpt: { targets: [{ provider: "kept", model: "gpt" }] },
  },
};
const rig = keyRig({ config });
const { gateway, records } = rig;
const call: typeof rig.call = (...call) => rig.call(...call);

const chat = (model: string | undefined, more: object = {}): object => ({
  model,
  messages: [{ role: "user", content: "Hi" }],
  max_tokens: 5,
  ...more,
});

/** Every way to ask a model, by name. */
const ways: Readonly<Record<string, (grant: KeyGrant, model: string) => Promise<Response>>> = {
  chat: (grant, model) => gateway.handle({ ...call(grant, chat(model)), protocol: protocols["openai-chat"] }),
  "chat stream": (grant, model) =>
    gateway.handle({ ...call(grant, chat(model, { stream: true })), protocol: protocols["openai-chat"] }),
  messages: (grant, model) =>
    gateway.handle({ ...call(grant, chat(model)), protocol: protocols["anthropic-messages"] }),
  "messages stream": (grant, model) =>
    gateway.handle({ ...call(grant, chat(model, { stream: true })), protocol: protocols["anthropic-messages"] }),
  responses: (grant, model) =>
    gateway.handle({ ...call(grant, { model, input: "Hi" }), protocol: protocols["openai-responses"] }),
  completions: (grant, model) =>
    gateway.handle({ ...call(grant, { model, prompt: "Hi" }), protocol: protocols["openai-completions"] }),
  gemini: (grant, model) =>
    gateway.handle({
      ...call(grant, { contents: [{ parts: [{ text: "Hi" }] }] }),
      protocol: protocols["gemini-generate"],
      path: { model, stream: false },
    }),
  "ollama chat": (grant, model) => gateway.handle({ ...call(grant, chat(model)), protocol: protocols["ollama-chat"] }),
  "ollama generate": (grant, model) =>
    gateway.handle({ ...call(grant, { model, prompt: "Hi" }), protocol: protocols["ollama-generate"] }),
  embeddings: (grant, model) =>
    gateway.embed({
      ...call(grant, { model, input: "Hi" }),
      protocol: protocols["openai-chat"],
      dialect: "openai-embeddings",
      pathname: "/v1/embeddings",
      model: undefined,
    }),
  count_tokens: (grant, model) =>
    gateway
      .countTokens({ ...call(grant, chat(model)), protocol: protocols["anthropic-messages"], path: {} })
      .catch((error: GatewayError) => new Response(error.message, { status: error.status })),
  images: (grant, model) => forward(grant, "images", model),
  audio: (grant, model) => forward(grant, "audio", model),
  moderations: (grant, model) => forward(grant, "moderations", model),
  rerank: (grant, model) => forward(grant, "rerank", model),
};

function forward(grant: KeyGrant, operation: "images" | "audio" | "moderations" | "rerank", model: string) {
  const asked = { ...call(grant, { model, prompt: "Hi", input: "Hi" }), protocol: protocols["openai-chat"] };
  return gateway.forwardOpenai({ ...asked, path: `/${operation}`, operation, wire: operation });
}

function opaque(grant: KeyGrant, method = "POST", more: Partial<OpaqueForwardCall> = {}): Promise<Response> {
  const body = method === "GET" ? { body: new Uint8Array(0) } : {};
  return gateway.forwardOpaque({
    ...call(grant, chat("good-upstream"), body),
    protocol: protocols["openai-chat"],
    provider: "a",
    path: "/chat/completions",
    query: new URLSearchParams(),
    method,
    ...more,
  });
}

interface Asked {
  method?: string;
  body?: object | string;
}

/** The same of the provider `kept`, with a body that is JSON or this very text. */
function ofKeeper(grant: KeyGrant, path: string, { method = "POST", body = {} }: Asked = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return opaque(grant, method, {
    provider: "kept",
    path,
    body: new TextEncoder().encode(method === "GET" ? "" : text),
  });
}

async function refusalOf(...key: Parameters<typeof grantOf>): Promise<string> {
  return (await ofKeeper(grantOf(...key), "/files", { method: "GET" })).text();
}

function endpointOf(way: string): KeyEndpoint {
  return keyEndpoints.find((name) => name === way) ?? "chat";
}

describe("whichever way a model is asked for", () => {
  for (const [way, ask] of Object.entries(ways)) {
    test(`${way}: a key's models hold`, async () => {
      const before = upstream.requests.length + upstream.others.length;
      const refused = await ask(grantOf({ models: ["good*"] }), "bad");
      expect([refused.status, await refused.text()]).toEqual([
        403,
        expect.stringContaining("may not use the model 'bad'"),
      ]);
      const ofTeam = await ask(grantOf({}, { models: ["good*"] }), "bad");
      expect([ofTeam.status, await ofTeam.text()]).toEqual([403, expect.stringContaining("The team of the key key_1")]);
      expect(upstream.requests.length + upstream.others.length).toBe(before);
      const served = await ask(grantOf({ models: ["good*"] }), "good");
      await served.text();
      expect(served.status).not.toBe(403);
    });

    test(`${way}: what a key is for holds`, async () => {
      const endpoint = endpointOf(way);
      const others = keyEndpoints.filter((name) => name !== endpoint && name !== "chat");
      const refused = await ask(grantOf({ endpoints: others }), "good");
      expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining(`and this is ${endpoint}`)]);
      const served = await ask(grantOf({ endpoints: [endpoint] }), "good");
      await served.text();
      expect(served.status).not.toBe(403);
    });
  }
});

test("a request that names no model is told which one is meant, and that it named none", async () => {
  for (const [grant, whose] of [
    [grantOf({ models: ["bad"] }), "The key key_1"],
    [grantOf({}, { models: ["bad"] }), "The team of the key key_1"],
  ] as const) {
    const refused = await gateway.handle({ ...call(grant, chat(undefined)), protocol: protocols["openai-chat"] });
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      {
        error: {
          message: `${whose} may not use the model 'good'; it is meant where a request names none: send \`model\` with one of those that GET /v1/models lists.`,
        },
      },
    ]);
  }
});

test("who may converse may count", async () => {
  const served = await ways["count_tokens"]?.(grantOf({ endpoints: ["chat"] }), "good");
  expect(served?.status).toBe(200);
});

test("a refusal leaves a record of who was refused what", async () => {
  await ways["chat"]?.(grantOf({ models: ["good"] }), "bad");
  expect(records.at(-1)).toMatchObject({
    keyId: "key_1",
    modelAsked: "bad",
    status: 403,
    endReason: "rejected",
    attempts: 0,
  });
});

const answered = async (body: object, grant: KeyGrant): Promise<number> => {
  const response = await gateway.handle({ ...call(grant, body), protocol: protocols["openai-chat"] });
  await response.text();
  return response.status;
};

describe("names that stand elsewhere than in `model`", () => {
  test("count as well: further models, and the usual one where none is named", async () => {
    const grant = grantOf({ models: ["good"] });
    expect(await answered(chat("good", { models: ["bad"] }), grant)).toBe(403);
    expect(await answered(chat(undefined, { models: ["bad", "good"] }), grant)).toBe(403);
    expect(await answered(chat(undefined), grantOf({ models: ["bad"] }))).toBe(403);
    expect(await answered(chat("good", { models: ["good"] }), grant)).toBe(200);
    expect(await answered(chat(undefined), grant)).toBe(200);
  });

  test("count however they are written", async () => {
    const text = JSON.stringify(chat("good", { models: ["bad"] })).replace('"models"', String.raw`"mod\u0065ls"`);
    const asked = { ...call(grantOf({ models: ["good"] }), {}), body: new TextEncoder().encode(text) };
    const response = await gateway.handle({ ...asked, protocol: protocols["openai-chat"] });
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("'bad'")]);
  });
});

describe("below /p/", () => {
  test("nothing is open to a key with models of its own, or whose team has", async () => {
    for (const grant of [grantOf({ models: ["*"] }), grantOf({}, { models: ["good"] })])
      for (const method of ["GET", "POST"]) {
        const response = await opaque(grant, method);
        expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("certain models only")]);
      }
  });

  test("what a key asked for itself may be asked for again", async () => {
    const response = await opaque(grantOf({ models: ["good"], endpoints: ["chat"] }), "GET", { isFollowUp: true });
    await response.text();
    expect(response.status).not.toBe(403);
  });

  test("it is open to a key that may use it", async () => {
    const response = await opaque(grantOf({ endpoints: ["opaque"] }));
    await response.text();
    expect(response.status).toBe(200);
    expect((await opaque(grantOf({ endpoints: ["chat"] }))).status).toBe(403);
  });

  const model = "gpt";
  const others: Readonly<Record<string, [path: string, asked?: Asked]>> = {
    "a response": ["/responses/resp_1", { method: "GET" }],
    "the end of a response": ["/responses/resp_1", { method: "DELETE" }],
    files: ["/files", { method: "GET" }],
    "an upload": ["/files", { body: "--boundary" }],
    batches: ["/batches", { body: { input_file_id: "file-1" } }],
    threads: ["/threads/runs", { body: { model, assistant_id: "asst_1" } }],
    "a whole conversation": ["/conversations/conv_1/items", { body: { model } }],
    "another way to change": ["/chat/completions", { method: "PUT", body: { model, messages: [] } }],
    "a path behind": ["/chat/completions/chatcmpl-1", { body: { model } }],
    "what was said before": ["/responses", { body: { model, input: "Hi", previous_response_id: "resp_1" } }],
    "the same, once again": [
      "/responses",
      { body: `{"model":"m","previous_response_id":"r","previous_response_id":null}` },
    ],
    "the same, otherwise written": ["/responses", { body: `{"model":"m","Previous\\u005fresponse_id":"r"}` }],
    "a conversation": ["/responses", { body: { model, input: "Hi", conversation: { id: "conv_1" } } }],
    "no model": ["/responses", { body: { input: "Hi" } }],
    "two models": ["/chat/completions", { body: { model, models: ["a"], messages: [] } }],
    "no JSON": ["/chat/completions", { body: `\uFEFF{"model":"m"}` }],
    "a broken name": ["/chat/completions", { body: String.raw`{"model":"\ud800","messages":[]}` }],
  };

  test.each(Object.entries(others))("what the provider keeps is nobody's: %s", async (_what, [path, asked]) => {
    const before = upstream.requests.length + upstream.others.length;
    const refused = await ofKeeper(grantOf(), path, asked);
    const { error } = (await refused.json()) as { error: { message: string } };
    expect([refused.status, error.message]).toEqual([403, expect.stringContaining("has no owner there")]);
    expect(upstream.requests.length + upstream.others.length).toBe(before);
    const served = await ofKeeper(grantOf({ endpoints: ["opaque"] }), path, asked);
    await served.text();
    expect(served.status).not.toBe(403);
    const withoutKey = await opaque(grantOf(), asked?.method, { provider: "kept", path, grant: undefined });
    await withoutKey.text();
    expect(withoutKey.status).not.toBe(403);
  });

  test("a refusal says what to set, and takes nothing else away", async () => {
    expect(await refusalOf({ endpoints: ["chat"] })).toContain("orcestator keys update key_1 --endpoints chat,opaque");
    expect(await refusalOf()).toContain(`--endpoints ${keyEndpoints.join(",")}`);
  });

  test.each([
    ["a", "/chat/completions", chat("good-upstream")],
    ["a", "/v1/chat/completions", chat("good-upstream", { stream: true })],
    ["kept", "/completions", { model, prompt: "Hi" }],
    ["kept", "/embeddings", { model, input: "Hi" }],
    ["kept", "/responses", { model, input: "Hi", previous_response_id: null }],
  ])("a key that may do anything may ask one model as it may elsewhere: /p/%s%s", async (provider, path, body) => {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const served = await opaque(grantOf(), "POST", { provider, path, body: bytes });
    await served.text();
    expect(served.status).not.toBe(403);
    const refused = await opaque(grantOf({ endpoints: ["chat", "embeddings"] }), "POST", {
      provider,
      path,
      body: bytes,
    });
    expect(refused.status).toBe(403);
  });
});

const askKeeper = (grant: KeyGrant | undefined, more: object): Promise<Response> =>
  gateway.handle({
    ...call(grantOf(), { model: "gpt", input: "Hi", ...more }),
    grant,
    protocol: protocols["openai-responses"],
  });

/** Requests that came upstream at all. */
const sent = (): number => upstream.requests.length + upstream.others.length;

test.each([
  ["by its name", { conversation: "conv_1" }],
  ["as an object", { Conversation: { id: "conv_1" } }],
])("a conversation is nobody's at the gateway's own endpoint either: %s", async (_what, named) => {
  const before = sent();
  const refused = await askKeeper(grantOf(), named);
  const { error } = (await refused.json()) as { error: { message: string; param: string } };
  expect([refused.status, error.param, error.message]).toEqual([
    403,
    "conversation",
    expect.stringMatching(/no owner there.*--endpoints /),
  ]);
  expect(sent()).toBe(before);
  for (const response of [
    await askKeeper(grantOf({ endpoints: ["chat", "opaque"] }), named),
    await askKeeper(undefined, named),
    await askKeeper(grantOf(), { conversation: null }),
  ]) {
    await response.text();
    expect(response.status).not.toBe(403);
  }
  expect(sent()).toBe(before + 3);
});

const may = (models: readonly string[], name: string): boolean => mayAskFor(grantOf({ models }), name);

describe("names with stars", () => {
  test("stand for anything, also for what has slashes", () => {
    expect(may(["openai/*"], "openai/gpt-5")).toBe(true);
    expect(may(["*"], "a/b:c")).toBe(true);
    expect(may(["gpt-*-mini", "o*"], "gpt-5-mini")).toBe(true);
    expect(may(["gpt-*"], "GPT-5")).toBe(false);
    expect(may(["gpt-5"], "gpt-5-pro")).toBe(false);
  });

  test("of a list, only those remain that both key and team may use", () => {
    const models = ["a1", "a2", "b1"].map((id) => ({ id }));
    expect(modelsFor(grantOf({ models: ["a*"] }, { models: ["*1"] }), models)).toEqual([{ id: "a1" }]);
    expect(modelsFor(undefined, models)).toBe(models);
  });
});

test("how much is kept of what is said follows the key, up to what the configuration allows", async () => {
  const policies = [undefined, "none", "full", "truncate:7", "truncate:700"];
  const limits = (usual: number) => policies.map((content) => textLimitFor(grantOf({ content }), usual));
  expect(limits(100)).toEqual([100, 0, 100, 7, 100]);
  expect(limits(0)).toEqual([0, 0, 0, 0, 0]);
  expect(limits(Number.MAX_SAFE_INTEGER)[2]).toBe(Number.MAX_SAFE_INTEGER);
  const rig = keyRig({ config, textLimit: 100 });
  const said = async (grant: KeyGrant): Promise<string | undefined> => {
    const response = await rig.gateway.handle({
      ...rig.call(grant, chat("good", { messages: [{ role: "user", content: "A secret question" }] })),
      protocol: protocols["openai-chat"],
    });
    await response.text();
    return rig.records.at(-1)?.userText;
  };
  expect(await said(grantOf())).toBe("A secret question");
  expect(await said(grantOf({ content: "truncate:8" }))).toStartWith("A secret");
  expect(await said(grantOf({ content: "none" }))).toBeUndefined();
});

const scopes = (grant: KeyGrant, limits: object = {}): object[] =>
  createRequestScopes(configured({ limits }).limits)
    .of({ keyId: grant.key.id, clientAddress: undefined, grant }, undefined)
    .map(({ kind, id, limits: { rpm, tpm, concurrency } }) => ({ kind, id, rpm, tpm, concurrency }));

describe("limits", () => {
  test("of a key go before those of every key, and its team's hold as well", () => {
    const grant = grantOf({ rpm: 5 }, { concurrency: 2 });
    expect(scopes(grant, { key: { rpm: 9, tpm: 8 }, total: { rpm: 100 } })).toEqual([
      { kind: "total", id: "", rpm: 100, tpm: undefined, concurrency: undefined },
      { kind: "key", id: "key_1", rpm: 5, tpm: 8, concurrency: undefined },
      { kind: "team", id: "team_1", rpm: undefined, tpm: undefined, concurrency: 2 },
    ]);
    expect(scopes(grantOf())).toEqual([]);
    expect(scopes(grantOf({}, {}))).toEqual([]);
  });

  test("are the same object for every request, which is compared fast", () => {
    const table = createRequestScopes(configured({}).limits);
    const grant = grantOf({ rpm: 5 }, { rpm: 6 });
    const of = () => table.of({ keyId: "key_1", clientAddress: undefined, grant: { ...grant } }, undefined);
    expect(of().every((scope, at) => scope === of()[at])).toBe(true);
    expect(of()).toHaveLength(2);
  });

  test("refuse with their words", async () => {
    const rig = keyRig({ config });
    const [first, second] = [grantOf({ id: "key_1" }, { rpm: 1 }), grantOf({ id: "key_2" }, { rpm: 1 })];
    const ask = (grant: KeyGrant): Promise<Response> =>
      rig.gateway.handle({ ...rig.call(grant, chat("good")), protocol: protocols["openai-chat"] });
    expect((await ask(first)).status).toBe(200);
    const refused = await ask(second);
    expect([refused.status, await refused.text()]).toEqual([
      429,
      expect.stringContaining("The limit of 1 request a minute for the team team_1 is used up"),
    ]);
  });
});
