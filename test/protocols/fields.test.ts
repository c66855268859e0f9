import { expect, test } from "bun:test";
import { usageOfAnswer } from "../../src/protocols/any-usage.ts";
import { amountOf, countOf } from "../../src/protocols/fields.ts";

test("a count is a whole number that is not negative", () => {
  expect([26.06, 0.4, 7, 0].map(countOf)).toEqual([26, 0, 7, 0]);
  for (const value of [-1, Number.NaN, Infinity, 1e300, "7", null, undefined, {}])
    expect(countOf(value)).toBeUndefined();
});

test("an amount may be a fraction", () => {
  expect([0.0125, 3].map(amountOf)).toEqual([0.0125, 3]);
  for (const value of [-0.1, Number.NaN, Infinity, "1", null]) expect(amountOf(value)).toBeUndefined();
});

test("usage in any protocol's words has whole tokens, and its cost stays as it is", () => {
  const cost = 0.00123;
  const usages: [object, object][] = [
    [
      { prompt_tokens: 30.6, completion_tokens: 5.2, prompt_tokens_details: { cached_tokens: 26.06 }, cost },
      { input: 5, cacheRead: 26, output: 5 },
    ],
    [
      { input_tokens: 4.4, cache_read_input_tokens: 26.06, output_tokens: 5.2, cost },
      { input: 4, cacheRead: 26, output: 5 },
    ],
    [
      { input_tokens: 30.6, output_tokens: 5.2, total_tokens: 36, cost },
      { input: 31, output: 5 },
    ],
  ];
  for (const [usage, counted] of usages) {
    const seen = usageOfAnswer({ usage: { ...usage } });
    expect(seen.usage).toMatchObject(counted);
    expect(seen.costUsd).toBe(cost);
  }
});
