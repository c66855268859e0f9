import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { userMessage } from "../support/chat.ts";
import { startRig } from "../support/e2e.ts";

const adminToken = "admin-token-e2e";
const rig = await startRig({
  env: { AUTH_TOKEN: adminToken, OR_DB_PATH: "keys.db" },
  configText: (url) => `
providers:
  counting: { type: anthropic, baseUrl: "http://127.0.0.1:9", credentials: [k], models: [claude] }
  bounding: { type: anthropic, baseUrl: "http://127.0.0.1:9", credentials: [k], models: [plain, claude-3-opus], listModels: false }
  or: { type: openrouter, baseUrl: "${url}", credentials: [k], listModels: false, acceptsAnyModel: true }
prices:
  models: { "or/cheap": { input: 0, output: 1 }, "or/dear": { input: 0, output: 1000 }, "or/wordy": { input: 1000, output: 0 }, "bounding/*": { input: 0, output: 100 } }
`,
});
const { gateway, upstream } = rig;
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(() => upstream.clear());

async function keyWith(fields: object): Promise<string> {
  const response = await fetch(`${gateway.origin}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ name: "e2e", ...fields }),
  });
  return ((await response.json()) as { key: string }).key;
}

async function post(
  key: string,
  path: string,
  body: object | string | FormData,
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${gateway.origin}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: typeof body === "string" || body instanceof FormData ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

const chat = (key: string, fields: object) =>
  post(key, "/v1/chat/completions", { messages: [userMessage], max_tokens: 1000, ...fields });

const count = (key: string, model: string, messages: unknown = [userMessage]) =>
  post(key, "/v1/messages/count_tokens", { model, messages });

describe("a key's budget and OpenRouter's list of models", () => {
  const budgets = [{ usd: 0.5, window: "month" }];

  test("has room for the dearest model in it, or the request is refused", async () => {
    const key = await keyWith({ budgets });
    for (const models of [
      ["cheap", "dear"],
      ["dear", "cheap"],
    ]) {
      const { status, text } = await chat(key, { model: "cheap", models });
      expect([status, text]).toEqual([429, expect.stringContaining("may cost 1.00 USD")]);
    }
    expect(upstream.requests).toHaveLength(0);
    expect((await chat(key, { model: "cheap", models: ["cheap"] })).status).toBe(200);
  });

  test("knows the price of each model in it, or the request is refused by the name of the one that has none", async () => {
    const key = await keyWith({ budgets });
    const { status, text } = await chat(key, { model: "cheap", models: ["cheap", "who/knows"] });
    expect([status, text]).toEqual([403, expect.stringContaining("'who/knows' costs at or/who/knows is not known")]);
    expect(upstream.requests).toHaveLength(0);
  });
});

describe("a key's budget and a request that looks smaller than it is", () => {
  const budgets = [{ usd: 0.5, window: "month" }];
  const turn = [userMessage];
  const generationConfig = { maxOutputTokens: 1000 };

  const uploads: [path: string, files: number, usd: string][] = [
    ["/v1/audio/transcriptions", 1, "10.0"],
    ["/v1/images/edits", 3, "3.1"],
  ];
  test.each(uploads)("has room for files that are sent along: %s", async (path, files, usd) => {
    const key = await keyWith({ budgets });
    const body = new FormData();
    body.set("model", "wordy");
    for (let count = 0; count < files; count += 1) body.append("file", new Blob([new Uint8Array(1_200_000)]), "a.mp3");
    const { status, text } = await post(key, path, body);
    expect([status, text]).toEqual([429, expect.stringContaining(`may cost ${usd}`)]);
  });

  const unasked: [model: string, usd: string][] = [
    ["plain", "3.20"],
    ["claude-3-opus", "0.410"],
  ];
  test.each(unasked)(
    "has room for the bound that the gateway itself writes in Anthropic's words: %s",
    async (model, usd) => {
      const key = await keyWith({ budgets: [{ usd: 0.4, window: "month" }] });
      const { status, text } = await chat(key, { model, max_tokens: undefined });
      expect([status, text]).toEqual([429, expect.stringContaining(`may cost ${usd} USD`)]);
    },
  );

  const longer: [what: string, path: string, body: object][] = [
    ["with a bound", "/v1/chat/completions", { messages: turn, max_tokens: 1000 }],
    ["with two", "/v1/chat/completions", { messages: turn, max_tokens: 1000, max_completion_tokens: 1 }],
    ["with one of Ollama's", "/api/chat", { messages: turn, max_tokens: 1, options: { num_predict: 1000 } }],
    ["with none that Ollama reads", "/api/chat", { messages: turn, max_tokens: 1 }],
    ["with one of Gemini's", "/v1beta/models/dear:generateContent", { contents: [], max_tokens: 1, generationConfig }],
  ];
  test.each(longer)("has room for the longest answer that is asked for: %s", async (_, path, body) => {
    const { status, text } = await post(await keyWith({ budgets }), path, { model: "dear", stream: false, ...body });
    expect([status, text]).toEqual([429, expect.stringMatching(/may cost [14]\.\d+ USD/)]);
    expect(upstream.requests).toHaveLength(0);
  });

  test("has room for words that look like a picture", async () => {
    const content = `data:image/png;base64,${"AAAA".repeat(60)} ${"word ".repeat(2000)}`;
    const { status, text } = await chat(await keyWith({ budgets }), {
      model: "wordy",
      messages: [{ role: "user", content }],
    });
    expect([status, text]).toEqual([429, expect.stringMatching(/may cost 2\.5\d* USD/)]);
  });
});

describe("a key's limits and counts of tokens", () => {
  test.each([
    ["that the gateway estimates", "cheap"],
    ["that an upstream would count", "claude"],
  ])("hold for those %s", async (_, model) => {
    const key = await keyWith({ rpm: 2 });
    const statuses: number[] = [];
    for (let asked = 0; asked < 4; asked += 1) statuses.push((await count(key, model)).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
    const { text } = await count(key, model);
    expect(JSON.parse(text)).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
  });

  test("hold before a request is read from end to end", async () => {
    const key = await keyWith({ rpm: 1 });
    const statuses: number[] = [];
    for (const messages of [7, 7, [userMessage]]) statuses.push((await count(key, "cheap", messages)).status);
    expect(statuses).toEqual([400, 429, 429]);
  });
});

const chatListing = (key: string, models: string) =>
  post(key, "/v1/chat/completions", `{"model":"cheap","max_tokens":5,"models":${models},"messages":[]}`);

describe("`models` that is no list of names", () => {
  const bodies = [
    ["a name", '"dear"'],
    ["an object", '{"0":"dear"}'],
    ["a list in a list", '["cheap",["dear"]]'],
    ["a list with nothing in it", '["cheap",null]'],
    ["two lists", '["dear"],"models":["cheap"]'],
    ["a list by an escaped name", String.raw`null,"mod\u0065ls":"dear"`],
  ];
  test.each(bodies)("is refused where a key may use certain models only, or has a budget: %s", async (_, models) => {
    for (const fields of [{ models: ["cheap"] }, { budgets: [{ usd: 5, window: "day" }] }]) {
      const { status, text } = await chatListing(await keyWith(fields), models);
      expect([status, JSON.parse(text)]).toMatchObject([400, { error: { param: "models" } }]);
    }
    const key = await keyWith({ models: ["cheap"] });
    const { status, text } = await post(
      key,
      "/v1/messages",
      `{"model":"cheap","max_tokens":5,"models":${models},"messages":[]}`,
    );
    expect([status, JSON.parse(text)]).toMatchObject([
      400,
      { type: "error", error: { type: "invalid_request_error" } },
    ]);
    expect(upstream.requests).toHaveLength(0);
  });

  test.each(bodies)("goes upstream as it is for any other key: %s", async (_, models) => {
    expect((await chatListing(await keyWith({}), models)).status).toBe(200);
    expect(upstream.requests.at(-1)?.text).toContain(`"models":${models},`);
  });

  test("is one for such keys where it is null or empty", async () => {
    const key = await keyWith({ models: ["cheap"], budgets: [{ usd: 5, window: "day" }] });
    for (const models of ["null", "[]", '["cheap"]']) expect((await chatListing(key, models)).status).toBe(200);
  });
});

describe("a list of models that the gateway itself goes through", () => {
  const models = Array.from({ length: 12 }, (_, index) => (index < 11 ? "cheap" : "dear"));

  test.each([
    ["/v1/chat/completions", { messages: [userMessage] }],
    ["/v1/embeddings", { input: "Hi" }],
    ["/v1/images/generations", { prompt: "Hi" }],
  ])("stays here: %s", async (path, body) => {
    const key = await keyWith({ models: ["cheap"] });
    await post(key, path, { model: "cheap", models, ...body });
    const seen = [...upstream.requests, ...upstream.others].map(({ text }) => text);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toContain("dear");
  });
});
