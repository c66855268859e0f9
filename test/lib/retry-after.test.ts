import { describe, expect, test } from "bun:test";
import { parseRetryAfter } from "../../src/lib/retry-after.ts";
import { forSeeds } from "./seeded.ts";

const now = Date.parse("2026-11-20T12:00:00Z");

function secondsOf(headers: Record<string, string>): number | undefined {
  return parseRetryAfter(new Headers(headers), now);
}

test.each([
  ["0", 0],
  ["1", 1],
  ["2.5", 2.5],
  [" 30 ", 30],
  ["86400", 86_400],
  ["Fri, 20 Nov 2026 12:00:30 GMT", 30],
  ["Fri, 20 Nov 2026 13:00:00 +0100", 0],
  ["Friday, 20-Nov-26 12:01:00 GMT", 60],
  ["Fri, 20 Nov 2026 11:00:00 GMT", 0],
])("retry-after %p is %d s", (value, seconds) => {
  expect(secondsOf({ "retry-after": value })).toBe(seconds);
});

test.each([
  "",
  "-1",
  "+1",
  "1e3",
  "1e999",
  "NaN",
  "Infinity",
  "0x10",
  "1,5",
  "5 5",
  "86401",
  "9".repeat(400),
  "soon",
  "in 5 seconds",
  "Fri, 20 Nov 2027 12:00:00 GMT",
  "Fri, 99 Nov 2026 12:00:00 GMT",
])("retry-after %p makes no sense", (value) => {
  expect(secondsOf({ "retry-after": value })).toBeUndefined();
});

describe("milliseconds", () => {
  test.each(["retry-after-ms", "x-ms-retry-after-ms"])("come in %s", (name) => {
    expect(secondsOf({ [name]: "1500" })).toBe(1.5);
    expect(secondsOf({ [name]: "0.5", "retry-after": "9" })).toBe(0.0005);
  });

  test("that make no sense give way to the seconds", () => {
    for (const value of ["-1", "NaN", "", "1e999", "later"])
      expect(secondsOf({ "retry-after-ms": value, "retry-after": "9" })).toBe(9);
  });
});

test("no header is no wait", () => {
  expect(secondsOf({})).toBeUndefined();
});

test("whatever is sent gives nothing or a number of seconds of at most a day", () => {
  const pieces = ["1", "0", ".", "-", "e", " ", ":", "GMT", "Nov", "Fri,", "20", "2026", "99", "/", "T", "Z", "abc"];
  forSeeds(5000, (random) => {
    const value = Array.from({ length: random.below(8) }, () => random.pick(pieces)).join(random.pick(["", " "]));
    const seconds = secondsOf({ "retry-after": value });
    if (seconds !== undefined)
      expect({ value, isSane: seconds >= 0 && seconds <= 86_400 }).toEqual({ value, isSane: true });
  });
});
