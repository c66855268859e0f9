import { expect, test } from "bun:test";
import { backoffMs } from "../../src/routing/backoff.ts";

const most = (repeat: number): number => backoffMs(repeat, () => 1);

test("the ceiling doubles with every repeat, up to 8 s", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 20, 2000].map(most)).toEqual([200, 400, 800, 1600, 3200, 6400, 8000, 8000, 8000]);
});

test("anything below the ceiling may be the wait", () => {
  for (const part of [0, 0.25, 0.5, 0.999]) expect(backoffMs(3, () => part)).toBe(Math.round(part * 1600));
  for (let count = 0; count < 1000; count += 1) {
    const wait = backoffMs(2);
    expect(wait >= 0 && wait <= 800 && Number.isInteger(wait)).toBe(true);
  }
});
