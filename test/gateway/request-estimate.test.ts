import { describe, expect, test } from "bun:test";
import { type Estimate, estimateOf } from "../../src/gateway/request-estimate.ts";
import { type Price, priceOf as pricedBy, usedPrice } from "../../src/prices/price.ts";
import { createRequestFacts } from "../../src/routing/request-facts.ts";
import type { Target } from "../../src/routing/target.ts";
import type { Operation } from "../../src/telemetry/request-record.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { price } from "./key-rig.ts";
import { routed } from "./routed.ts";

const { table } = routed(
  configured({
    providers: {
      a: openaiCompatibleAt("http://a.test"),
      b: openaiCompatibleAt("http://b.test"),
      c: openaiCompatibleAt("http://c.test", { protocols: ["anthropic-messages"] }),
    },
    models: {
      one: { targets: [{ provider: "a", model: "m1" }] },
      two: {
        targets: [
          { provider: "a", model: "m1" },
          { provider: "b", model: "m2" },
        ],
      },
      raced: {
        targets: [
          { provider: "a", model: "m1" },
          { provider: "b", model: "m2" },
          { provider: "b", model: "m1" },
        ],
        hedgeAfter: "1s",
      },
      brief: { targets: [{ provider: "a", model: "m1" }], parameters: { max_tokens: 300 } },
      wordy: { targets: [{ provider: "a", model: "m1", overrides: { max_tokens: 900 } }] },
      free: { targets: [{ provider: "a", model: "m1", remove: ["max_tokens"] }] },
      required: { targets: [{ provider: "c", model: "m1", remove: ["max_tokens"] }] },
      falls: { targets: [{ provider: "a", model: "m1" }], fallbacks: ["dear"] },
      dear: { targets: [{ provider: "b", model: "dear" }] },
    },
  }),
);

const prices: Record<string, Price | undefined> = { m1: price(1, 10), m2: price(2, 5), dear: price(100, 100) };

const answerTokensAt = ({ model }: Target, isWritten: boolean): number =>
  isWritten ? 6000 : model === "m2" ? 20_000 : 5000;

interface Asked {
  model?: string;
  operation?: Operation;
  priceOf?: (target: Target) => Price | undefined;
}

function estimate(body: object, { model = "one", operation = "chat", priceOf }: Asked = {}): Estimate | Target {
  const text = JSON.stringify(body);
  const headers = new Headers();
  const facts = createRequestFacts({
    text,
    headers,
    keyId: "k",
    stream: false,
    protocol: "openai-chat",
    steering: undefined,
  });
  const route = table.resolve(model, facts);
  return estimateOf({ operation, route, facts, answerTokensAt, priceOf: priceOf ?? (({ model }) => prices[model]) });
}

/** In millionths of a dollar; the prompt is measured by itself. */
function micros(body: object, asked: Asked = {}): { prompt: number; answer: number } {
  const found = estimate(body, asked);
  if (!("usd" in found)) throw new Error("not priced");
  return { prompt: found.promptUsd * 1e6, answer: (found.usd - found.promptUsd) * 1e6 };
}

const words = { messages: [{ role: "user", content: "word ".repeat(400) }] };

test("it is what the prompt and the longest answer cost", () => {
  const { prompt, answer } = micros({ ...words, max_tokens: 50 });
  expect(prompt).toBeWithin(400, 700);
  expect(answer).toBeCloseTo(500, 3);
});

describe("an answer without a bound", () => {
  test("is as long as the place's longest", () => {
    expect(micros(words).answer).toBeCloseTo(50_000, 3);
    expect(micros(words, { model: "two" }).answer).toBeCloseTo(100_000, 3);
  });

  test("is as long as the configuration lets it be, which may also count before the request's own bound", () => {
    expect(micros(words, { model: "brief" }).answer).toBeCloseTo(3000, 3);
    expect(micros({ ...words, max_tokens: 7 }, { model: "brief" }).answer).toBeCloseTo(70, 3);
    expect(micros({ ...words, max_tokens: 7 }, { model: "wordy" }).answer).toBeCloseTo(9000, 3);
    expect(micros({ ...words, max_tokens: 7 }, { model: "free" }).answer).toBeCloseTo(50_000, 3);
  });

  test("is as long as the request lets it be where a parameter cannot be taken out", () => {
    expect(micros({ ...words, max_tokens: 7000 }, { model: "free" }).answer).toBeCloseTo(50_000, 3);
    expect(micros({ ...words, max_tokens: 7000 }, { model: "required" }).answer).toBeCloseTo(70_000, 3);
  });

  test("is as long as the gateway itself lets it be where the upstream's protocol demands a bound", () => {
    expect(micros(words, { model: "required" }).answer).toBeCloseTo(60_000, 3);
  });

  test("is as long as a word lets it be that no parameter replaces", () => {
    expect(micros({ ...words, max_tokens: 7, n_predict: 8000 }, { model: "wordy" }).answer).toBeCloseTo(80_000, 3);
    expect(micros({ ...words, n_predict: 8 }, { model: "wordy" }).answer).toBeCloseTo(9000, 3);
  });
});

describe("several answers at once", () => {
  for (const many of [{ n: 4 }, { best_of: 4 }, { generationConfig: { candidateCount: 4, maxOutputTokens: 50 } }])
    test(JSON.stringify(many), () => expect(micros({ max_tokens: 50, ...many }).answer).toBeCloseTo(2000, 3));

  test("are no more than make sense, and a nonsensical number is one", () => {
    expect(micros({ max_tokens: 1, n: 1000 }).answer).toBeCloseTo(10_000, 3);
    expect(micros({ max_tokens: 1, n: 1e300 }).answer).toBeCloseTo(1e10, 3);
    for (const n of [-3, 0, "many", null, {}]) expect(micros({ max_tokens: 1, n }).answer).toBeCloseTo(10, 3);
  });
});

test("the dearest place that may serve it counts, fallbacks too", () => {
  expect(micros({ ...words, max_tokens: 1 }, { model: "two" }).prompt).toBeGreaterThan(800);
  expect(micros({ max_tokens: 1000 }, { model: "two" }).answer).toBeCloseTo(10_000, 3);
  expect(micros({ max_tokens: 1000 }, { model: "falls" }).answer).toBeCloseTo(100_000, 3);
});

test("the two dearest count where a slow one is overtaken", () => {
  expect(micros({ max_tokens: 1000 }, { model: "raced" }).answer).toBeWithin(20_000, 20_100);
});

const withoutDear = ({ model }: Target): Price | undefined => (model === "dear" ? undefined : prices[model]);

test("a place without a price is named, wherever it stands", () => {
  const priceOf = withoutDear;
  expect(estimate({}, { model: "falls", priceOf })).toMatchObject({ model: "dear", upstream: { name: "b" } });
  expect(estimate({}, { model: "one", priceOf })).toHaveProperty("usd");
});

test("what cannot be known before counts by its dearest kind", () => {
  const rates = { input: 1, output: 2, cacheWrite: 1.25, reasoning: 6, request: 0.5 };
  const dear = pricedBy(usedPrice(rates, { source: "config", asOf: "2026-11-21" }));
  const { prompt, answer } = micros({ max_tokens: 100 }, { priceOf: () => dear });
  expect(prompt).toBeGreaterThan(500_000);
  expect(answer).toBeCloseTo(600, 3);
});

test("a long prompt is charged by its own tier", () => {
  const origin = { source: "config", asOf: "2026-11-21" } as const;
  const tiered = pricedBy(usedPrice({ input: 1, output: 1 }, origin), [
    { above: 300, used: usedPrice({ input: 2, output: 3 }, origin) },
  ]);
  expect(micros({ max_tokens: 100 }, { priceOf: () => tiered }).answer).toBeCloseTo(100, 3);
  expect(micros({ ...words, max_tokens: 100 }, { priceOf: () => tiered }).answer).toBeCloseTo(300, 3);
});

test("what has no answer in tokens costs its prompt", () => {
  for (const operation of ["embeddings", "moderations", "rerank"] as const)
    expect(micros({ input: "Hi" }, { operation }).answer).toBe(0);
  expect(micros({ prompt: "Hi" }, { operation: "images" }).answer).toBeGreaterThan(0);
});
