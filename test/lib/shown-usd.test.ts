import { expect, test } from "bun:test";
import { shownUsd } from "../../src/lib/shown-usd.ts";
import { createRandom } from "../support/random.ts";

test("the noise of binary fractions is left out", () => {
  expect(shownUsd(0.1 + 0.2)).toBe(0.3);
  expect(shownUsd(1.1 + 2.2)).toBe(3.3);
  expect(shownUsd(0.3 - 0.1 - 0.2)).toBeCloseTo(0, 15);
  expect(JSON.stringify(shownUsd(0.3 - 0.1 - 0.2))).toBe("0");
  expect(shownUsd(undefined)).toBeUndefined();
});

test("amounts of any size keep the digits that prices can have", () => {
  for (const amount of [0, 1e-9, 0.000000002, 0.000057, 0.123456789, 12.5, 1234.5678, 99_999.123456, 1e9, -0.25])
    expect(shownUsd(amount)).toBe(amount);
});

test("a sum of many amounts is shown as what they add up to", () => {
  const random = createRandom(7);
  for (let round = 0; round < 100; round += 1) {
    const billionths = Array.from({ length: 200 }, () => Math.floor(random() * 1e6));
    const sum = billionths.reduce((total, each) => total + each / 1e9, 0);
    expect(shownUsd(sum)).toBe(Number((billionths.reduce((total, each) => total + each, 0) / 1e9).toFixed(9)));
  }
});
