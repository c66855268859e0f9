import { expect, test } from "bun:test";
import { parsePrice, priceText } from "../../src/telemetry/pack-price.ts";
import type { PriceUsed } from "../../src/telemetry/request-record.ts";
import { forSeeds } from "../lib/seeded.ts";

const bare = { cacheRead: undefined, cacheWrite: undefined, reasoning: undefined, request: undefined };

test("a price is kept in a few characters", () => {
  const price: PriceUsed = { ...bare, input: 3, output: 15, cacheRead: 0.3, source: "table", asOf: "2026-09-23" };
  expect(priceText(price)).toBe('["table","2026-09-23",3,15,0.3]');
  expect(priceText({ ...price, cacheRead: undefined, request: 0.01 })).toBe(
    '["table","2026-09-23",3,15,null,null,null,0.01]',
  );
});

test("it comes back as it was", () => {
  forSeeds(300, (random) => {
    const rate = (): number => random.below(10_000) / random.pick([1, 1000, 1_000_000]);
    const maybe = (): number | undefined => (random.chance(0.5) ? rate() : undefined);
    const price: PriceUsed = {
      input: rate(),
      output: rate(),
      cacheRead: maybe(),
      cacheWrite: maybe(),
      reasoning: maybe(),
      request: maybe(),
      source: random.pick(["config", "list", "table"]),
      asOf: "2026-11-20",
    };
    expect(parsePrice(priceText(price))).toEqual(price);
  });
});

test("what is no price gives none", () => {
  for (const text of [
    "",
    "{}",
    "[]",
    '["table"]',
    '["guess","2026-09-23",3,15]',
    '["table","d",-1,2]',
    '["list","d","3",2]',
  ])
    expect(parsePrice(text)).toBeUndefined();
});
