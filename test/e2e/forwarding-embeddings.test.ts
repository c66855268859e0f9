import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { errorOf } from "../support/chat.ts";
import { vectorOf } from "../support/replay-others.ts";
import { metric } from "../support/metrics.ts";
import { recordsOf, samplesOf, startTranslationRig } from "./translation-rig.ts";

type Fields = Record<string, unknown>;

const { gateway, upstream, ...rig } = await startTranslationRig({
  config: {
    models: {
      both: {
        targets: [
          { provider: "claude", model: "plain" },
          { provider: "gemini", model: "plain" },
        ],
      },
    },
  },
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(() => upstream.clear());

const texts = ["Grüße 世界", "hello", "👋🏽"];
const vectors = texts.map((text) => vectorOf(text));

function send(path: string, body: Fields | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.origin}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function answered(path: string, body: Fields): Promise<Fields> {
  const response = await send(path, body);
  const answer = (await response.json()) as Fields;
  expect({ status: response.status, error: answer["error"] }).toEqual({ status: 200, error: undefined });
  return answer;
}

/** OpenAI's base64 is 32-bit floats, little-endian. */
function floatsOf(base64: unknown): number[] {
  const bytes = Buffer.from(String(base64), "base64");
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

test("between OpenAI's client and upstream the bytes are the same, but for the model's name", async () => {
  const body = `{ "input":["Gr\\u00fc\\u00dfe", "b"],"model" : "chat-plain","dimensions":4.0,  "new_field":{"a":1e21} }`;
  const response = await send("/v1/embeddings", body);
  expect(response.status).toBe(200);
  expect(upstream.others[0]?.received.text).toBe(body.replace("chat-plain", "plain"));
  const direct = await fetch(`${upstream.origin}/openai/v1/embeddings`, {
    method: "POST",
    headers: { authorization: "Bearer sk-upstream-secret-0001" },
    body: body.replace("chat-plain", "plain"),
  });
  const source = await direct.text();
  const { model } = JSON.parse(source) as { model: string };
  expect(await response.text()).toBe(source.replace(`"model":${JSON.stringify(model)}`, '"model":"chat-plain"'));
});

describe.each(["chat", "gemini", "ollama"])("OpenAI's client before %s", (id) => {
  const model = `${id}-plain`;

  test("gets a vector for each text, in order, with usage", async () => {
    const answer = await answered("/v1/embeddings", { model, input: texts });
    expect(answer).toMatchObject({ object: "list" });
    const data = answer["data"] as Fields[];
    expect(data.map(({ embedding }) => embedding)).toEqual(vectors);
    expect(data.map(({ index, object }) => [index, object])).toEqual(texts.map((_, index) => [index, "embedding"]));
    const { prompt_tokens: tokens } = answer["usage"] as Fields;
    expect(tokens).toBeNumber();
    if (id !== "gemini") expect(tokens).toBeGreaterThan(0);
  });

  test("gets base64 when it asks for it, as the SDK does", async () => {
    const answer = await answered("/v1/embeddings", { model, input: texts, encoding_format: "base64" });
    expect((answer["data"] as Fields[]).map(({ embedding }) => floatsOf(embedding))).toEqual(vectors);
  });

  test("gets as many dimensions as it wants, of one text", async () => {
    const answer = await answered("/v1/embeddings", { model, input: "hello", dimensions: 7 });
    expect((answer["data"] as Fields[])[0]?.["embedding"]).toEqual(vectorOf("hello", 7));
  });
});

describe.each(["gemini", "chat", "ollama"])("Gemini's client before %s", (id) => {
  const contents = texts.map((text) => ({ content: { parts: [{ text }] } }));

  test.each(["v1beta", "v1"])("gets one vector by %s/…:embedContent", async (version) => {
    const answer = await answered(`/${version}/models/${id}-plain:embedContent`, {
      content: { parts: [{ text: "hello" }] },
      outputDimensionality: 5,
    });
    expect(answer["embedding"]).toMatchObject({ values: vectorOf("hello", 5) });
  });

  test("gets many by :batchEmbedContents", async () => {
    const requests = contents.map((content) => ({ model: `models/${id}-plain`, ...content }));
    const answer = await answered(`/v1beta/models/${id}-plain:batchEmbedContents`, { requests });
    expect((answer["embeddings"] as Fields[]).map(({ values }) => values)).toEqual(vectors);
  });
});

describe.each(["ollama", "chat", "gemini"])("Ollama's client before %s", (id) => {
  const model = `${id}-plain`;

  test("gets vectors by /api/embed", async () => {
    const answer = await answered("/api/embed", { model, input: texts });
    expect(answer["embeddings"]).toEqual(vectors);
  });

  test("gets one by /api/embeddings, as it was before", async () => {
    expect(await answered("/api/embeddings", { model, prompt: "hello" })).toEqual({ embedding: vectorOf("hello") });
  });
});

describe("what cannot be had", () => {
  test("is vectors of a provider without any, told in the client's words", async () => {
    const openai = await send("/v1/embeddings", { model: "claude-plain", input: "a" });
    expect(openai.status).toBe(404);
    expect(await errorOf(openai)).toMatchObject({ code: "not_found", param: "model" });
    const gemini = await send("/v1beta/models/claude-plain:embedContent", { content: { parts: [{ text: "a" }] } });
    expect([gemini.status, await gemini.json()]).toMatchObject([404, { error: { code: 404, status: "NOT_FOUND" } }]);
    const ollama = await send("/api/embed", { model: "claude-plain", input: "a" });
    expect([ollama.status, await ollama.json()]).toMatchObject([
      404,
      { error: expect.stringContaining("claude") as unknown },
    ]);
  });

  test("is no reason to fail where a second target has them", async () => {
    const answer = await answered("/v1/embeddings", { model: "both", input: texts });
    expect((answer["data"] as Fields[]).map(({ embedding }) => embedding)).toEqual(vectors);
  });

  test("is token numbers for an upstream that takes texts", async () => {
    for (const id of ["gemini", "ollama"]) {
      const response = await send("/v1/embeddings", { model: `${id}-plain`, input: [[1, 2, 3]] });
      expect(response.status).toBe(400);
      expect(await errorOf(response)).toMatchObject({ param: "input" });
    }
    expect(upstream.others).toHaveLength(0);
  });

  test("is named: in a header and a metric, or as a refusal", async () => {
    const body = { model: "ollama-plain", input: "a", new_field: 1 };
    const labels = { client: "openai-embeddings", upstream: "ollama" };
    const before = metric(await samplesOf(gateway), "orcestator_dropped_fields_total", labels) ?? 0;
    const lenient = await send("/v1/embeddings", body);
    await lenient.text();
    expect(lenient.status).toBe(200);
    expect(lenient.headers.get("x-orcestator-warnings")).toStartWith("dropped=new_field;reason=");
    expect(metric(await samplesOf(gateway), "orcestator_dropped_fields_total", labels)).toBe(before + 1);
    const strict = await send("/v1/embeddings", body, { "x-orcestator-strict": "1" });
    expect(strict.status).toBe(400);
    expect((await errorOf(strict)).message).toContain("`new_field`");
  });

  test.each([
    [{}, "input"],
    [{ input: [] }, "input"],
    [{ input: 7 }, "input"],
    [{ input: "a", dimensions: "many" }, "dimensions"],
    [{ input: "a", encoding_format: "hex" }, "encoding_format"],
  ])("is nonsense: %j", async (body, field) => {
    const response = await send("/v1/embeddings", { model: "gemini-plain", ...body });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ param: field });
  });
});

test("is recorded as embeddings, with its tokens", async () => {
  const response = await send("/v1/embeddings", { model: "ollama-plain", input: texts });
  const { usage } = (await response.json()) as { usage: { prompt_tokens: number } };
  const requestId = response.headers.get("x-request-id") ?? "";
  const row = (await recordsOf(gateway, [requestId])).get(requestId);
  expect(row).toMatchObject({
    operation: "embeddings",
    protocol: "openai-embeddings",
    provider: "ollama",
    status: 200,
  });
  expect(row?.["tokens_input"]).toBe(usage.prompt_tokens);
  expect(upstream.violations).toEqual([]);
});
