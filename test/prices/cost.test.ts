import { calcPrice } from "@pydantic/genai-prices";
import { describe, expect, test } from "bun:test";
import { costOf } from "../../src/prices/cost.ts";
import { priceAt, type Rates, usedPrice } from "../../src/prices/price.ts";
import { createPriceTable } from "../../src/prices/price-table.ts";
import { promptTokens, unknownUsage, type PriceUsed, type Usage } from "../../src/telemetry/request-record.ts";
import { forSeeds, type Random } from "../lib/seeded.ts";

function used(rates: Rates): PriceUsed {
  return usedPrice(rates, { source: "config", asOf: "2026-11-20" });
}

const full = used({ input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 });
const bare = used({ input: 3, output: 15 });

function cost(usage: Partial<Usage>, price: PriceUsed = full): number | undefined {
  return costOf({ ...unknownUsage, ...usage }, price);
}

describe("every kind of token has its price", () => {
  test.each([
    [{ input: 1_000_000, output: 0 }, 3],
    [{ input: 0, output: 1_000_000 }, 15],
    [{ input: 0, cacheRead: 1_000_000, output: 0 }, 0.3],
    [{ input: 0, cacheWrite: 1_000_000, output: 0 }, 3.75],
    [{ input: 0, output: 0, reasoning: 1_000_000 }, 15],
    [{ input: 1000, cacheRead: 20_000, cacheWrite: 3000, output: 500, reasoning: 200 }, 0.03075],
  ])("%o costs %d", (usage, dollars) => {
    expect(cost(usage)).toBe(dollars);
  });

  test("reasoning has its own where the price names one", () => {
    expect(cost({ input: 0, output: 1e6, reasoning: 1e6 }, used({ input: 2, output: 8, reasoning: 3 }))).toBe(11);
  });

  test("a fee for each request comes on top", () => {
    expect(cost({ input: 1e6, output: 0 }, used({ input: 1, output: 1, request: 0.012 }))).toBe(1.012);
  });
});

describe("what cannot be known is not known, never nothing", () => {
  test("a cache that was used and has no price", () => {
    expect(cost({ input: 10, cacheRead: 1, output: 5 }, bare)).toBeUndefined();
    expect(cost({ input: 10, cacheWrite: 1, output: 5 }, bare)).toBeUndefined();
  });

  test("a cache that was not used needs no price", () => {
    expect(cost({ input: 1e6, cacheRead: 0, cacheWrite: 0, output: 0 }, bare)).toBe(3);
    expect(cost({ input: 1e6, output: 0 }, bare)).toBe(3);
  });

  test("what the cache holds of a free prompt is free", () => {
    expect(cost({ input: 10, cacheRead: 9, cacheWrite: 9, output: 1e6 }, used({ input: 0, output: 1 }))).toBe(1);
  });

  test("input or output that nobody counted, unless it is free", () => {
    expect(cost({ output: 5 })).toBeUndefined();
    expect(cost({ input: 5 })).toBeUndefined();
    expect(cost({ input: 1e6 }, used({ input: 0.02, output: 0 }))).toBe(0.02);
    expect(cost({ input: 0, reasoning: 1e6 })).toBe(15);
  });

  test("counts that are none", () => {
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(cost({ input: wrong, output: 1 })).toBeUndefined();
      expect(cost({ input: 1, output: 1, cacheRead: wrong })).toBeUndefined();
    }
  });

  test("a request of no tokens costs nothing, which is known", () => {
    expect(cost({ input: 0, output: 0 })).toBe(0);
  });
});

/** A number as billionths, which prices of at most nine decimals are whole ones of. */
function billionths(value: number): bigint {
  return BigInt(Math.round(value * 1e9));
}

function randomPrice(random: Random): PriceUsed {
  const rate = (): number => random.below(random.pick([10, 1000, 100_000])) / random.pick([1, 100, 10_000, 1_000_000]);
  return used({ input: rate(), output: rate(), cacheRead: rate(), cacheWrite: rate(), reasoning: rate() });
}

function randomUsage(random: Random): Usage {
  const count = (): number => random.below(random.pick([2, 1000, 1_000_000]));
  return { input: count(), cacheRead: count(), cacheWrite: count(), output: count(), reasoning: count() };
}

test("the sum is exact: the nearest number to the decimal value", () => {
  forSeeds(5000, (random) => {
    const [price, usage] = [randomPrice(random), randomUsage(random)];
    const kinds = ["input", "cacheRead", "cacheWrite", "output", "reasoning"] as const;
    const exact = kinds.reduce((sum, kind) => sum + BigInt(usage[kind] ?? 0) * billionths(price[kind] ?? 0), 0n);
    const digits = exact.toString().padStart(16, "0");
    const decimal = Number(`${digits.slice(0, -15)}.${digits.slice(-15)}`);
    // Beyond 15 digits no two ways of adding agree on the last one.
    if (exact.toString().replace(/0+$/, "").length <= 15) expect(costOf(usage, price)).toBe(decimal);
    else expect(costOf(usage, price)).toBeCloseTo(decimal, 9);
  });
});

const service = { type: "openai-compatible", baseUrl: "" } as const;

test("it agrees with the price table's own calculator, for all its models with tiers, fees and hours", () => {
  const table = createPriceTable();
  const timestamp = new Date("2026-11-20T02:30:00Z");
  let compared = 0;
  forSeeds(400, (random) => {
    const [provider, models] = random.pick([
      ["anthropic", ["claude-sonnet-4-5", "claude-opus-5", "claude-haiku-4-5", "claude-opus-4-6"]],
      ["openai", ["gpt-4o", "gpt-5", "gpt-5.4", "gpt-5.6-luna", "o3", "gpt-4.1-mini"]],
      ["google", ["gemini-2.5-pro", "gemini-3.5-flash", "gemini-3-pro-preview"]],
      ["deepseek", ["deepseek-v4-flash", "deepseek-v4-pro", "deepseek-chat"]],
      ["x-ai", ["grok-4.5", "grok-4.20", "grok-code-fast-1"]],
      ["perplexity", ["sonar", "sonar-pro", "sonar-reasoning-pro"]],
    ] as const);
    const model = random.pick<string>(models);
    const price = table.find(service, model, provider)?.priceAt(timestamp.getTime());
    if (price === undefined) throw new Error(`no price of ${model}`);
    const cached = random.chance(0.5) ? {} : { cacheRead: 0, cacheWrite: 0 };
    const usage = { ...randomUsage(random), ...cached };
    const own = costOf(usage, priceAt(price, promptTokens(usage) ?? 0));
    if (own === undefined) return;
    const theirs = calcPrice(
      {
        input_tokens: promptTokens(usage),
        cache_read_tokens: usage.cacheRead,
        cache_write_tokens: usage.cacheWrite,
        output_tokens: (usage.output ?? 0) + (usage.reasoning ?? 0),
      },
      model,
      { providerId: provider, timestamp },
    );
    compared += 1;
    const expected = theirs?.total_price ?? Number.NaN;
    expect(Math.abs(own - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, expected));
  });
  expect(compared).toBeGreaterThan(150);
});
