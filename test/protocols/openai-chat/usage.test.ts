import { describe, expect, test } from "bun:test";
import { readUsage } from "../../../src/protocols/openai-chat/usage.ts";
import { completionTokens, promptTokens } from "../../../src/telemetry/request-record.ts";
import { forSeeds } from "../../lib/seeded.ts";

const unknown = {
  input: undefined,
  cacheRead: undefined,
  cacheWrite: undefined,
  output: undefined,
  reasoning: undefined,
};

describe("usage as disjoint numbers", () => {
  test("of OpenAI: cached and reasoning tokens are taken out of the sums they are part of", () => {
    const reported = readUsage({
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 20, accepted_prediction_tokens: 0 },
    });
    expect(reported?.usage).toEqual({ input: 30, cacheRead: 60, cacheWrite: 10, output: 30, reasoning: 20 });
    expect(reported?.costUsd).toBeUndefined();
  });

  test("of a minimal server: what is not said is not known", () => {
    expect(readUsage({ prompt_tokens: 3, completion_tokens: 2 })?.usage).toEqual({ ...unknown, input: 3, output: 2 });
    expect(readUsage({ prompt_tokens: 3 })?.usage).toEqual({ ...unknown, input: 3 });
    expect(readUsage({ completion_tokens: 0 })?.usage).toEqual({ ...unknown, output: 0 });
    const nulls = {
      prompt_tokens: 3,
      completion_tokens: 2,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    };
    expect(readUsage(nulls)?.usage).toEqual({ ...unknown, input: 3, output: 2 });
  });

  test("of OpenRouter: its cost is the cost", () => {
    expect(readUsage({ prompt_tokens: 1, completion_tokens: 1, cost: 0.00014 })?.costUsd).toBe(0.00014);
    expect(readUsage({ prompt_tokens: 1, completion_tokens: 1, cost: 0 })?.costUsd).toBe(0);
    for (const cost of [null, "0.1", undefined])
      expect(readUsage({ prompt_tokens: 1, completion_tokens: 1, cost })?.costUsd).toBeUndefined();
  });

  test("of xAI: reasoning that the completion leaves out, as the total shows, is not taken off it", () => {
    const usage = readUsage({
      prompt_tokens: 12,
      completion_tokens: 1,
      total_tokens: 241,
      completion_tokens_details: { reasoning_tokens: 228 },
    })?.usage;
    expect(usage).toMatchObject({ input: 12, output: 1, reasoning: 228 });
  });

  test("of DeepSeek: the cache hit is read from the cache", () => {
    const usage = readUsage({
      prompt_tokens: 20,
      completion_tokens: 8,
      total_tokens: 28,
      prompt_cache_hit_tokens: 16,
      prompt_cache_miss_tokens: 4,
    })?.usage;
    expect(usage).toMatchObject({ input: 4, cacheRead: 16 });
  });

  test("of Moonshot: cached_tokens beside the sums counts", () => {
    const usage = readUsage({ prompt_tokens: 20, completion_tokens: 8, total_tokens: 28, cached_tokens: 5 })?.usage;
    expect(usage).toMatchObject({ input: 15, cacheRead: 5 });
  });

  test("never below zero where the parts are more than the whole", () => {
    const usage = readUsage({
      prompt_tokens: 5,
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: 9 },
      completion_tokens_details: { reasoning_tokens: 3 },
    })?.usage;
    expect(usage).toMatchObject({ input: 0, output: 0 });
  });
});

test("what is no usage is none", () => {
  for (const value of [
    undefined,
    null,
    1,
    "x",
    [],
    {},
    { total_tokens: 5 },
    { prompt_tokens: "5" },
    { prompt_tokens: null },
  ])
    expect(readUsage(value)).toBeUndefined();
});

test("numbers that count nothing are not known: negative ones, infinities", () => {
  for (const strange of [-1, Infinity, -Infinity, Number.NaN]) {
    const reported = readUsage({
      prompt_tokens: 10,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: strange, cache_write_tokens: strange },
      completion_tokens_details: { reasoning_tokens: strange },
      cost: strange,
    });
    expect({ strange, ...reported }).toEqual({
      strange,
      usage: { ...unknown, input: 10, output: 5 },
      costUsd: undefined,
    });
  }
  expect(readUsage({ prompt_tokens: -3, completion_tokens: -4 })).toBeUndefined();
});

test("whatever an upstream sends: no throw, and every number read is a count", () => {
  forSeeds(10_000, (random) => {
    const value = (): unknown =>
      random.pick([0, 1, 7, 1000, -5, 0.5, 1e300, Infinity, Number.NaN, null, "3", true, [], {}, { cached_tokens: 2 }]);
    const usage: Record<string, unknown> = {};
    for (const name of ["prompt_tokens", "completion_tokens", "total_tokens", "cost", "cached_tokens", "__proto__"])
      if (random.chance(0.7)) usage[name] = value();
    if (random.chance(0.7))
      usage["prompt_tokens_details"] = random.pick([value(), { cached_tokens: value(), cache_write_tokens: value() }]);
    if (random.chance(0.7)) usage["completion_tokens_details"] = random.pick([value(), { reasoning_tokens: value() }]);
    const reported = readUsage(usage);
    if (reported === undefined) return;
    const numbers = [
      ...Object.values(reported.usage),
      promptTokens(reported.usage),
      completionTokens(reported.usage),
      reported.costUsd,
    ];
    for (const number of numbers)
      if (number !== undefined)
        expect({ usage, isCount: Number.isFinite(number) && number >= 0 }).toEqual({ usage, isCount: true });
  });
});
