import { describe, expect, test } from "bun:test";
import type { LimitRefusal, Scope } from "../../src/limits/limiter.ts";
import { overloadError, refusalError } from "../../src/limits/refusal-error.ts";
import { scopeOf } from "./limiter-world.ts";

function messageOf(scope: Scope, by: LimitRefusal["by"], more: Partial<LimitRefusal> = {}): string {
  return refusalError({ scope, by, retryAfterMs: 11_001, ...more }).message;
}

describe("a refusal names the limit and the wait", () => {
  const limits = { rpm: 60, tpm: 20_000, concurrency: 4 };
  const rows: [string, string][] = [
    [
      messageOf(scopeOf("key", limits, "key-1a2b3c4d"), "rpm"),
      "The limit of 60 requests a minute for the key key-1a2b3c4d is used up; try again in 12 s.",
    ],
    [
      messageOf(scopeOf("key", { rpm: 1 }, "anonymous"), "rpm"),
      "The limit of 1 request a minute for callers without a key is used up; try again in 12 s.",
    ],
    [
      messageOf(scopeOf("model", limits, "smart"), "tpm"),
      "The limit of 20000 tokens a minute for the model smart has no room left for this request; try again in 12 s.",
    ],
    [
      messageOf(scopeOf("address", limits, "10.0.0.1"), "concurrency"),
      "The limit of 4 requests at the same time for the address 10.0.0.1 is reached; try again in 12 s.",
    ],
    [
      messageOf(scopeOf("total", limits, ""), "rpm"),
      "The limit of 60 requests a minute for all requests together is used up; try again in 12 s.",
    ],
    [
      messageOf(scopeOf("provider", limits, "groq"), "queue"),
      "All 4 places for the provider groq are taken and the queue has no room; try again in 12 s.",
    ],
    [
      messageOf(scopeOf("provider", { concurrency: 1 }, "local"), "queue", { waitedMs: 60_000 }),
      "The only place for the provider local is taken and none came free in the 60 s this request waited; try again in 12 s.",
    ],
  ];
  test.each(rows)("%s", (message, expected) => expect(message).toBe(expected));

  test("but not which credential", () => {
    const message = messageOf(scopeOf("credential", limits, "openai/#2 …a1b2"), "rpm");
    expect(message).toBe(
      "The limit of 60 requests a minute for a credential of the provider is used up; try again in 12 s.",
    );
  });
});

test("a refusal is a 429 whose Retry-After is the message's, never 0", () => {
  const scope = scopeOf("key", { rpm: 60 });
  expect(refusalError({ scope, by: "rpm", retryAfterMs: 11_001 })).toMatchObject({
    code: "rate_limit_exceeded",
    status: 429,
    retryable: false,
    retryAfterSeconds: 12,
  });
  expect(refusalError({ scope, by: "queue", retryAfterMs: 0 }).retryAfterSeconds).toBe(1);
});

test("overload is a 503 with Retry-After", () => {
  expect(overloadError({ reason: "requests", retryAfterMs: 1000 })).toMatchObject({
    code: "overloaded",
    status: 503,
    retryAfterSeconds: 1,
    message: "This gateway has as many requests at work as it may; try again in 1 s.",
  });
  expect(overloadError({ reason: "lag", retryAfterMs: 2000 })).toMatchObject({
    message: "This gateway has more to do than it can keep up with; try again in 2 s.",
    retryAfterSeconds: 2,
  });
});
