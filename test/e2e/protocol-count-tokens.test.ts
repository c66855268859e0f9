import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { ReceivedRequest } from "../support/exchange.ts";
import { listenForReplay } from "../support/replay-connection.ts";
import { credential, providersAt, recordsOf, startTranslationRig, upstreamIds } from "./translation-rig.ts";

type Fields = Record<string, unknown>;

/** An upstream whose counting fails in each way; the model's name says how. */
const failing = await listenForReplay((exchange) => {
  const status = Number(/fails-(\d+)/.exec(exchange.request.target + exchange.request.model)?.[1] ?? 500);
  exchange.start({ status, headers: { "content-type": "application/json" } });
  exchange.write(JSON.stringify({ error: { message: `No: ${status}`, type: "api_error", code: status } }));
  exchange.end();
});

const statuses = [401, 403, 404, 405, 429, 500, 503, 529];
const names = statuses.map((status) => `fails-${status}`);
const failingProviders = providersAt(failing.origin);
const openaiAt = (origin: string) => ({
  type: "openai",
  baseUrl: `${origin}/openai/v1`,
  credentials: [credential],
  retries: 0,
});
const { gateway, upstream, ...rig } = await startTranslationRig({
  config: {
    providers: {
      "no-claude": failingProviders.claude,
      "no-gemini": failingProviders.gemini,
      "no-openai": openaiAt(failing.origin),
      "dead-claude": providersAt("http://127.0.0.1:9").claude,
    },
    models: {
      "openai-plain": { targets: [{ provider: "openai", model: "plain" }] },
      "dead-claude": { targets: [{ provider: "dead-claude", model: "x" }] },
      ...Object.fromEntries(
        ["no-claude", "no-gemini", "no-openai"].flatMap((provider) =>
          names.map((model) => [`${provider}-${model}`, { targets: [{ provider, model }] }]),
        ),
      ),
    },
  },
  providersOf: (origin) => ({ openai: openaiAt(origin) }),
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await failing.close();
});
beforeEach(() => upstream.clear());

interface Counter {
  name: string;
  /** Provider of its own protocol that counts, and one of whom every count fails. */
  own: string;
  failing: string;
  path: (model: string) => string;
  body: (model: string, text: string) => Fields;
  /** The number, and nothing else in the answer. */
  tokens: (answer: Fields) => unknown;
}

const turn = (text: string) => [{ role: "user", content: text }];
const counters: readonly Counter[] = [
  {
    name: "Anthropic's",
    own: "claude",
    failing: "no-claude",
    path: () => "/v1/messages/count_tokens",
    body: (model, text) => ({ model, messages: turn(text), system: "Be brief." }),
    tokens: ({ input_tokens: tokens, ...rest }) => (Object.keys(rest).length === 0 ? tokens : rest),
  },
  {
    name: "OpenAI's",
    own: "openai",
    failing: "no-openai",
    path: () => "/v1/responses/input_tokens",
    body: (model, text) => ({ model, input: turn(text), instructions: "Be brief." }),
    tokens({ input_tokens: tokens, object, ...rest }) {
      expect(object).toBe("response.input_tokens");
      return Object.keys(rest).length === 0 ? tokens : rest;
    },
  },
  {
    name: "Gemini's",
    own: "gemini",
    failing: "no-gemini",
    path: (model) => `/v1beta/models/${model}:countTokens`,
    body: (_model, text) => ({ contents: [{ role: "user", parts: [{ text }] }] }),
    tokens: ({ totalTokens, ...rest }) => (Object.keys(rest).length === 0 ? totalTokens : rest),
  },
];

interface Counted {
  response: Response;
  tokens: unknown;
}

async function count(counter: Counter, model: string, text = "Grüße aus Zürich"): Promise<Counted> {
  const response = await fetch(`${gateway.origin}${counter.path(model)}`, {
    method: "POST",
    headers: { "content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "of-the-client" },
    body: JSON.stringify(counter.body(model, text)),
  });
  const answer = (await response.json()) as Fields;
  expect({ status: response.status, error: answer["error"] }).toEqual({ status: 200, error: undefined });
  return { response, tokens: counter.tokens(answer) };
}

/** What the upstream says to the same request without the gateway. */
async function askedDirectly(request: ReceivedRequest | undefined): Promise<Fields> {
  const headers = { authorization: `Bearer ${credential}`, "x-api-key": credential, "x-goog-api-key": credential };
  const body = request?.text ?? "";
  const response = await fetch(`${upstream.origin}${request?.target}`, { method: "POST", headers, body });
  return (await response.json()) as Fields;
}

function isEstimate({ response }: Counted): boolean {
  return response.headers.get("x-orcestator-estimated") === "true";
}

describe.each(counters.map((counter) => [counter.name, counter] as const))("%s client", (_, counter) => {
  test("is told what its own upstream counts", async () => {
    const counted = await count(counter, `${counter.own}-plain`);
    expect(isEstimate(counted)).toBe(false);
    const [seen] = upstream.others;
    expect(counted.tokens).toBe(counter.tokens(await askedDirectly(seen?.received)));
    // The name stands in the body or, at Gemini, in the URL.
    expect(seen?.model).toBe("plain");
    expect(upstream.violations).toEqual([]);
    const requestId = counted.response.headers.get("x-request-id") ?? "";
    const row = (await recordsOf(gateway, [requestId])).get(requestId);
    expect(row).toMatchObject({ operation: "count_tokens", provider: counter.own, status: 200 });
  });

  test("is told an estimate for all others, and that it is one", async () => {
    for (const id of upstreamIds.filter((candidate) => candidate !== counter.own)) {
      const short = await count(counter, `${id}-plain`, "Hello");
      const long = await count(counter, `${id}-plain`, "Hello there, world. ".repeat(100));
      expect([isEstimate(short), isEstimate(long)]).toEqual([true, true]);
      expect(short.tokens).toBeWithin(3, 40);
      expect(long.tokens).toBeWithin(400, 700);
      expect(long.response.headers.get("x-request-id")).toMatch(/^req_/);
    }
    expect(upstream.others).toHaveLength(0);
  });

  test("is told an estimate where its upstream fails", async () => {
    for (const name of names) {
      const counted = await count(counter, `${counter.failing}-${name}`);
      expect([name, isEstimate(counted)]).toEqual([name, true]);
      expect(counted.tokens).toBeWithin(3, 60);
    }
  });

  test("is told what is wrong with its request", async () => {
    for (const model of [`${counter.own}-plain`, "ollama-plain"]) {
      for (const body of ["{", "[]", ""]) {
        const response = await fetch(`${gateway.origin}${counter.path(model)}`, { method: "POST", body });
        const { error } = (await response.json()) as Fields;
        expect(response.status).toBe(400);
        expect(error).toBeObject();
      }
    }
  });
});

test("an upstream that is not there costs an estimate, no failure", async () => {
  const [anthropic] = counters;
  const counted = await count(anthropic as Counter, "dead-claude");
  expect(isEstimate(counted)).toBe(true);
});

test("a request that the upstream refuses is refused", async () => {
  const listener = await listenForReplay((exchange) => {
    exchange.start({ status: 400, headers: { "content-type": "application/json" } });
    exchange.write('{"type":"error","error":{"type":"invalid_request_error","message":"messages: wrong"}}');
    exchange.end();
  });
  await using own = await startTranslationRig({
    config: {
      providers: { strict: providersAt(listener.origin).claude },
      models: { strict: { targets: [{ provider: "strict", model: "m" }] } },
    },
  });
  const response = await fetch(`${own.gateway.url}/messages/count_tokens`, {
    method: "POST",
    body: JSON.stringify({ model: "strict", messages: [] }),
  });
  const error = { type: "invalid_request_error", message: "messages: wrong" };
  expect([response.status, await response.json()]).toEqual([400, { type: "error", error }]);
  await listener.close();
}, 15_000);

test("pictures, tools and thoughts count too, whatever the protocol", async () => {
  const [anthropic] = counters;
  const plain = await count(anthropic as Counter, "chat-plain", "Hello");
  const data = Buffer.alloc(3000).toString("base64");
  const body = {
    model: "chat-plain",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "Hello" },
          { type: "image", source: { type: "base64", media_type: "image/png", data } },
        ],
      },
    ],
    system: "Be brief.",
    tools: [{ name: "look", description: "Looks. ".repeat(50), input_schema: { type: "object" } }],
  };
  const response = await fetch(`${gateway.url}/messages/count_tokens`, { method: "POST", body: JSON.stringify(body) });
  const { input_tokens: tokens } = (await response.json()) as { input_tokens: number };
  expect(tokens).toBeGreaterThan(Number(plain.tokens) + 1000);
  expect(tokens).toBeLessThan(Number(plain.tokens) + 1500);
});
