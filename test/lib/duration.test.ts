import { expect, test } from "bun:test";
import { formatDuration, maxDurationMs, parseDuration } from "../../src/lib/duration.ts";
import { forSeeds } from "./seeded.ts";

test.each([
  ["250ms", 250],
  ["5s", 5000],
  ["1.5m", 90_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["5", 5000],
  ["0", 0],
  ["0.25", 250],
  [" 10 s ", 10_000],
  ["007s", 7000],
])("%p is %d ms", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  "",
  "s",
  "-1s",
  "+1s",
  "1e3s",
  "1.s",
  ".5s",
  "5 min",
  "5S",
  "NaN",
  "Infinity",
  "1s2s",
  "0x10",
  "٣s",
  "9".repeat(400),
])("%p is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test.each([
  [0, "0ms"],
  [1, "1ms"],
  [999, "999ms"],
  [1000, "1s"],
  [1500, "1500ms"],
  [60_000, "1m"],
  [90_000, "90s"],
  [3_600_000, "1h"],
  [86_400_000, "1d"],
])("%d ms is written %p", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test("what is written reads as the same length", () => {
  forSeeds(2000, (random) => {
    const milliseconds = random.below(maxDurationMs) - (random.below(2) * random.below(1000)) / 1;
    const whole = Math.max(0, random.chance(0.5) ? milliseconds : milliseconds - (milliseconds % 60_000));
    expect(parseDuration(formatDuration(whole))).toBe(whole);
  });
});

test("the longest duration is one that a timer takes", () => {
  expect(maxDurationMs).toBe(0x7fffffff);
});
