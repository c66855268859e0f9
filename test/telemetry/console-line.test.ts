import { describe, expect, test } from "bun:test";
import { consoleLine } from "../../src/telemetry/console-line.ts";
import { unknownUsage } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { failoverRecord, hedgeRecord, makeAttempt, makeTrail } from "../support/make-trail.ts";
import { createRandom, randomText } from "../support/random.ts";
import { forSeeds } from "../lib/seeded.ts";

describe("a line of the console", () => {
  test("says what was asked and served, how it ended, how long and how much", () => {
    const record = makeRecord({
      modelAsked: "orcestator",
      modelServed: "openai/gpt-4o",
      latencyMs: 1234,
      ttftMs: 250.4,
      usage: { ...unknownUsage, input: 10, cacheRead: 5, output: 3, reasoning: 4 },
      costUsd: 0.0123,
      attempts: 2,
    });
    expect(consoleLine(record)).toBe(
      "200 orcestator → openai/gpt-4o · 1.2 s · first token 250 ms · 15 in, 7 out · $0.0123 · 2 attempts",
    );
  });

  test("leaves out what is not known", () => {
    const record = makeRecord({ modelAsked: "m", modelServed: "m", usage: unknownUsage, latencyMs: 12 });
    expect(consoleLine(record)).toBe("200 m · 12 ms");
    expect(consoleLine(makeRecord({ modelAsked: "", modelServed: undefined, usage: unknownUsage, latencyMs: 1 }))).toBe(
      "200 (default) · 1 ms",
    );
  });

  test("shows where a request went when it was tried at more than one provider", () => {
    expect(consoleLine(failoverRecord())).toContain(" · 3 attempts claude→groq · ");
    expect(consoleLine(hedgeRecord())).toEndWith(" · 2 attempts claude→groq");
    const trail = makeTrail({ attempts: [makeAttempt(), makeAttempt({ kind: "retry" })] });
    expect(consoleLine(makeRecord({ attempts: 2, trail }))).toEndWith(" · 2 attempts");
    const back = makeTrail({ attempts: ["a", "b", "a"].map((provider) => makeAttempt({ provider })) });
    expect(consoleLine(makeRecord({ attempts: 3, trail: back }))).toEndWith(" · 3 attempts a→b→a");
  });

  test("says of an estimate that it is one, and of a half-known usage what is missing", () => {
    expect(consoleLine(makeRecord({ usageSource: "estimated" }))).toContain("10 in, 5 out (estimated)");
    expect(consoleLine(makeRecord({ usage: { ...unknownUsage, output: 5 } }))).toContain("? in, 5 out");
  });

  test("ends with the error", () => {
    expect(
      consoleLine(makeRecord({ status: 503, errorCode: "upstream_timeout", errorMessage: "Too slow." })),
    ).toEndWith(" · upstream_timeout: Too slow.");
  });

  test.each([
    [0, "$0.00"],
    [1, "$1.00"],
    [0.5, "$0.50"],
    [0.000001, "$0.000001"],
    [0.00012, "$0.00012"],
    [12.3456, "$12.3456"],
  ])("writes the cost %d as %s", (costUsd, text) => {
    expect(consoleLine(makeRecord({ costUsd }))).toContain(` ${text}`);
  });

  test("never brings a control character or a line break to the terminal, nor a text without end", () => {
    forSeeds(2000, (_random, seed) => {
      const next = createRandom(seed);
      const text = (): string => randomText(next) + randomText(next);
      const line = consoleLine(
        makeRecord({ modelAsked: text(), modelServed: text(), errorCode: "x", errorMessage: text() }),
      );
      // oxlint-disable-next-line no-control-regex -- these are what is looked for
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    });
    const long = "x".repeat(100_000);
    expect(
      consoleLine(makeRecord({ modelAsked: long, modelServed: long, errorCode: "c", errorMessage: long })).length,
    ).toBeLessThan(1000);
  });

  test("shows no invisible character that turns or breaks the text", () => {
    for (const character of ["\u202e", "\u2066", "\u200f", "\u2028", "\u2029"])
      expect(consoleLine(makeRecord({ modelAsked: `a${character}b` }))).not.toContain(character);
  });
});
