import { describe, expect, test } from "bun:test";
import { rateLimitWait } from "../../src/lib/rate-limit-wait.ts";

const now = Date.parse("2026-03-01T12:00:00Z");

function wait(reset: string, remaining = "0"): number | undefined {
  return rateLimitWait({ "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset }, now);
}

describe("the wait that rate limit headers name", () => {
  test.each([
    ["1s", 1],
    ["6m0s", 360],
    ["20ms", 0.02],
    ["1h2m3.5s", 3723.5],
    ["2m59.56s", 179.56],
    ["1d", 86_400],
    ["60", 60],
    ["33011.382867", 33_011.382867],
    [" 7 ", 7],
    [String(now / 1000 + 90), 90],
    [String(now + 1500), 1.5],
    ["2026-03-01T12:00:30Z", 30],
    ["2026-03-01T14:00:30+02:00", 30],
  ])("of %s is %d seconds", (reset, seconds) => {
    expect(wait(reset)).toBeCloseTo(seconds, 6);
  });

  test.each(["", " ", "soon", "-1", "1x", "1s1", "NaN", "Infinity", "1e9", "0", "0s", "2026-99-01T00:00:00Z"])(
    "is not known from '%s'",
    (reset) => expect(wait(reset)).toBeUndefined(),
  );

  test("is not known when the time has passed", () => {
    expect(wait(String(now - 1000))).toBeUndefined();
    expect(wait("2026-03-01T11:59:59Z")).toBeUndefined();
  });

  test("is a day at most", () => {
    expect(wait("30d")).toBe(86_400);
    expect(wait(String(now + 1e10))).toBe(86_400);
  });

  test("counts only for limits that are used up", () => {
    expect(wait("5s", "1")).toBeUndefined();
    expect(wait("5s", "")).toBeUndefined();
    expect(wait("5s", "none")).toBeUndefined();
    expect(wait("5s", "-3")).toBe(5);
    expect(wait("5s", "0.0")).toBe(5);
    expect(rateLimitWait({ "x-ratelimit-remaining": "0" }, now)).toBeUndefined();
    expect(rateLimitWait({ "x-ratelimit-reset": "5s" }, now)).toBeUndefined();
    expect(rateLimitWait({}, now)).toBeUndefined();
  });

  test("is the longest where several limits are used up", () => {
    const headers = {
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "12ms",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "6m0s",
      "x-ratelimit-remaining-requests-day": "3",
      "x-ratelimit-reset-requests-day": "9h",
    };
    expect(rateLimitWait(headers, now)).toBe(360);
  });

  test("is found in Anthropic's names too", () => {
    const headers = {
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-requests-remaining": "49",
      "anthropic-ratelimit-requests-reset": "2026-03-01T12:09:00Z",
      "anthropic-ratelimit-input-tokens-remaining": "0",
      "anthropic-ratelimit-input-tokens-reset": "2026-03-01T12:00:45Z",
    };
    expect(rateLimitWait(headers, now)).toBe(45);
  });
});

test("a header of any length costs nothing", () => {
  const from = performance.now();
  expect(wait(`${"1s".repeat(50_000)}x`)).toBeUndefined();
  expect(wait("9".repeat(100_000))).toBeUndefined();
  expect(performance.now() - from).toBeLessThan(50);
});
