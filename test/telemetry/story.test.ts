import { describe, expect, test } from "bun:test";
import { storyOf } from "../../src/telemetry/story.ts";
import { unknownUsage, type RequestRecord } from "../../src/telemetry/request-record.ts";
import { forSeeds } from "../lib/seeded.ts";
import { makeRecord } from "../support/make-record.ts";
import { failoverRecord, hedgeRecord, makeAttempt, makeTrail } from "../support/make-trail.ts";
import { createRandom, randomText } from "../support/random.ts";
import { somePrice } from "../support/some-price.ts";

function lastOf(changes: Partial<RequestRecord>): string | undefined {
  return storyOf(makeRecord(changes)).at(-1);
}

describe("the story of a request", () => {
  test("tells a failover from the question to the answer, in the order of time", () => {
    expect(storyOf(failoverRecord())).toEqual([
      'key-1a2b3c4d (127.0.0.1) asked for model "smart" (openai-chat, streamed).',
      'routes[1] turned it to model "cheap".',
      "Targets were chosen by strategy weighted.",
      "The target of an earlier request could not be kept to.",
      "claude/claude-x (degraded, 3) was in line.",
      "groq/llama-x (healthy, 1) was in line.",
      "local/qwen (unhealthy) was left out: circuit open for 12 s: connection refused.",
      "At 4 ms: asked claude/claude-x, credential #1 …a1b2: upstream_overloaded (status 529) after 120 ms: claude answered 529: Overloaded.",
      "At 374 ms: asked claude/claude-x once more, credential #1 …a1b2: upstream_overloaded (status 529) after 95 ms: claude answered 529: Overloaded.",
      "At 470 ms: waited 200 ms for a place at groq.",
      "At 670 ms: turned to groq/llama-x, credential #2 …c3d4: it answered after 540 ms.",
      "It was translated into the upstream's protocol and back (lane translate).",
      "Not carried to the upstream: logit_bias, seed.",
      "Tokens: 2000 in (800 from a cache), 400 out (60 of reasoning).",
      "Cost: $0.0123, as the upstream says.",
      "It was answered with status 200 after 2.5 s, first content after 1.2 s, 4 ms of it the gateway's own work.",
    ]);
  });

  test("tells of a hedge that the slower one was called off", () => {
    expect(storyOf(hedgeRecord())).toEqual([
      'An anonymous caller (127.0.0.1) asked for model "smart" (openai-chat).',
      "It was kept to the target of an earlier request, for its prompt cache.",
      "At 3 ms: asked claude/claude-x, credential #1 …a1b2: called off after 790 ms, another was faster.",
      "At 503 ms: asked groq/llama-x as well (hedge): it answered after 290 ms.",
      "Tokens: 10 in, 5 out.",
      "Cost: not known.",
      "It was answered with status 200 after 900 ms, 1 ms of it the gateway's own work.",
    ]);
  });

  test("of a plain request is made of the record's own fields", () => {
    const record = makeRecord({ credential: "#1 …a1b2", lane: "same", overheadMs: 2, latencyMs: 150, task: "code" });
    expect(storyOf(record)).toEqual([
      'An anonymous caller (127.0.0.1) asked for model "orcestator" (openai-chat, task "code").',
      "At 2 ms: asked openrouter/openai/gpt-4o, credential #1 …a1b2: it answered after 148 ms.",
      "It was passed on in the client's own protocol (lane same).",
      "Tokens: 10 in, 5 out.",
      "Cost: not known.",
      "It was answered with status 200 after 150 ms, 2 ms of it the gateway's own work.",
    ]);
  });

  test("of a request that never went out says who refused it, and nothing of tokens", () => {
    const record = makeRecord({
      modelAsked: "",
      modelServed: undefined,
      provider: undefined,
      clientAddress: undefined,
      attempts: 0,
      usage: unknownUsage,
      usageSource: "none",
      status: 404,
      endReason: "rejected",
      errorCode: "model_not_found",
      errorMessage: "There is no such model.",
    });
    expect(storyOf(record)).toEqual([
      "An anonymous caller asked for the default model (openai-chat).",
      "The gateway refused it with status 404 after 100 ms, 1 ms of it the gateway's own work.",
      "Error: model_not_found: There is no such model.",
    ]);
  });

  test("says that more is not known of attempts that were only counted", () => {
    expect(storyOf(makeRecord({ attempts: 3 }))).toContain("Sent upstream 3 times; more is not known.");
  });

  test("says what was left out where the list was too long", () => {
    const trail = makeTrail({ omitted: { candidates: 12, attempts: 0, waits: 2 } });
    expect(storyOf(makeRecord({ trail }))).toContain(
      "12 candidates, 2 waits more were left out here: the list was too long to be kept.",
    );
  });

  test("tells another model in its turn where all happened within a millisecond", () => {
    const fallbacks = [{ model: "big", because: undefined, atMs: 3, attemptsBefore: 2 }];
    const attempts = ["one", "two", "three"].map((provider) => makeAttempt({ provider, atMs: 3 }));
    const story = storyOf(makeRecord({ trail: makeTrail({ model: "smart", fallbacks, attempts }) }));
    expect(story.slice(2, 6).map((line) => /asked \w+|went on/.exec(line)?.[0])).toEqual([
      "asked one",
      "asked two",
      "went on",
      "asked three",
    ]);
  });

  test("tells which other model was turned to, and why", () => {
    const fallbacks = [{ model: "big", because: "the prompt was too long", atMs: 50 }];
    const attempts = [makeAttempt({ outcome: "context_length_exceeded", status: 400 }), makeAttempt({ atMs: 50 })];
    const story = storyOf(makeRecord({ trail: makeTrail({ model: "smart", fallbacks, attempts }) }));
    expect(story.slice(1, 5)).toEqual([
      'It stood for model "smart".',
      "At 3 ms: asked claude/claude-x, credential #1 …a1b2: context_length_exceeded (status 400) after 120 ms.",
      'At 50 ms: went on with model "big", because the prompt was too long.',
      "At 50 ms: asked claude/claude-x, credential #1 …a1b2: it answered after 120 ms.",
    ]);
  });

  test("says what it cost and how that is known", () => {
    const usage = { ...unknownUsage, input: 1000, output: 200 };
    const priceUsed = { ...somePrice, input: 2.5, output: 10 };
    const told = (changes: Partial<RequestRecord>): string | undefined =>
      storyOf(makeRecord({ usage, ...changes })).find((sentence) => sentence.startsWith("Cost"));
    expect(told({ costUsd: 0.004, costSource: "upstream", priceUsed })).toBe("Cost: $0.004, as the upstream says.");
    expect(told({ costUsd: 0.0045, costSource: "computed", priceUsed })).toBe(
      "Cost: $0.0045: the upstream does not say, computed at $2.50 in and $10.00 out for a million tokens, as the price table of 2026-09-23 says.",
    );
    expect(told({ costUsd: 0.0045, costSource: "computed", priceUsed, usageSource: "estimated" })).toStartWith(
      "Cost: about $0.0045, of estimated tokens: the upstream does not say",
    );
    expect(told({ priceUsed: { ...priceUsed, source: "config", request: 0.01 }, usage: unknownUsage })).toBe(
      "Cost: not known; the price is $2.50 in and $10.00 out for a million tokens and $0.01 a request, as the configuration of 2026-09-23 says.",
    );
    expect(told({ priceUsed, usage: { ...usage, cacheRead: 5, cacheWrite: 5 } })).toBe(
      "Cost: not known: the price table of 2026-09-23 has no price of cache reads and cache writes; prices.models can set one.",
    );
  });

  test.each([
    ["client_cancelled", 499, "The client left with status 499 after 100 ms"],
    ["timeout", 504, "It ran out of time with status 504 after 100 ms"],
    ["shutdown", 503, "It was cut by the shutdown of the gateway with status 503 after 100 ms"],
    ["upstream_error", 503, "It failed upstream with status 503 after 100 ms"],
  ] as const)("ends with %s in words", (endReason, status, words) => {
    expect(lastOf({ endReason, status })).toStartWith(words);
  });

  test("shows an ending and a lane of a later release as they are written", () => {
    const later = makeRecord({ endReason: "evaporated" as "completed", lane: "folded" });
    expect(storyOf(later)).toContain("Lane: folded.");
    expect(storyOf(later).at(-1)).toStartWith("evaporated with status 200");
  });

  test("is safe for a terminal and of bounded length, whatever names, causes and errors hold", () => {
    forSeeds(500, (_random, seed) => {
      const next = createRandom(seed);
      const text = (): string => randomText(next) + randomText(next);
      const attempt = makeAttempt({
        provider: text(),
        model: text(),
        credential: text(),
        outcome: text(),
        cause: text(),
      });
      const candidate = { provider: text(), model: text(), state: text(), score: 1, skipped: text() };
      const trail = makeTrail({
        routedBy: text(),
        model: text(),
        strategy: text(),
        candidates: [candidate, candidate],
        attempts: [attempt],
        waits: [{ for: text(), atMs: 1, ms: 1 }],
        fallbacks: [{ model: text(), because: text(), atMs: 1 }],
      });
      const names = { keyId: text(), clientAddress: text(), protocol: text(), task: text(), lane: text() };
      const error = { errorCode: text(), errorMessage: text(), dropped: [text()], modelAsked: text() };
      for (const sentence of storyOf(makeRecord({ trail, ...names, ...error })))
        // oxlint-disable-next-line no-control-regex -- these are what is looked for
        expect(sentence).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    });
    const long = "x".repeat(1_000_000);
    const attempts = [makeAttempt({ model: long, outcome: long, cause: long })];
    const story = storyOf(
      makeRecord({ modelAsked: long, errorMessage: long, trail: makeTrail({ model: long, attempts }) }),
    );
    for (const sentence of story) expect(sentence.length).toBeLessThan(1100);
  });
});
