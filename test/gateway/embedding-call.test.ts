import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { embeddingCallOf } from "../../src/gateway/embedding-call.ts";
import type { ForwardCall } from "../../src/gateway/forward.ts";
import type { EmbeddingDialect } from "../../src/protocols/embeddings/embedding.ts";
import { protocols } from "../../src/protocols/registry.ts";
import type { Target } from "../../src/routing/target.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { callOf } from "./rig.ts";
import { plainFacts, routed } from "./routed.ts";

const providers = {
  chat: openaiCompatibleAt("http://up.test/v1"),
  gemini: { type: "gemini", credentials: ["k"] },
  ollama: { type: "ollama" },
  azure: { type: "azure", baseUrl: "https://r.openai.azure.com", credentials: ["k"] },
  claude: { type: "anthropic", credentials: ["k"] },
};
const table = routed(
  configured({
    providers,
    models: Object.fromEntries(
      Object.keys(providers).map((provider) => [provider, { targets: [{ provider, model: `up ${provider}` }] }]),
    ),
  }),
);

const paths: Readonly<Record<EmbeddingDialect, string>> = {
  "openai-embeddings": "/v1/embeddings",
  "gemini-embed": "/v1beta/models/m:batchEmbedContents",
  "ollama-embed": "/api/embed",
};

interface Ask {
  dialect?: EmbeddingDialect;
  body: unknown;
  model?: string;
  pathname?: string;
  headers?: Record<string, string>;
  isStrict?: boolean;
}

function call({ dialect = "openai-embeddings", body, model, pathname, headers, isStrict = false }: Ask): ForwardCall {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const own = callOf(text, new AbortController().signal, headers);
  return embeddingCallOf(
    { ...own, protocol: protocols["openai-chat"], dialect, pathname: pathname ?? paths[dialect], model },
    {
      resolve: (model) => ({ route: table.table.resolve(model, plainFacts), facts: plainFacts }),
      maxDepth: 16,
      isStrict,
      showsAlias: true,
    },
  );
}

function targetOf({ route }: ForwardCall): Target {
  const [target] = route.first.targets;
  if (target === undefined) throw new Error("no target");
  return target;
}

function sent(forward: ForwardCall): { url: string; text: string; losses: unknown } | undefined {
  const request = forward.requestFor(targetOf(forward));
  if (request === undefined) return undefined;
  return { url: request.url.href, text: Buffer.from(request.body ?? []).toString(), losses: request.losses };
}

function answered(forward: ForwardCall, answer: unknown) {
  const bytes = Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer));
  const { body, observation } = forward.readAnswer?.(targetOf(forward), bytes) ?? {};
  return { text: Buffer.from(body ?? []).toString(), observation };
}

function errorOf(run: () => unknown): GatewayError | undefined {
  try {
    run();
  } catch (error) {
    return error as GatewayError;
  }
  return undefined;
}

describe("in the upstream's own words", () => {
  const body = '{ "input":["Gr\\u00fc\\u00dfe"],  "model":"chat","new":1e21 }';

  test("only the model's name changes on the way, and on the way back", () => {
    const forward = call({ body });
    expect(sent(forward)).toMatchObject({
      url: "http://up.test/v1/embeddings",
      text: body.replace('"chat"', '"up chat"'),
    });
    const answer = '{"data" : [ {"embedding":[1.0]} ],"model":"up chat","usage":{"prompt_tokens":3,"total_tokens":3}}';
    const { text, observation } = answered(forward, answer);
    expect(text).toBe(answer.replace('"up chat"', '"chat"'));
    expect(observation).toMatchObject({ model: "up chat", usage: { input: 3 } });
  });

  test("Azure's deployments have a path of their own", () => {
    expect(sent(call({ body: { model: "azure", input: "a" } }))?.url).toBe(
      "https://r.openai.azure.com/openai/deployments/up%20azure/embeddings?api-version=2024-10-21",
    );
  });

  test("Ollama's older form is no other's", () => {
    const now = call({ dialect: "ollama-embed", body: { model: "ollama", input: "a", odd: 1 } });
    expect(sent(now)?.text).toBe('{"model":"up ollama","input":"a","odd":1}');
    const before = call({
      dialect: "ollama-embed",
      pathname: "/api/embeddings",
      body: { model: "ollama", prompt: "a" },
    });
    expect(JSON.parse(sent(before)?.text ?? "")).toEqual({ model: "up ollama", input: ["a"] });
    expect(answered(before, { embeddings: [[1, 2]] }).text).toBe('{"embedding":[1,2]}');
  });
});

describe("in other words", () => {
  test("texts, lengths and vectors arrive, and what cannot is named", () => {
    const forward = call({ body: { model: "gemini", input: ["ä", "b"], dimensions: 3, odd: true } });
    const { url, text, losses } = sent(forward) ?? {};
    expect(url).toBe("https://generativelanguage.googleapis.com/v1beta/models/up%20gemini:batchEmbedContents");
    const requests = ["ä", "b"].map((value) => ({
      model: "models/up gemini",
      content: { parts: [{ text: value }] },
      outputDimensionality: 3,
    }));
    expect(JSON.parse(text ?? "")).toEqual({ requests });
    expect(losses).toMatchObject([{ field: "odd" }]);
    const shown = JSON.parse(answered(forward, { embeddings: [{ values: [1] }, { values: [2] }] }).text) as object;
    expect(shown).toMatchObject({ object: "list", model: "gemini", data: [{ embedding: [1] }, { embedding: [2] }] });
  });

  test("strict is strict, by header and by configuration", () => {
    const body = { model: "gemini", input: "a", odd: true };
    const strict = { "x-orcestator-strict": "1" };
    expect(errorOf(() => sent(call({ body, headers: strict })))).toMatchObject({ status: 400, param: "odd" });
    expect(errorOf(() => sent(call({ body, isStrict: true })))).toMatchObject({ status: 400, param: "odd" });
    expect(sent(call({ body, isStrict: true, headers: { "x-orcestator-strict": "0" } }))?.losses).toHaveLength(1);
  });

  test("an answer that is none is the upstream's failure", () => {
    const forward = call({ body: { model: "ollama", input: ["a", "b"] } });
    for (const answer of ["", "{", "null", {}, { embeddings: [] }, { embeddings: [[1]] }, { embeddings: [[1], ["x"]] }])
      expect([answer, errorOf(() => answered(forward, answer))?.status]).toEqual([answer, 502]);
    const refusal = { error: { message: "model is loading", code: 503 } };
    expect(errorOf(() => answered(forward, refusal))?.message).toBe("model is loading");
  });
});

test("a provider without vectors has no request", () => {
  const forward = call({ body: { model: "claude", input: "a" } });
  expect(sent(forward)).toBeUndefined();
  expect(forward.isServedBy?.(targetOf(forward))).toBe(false);
});

test("the name in the URL counts where there is one", () => {
  const body = { content: { parts: [{ text: "a" }] }, model: "models/other" };
  const forward = call({ dialect: "gemini-embed", body, model: "gemini" });
  expect(forward.modelAsked).toBe("gemini");
  expect(sent(forward)?.text).not.toContain("other");
});

test("what cannot be read is refused before anybody is asked", () => {
  for (const body of ["", "{", "[]", '{"input":'.repeat(30)])
    expect(errorOf(() => call({ body }))).toMatchObject({ code: "invalid_request", status: 400 });
  expect(errorOf(() => call({ body: { model: "nobody", input: "a" } }))).toMatchObject({ code: "model_not_found" });
});
