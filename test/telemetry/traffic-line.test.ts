import { expect, test } from "bun:test";
import { escapeField, formatTrafficLine, parseTrafficLine, unescapeField } from "../../src/telemetry/traffic-line.ts";
import { unknownUsage } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { createRandom, randomText } from "../support/random.ts";

const startedAt = Date.parse("2026-11-20T10:30:00.123Z");

test("a record becomes the eight fields of the contract", () => {
  const usage = { input: 800, cacheRead: 12, cacheWrite: 3, output: 50, reasoning: 6 };
  const record = makeRecord({ startedAt, usage, latencyMs: 1234.4, modelServed: "openai/gpt-4o-2024" });
  expect(formatTrafficLine(record)).toBe(
    "2026-11-20T10:30:00.123Z | hello | hi there | 815 | 56 | 1234 | openai/gpt-4o-2024 | orcestator",
  );
});

test("what is not known is an empty field", () => {
  const record = makeRecord({
    startedAt,
    usage: unknownUsage,
    latencyMs: Number.NaN,
    modelServed: undefined,
    modelAsked: "",
    userText: undefined,
    assistantText: undefined,
  });
  const line = formatTrafficLine(record);
  expect(line).toBe("2026-11-20T10:30:00.123Z |  |  |  |  |  |  | ");
  const expected = {
    timestamp: "2026-11-20T10:30:00.123Z",
    user: "",
    assistant: "",
    promptTokens: undefined,
    completionTokens: undefined,
    latencyMs: undefined,
    model: "",
    originalModel: "",
    status: 200,
    errorCode: undefined,
  };
  expect(parseTrafficLine(line)).toEqual(expected);
  expect(parseTrafficLine(line.trimEnd())).toEqual(expected);
});

test("separators, line ends, controls and lone surrogates are escaped as the contract says", () => {
  expect(escapeField("a|b\\c\nd\re\tf\u2028g\u2029h\u001bi\u0000j\u0085k\u009bl\u007fm\ud800n")).toBe(
    "a\\|b\\\\c\\nd\\re\\tf\\u2028g\\u2029h\\u001bi\\u0000j\\u0085k\\u009bl\\u007fm\\ud800n",
  );
  expect(escapeField(`"quotes", commas; 'and' emoji 😀 stay`)).toBe(`"quotes", commas; 'and' emoji 😀 stay`);
});

test("unescaping leaves what is no escape as it is", () => {
  expect(unescapeField("C:\\q \\u12 \\")).toBe("C:\\q \\u12 \\");
  expect(unescapeField("\\\\n")).toBe("\\n");
});

test("any text is one line of eight fields and comes back unchanged", () => {
  const random = createRandom(20261120);
  for (let round = 0; round < 20_000; round += 1) {
    const [userText, assistantText, modelServed, modelAsked] = Array.from({ length: 4 }, () => randomText(random));
    const line = formatTrafficLine(
      makeRecord({ startedAt, userText, assistantText, modelServed, modelAsked: modelAsked ?? "" }),
    );
    // eslint-disable-next-line no-control-regex
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(line.isWellFormed()).toBe(true);
    expect(line.split(" | ")).toHaveLength(8);
    expect(parseTrafficLine(line)).toMatchObject({
      status: 200,
      user: userText,
      assistant: assistantText,
      model: modelServed,
      originalModel: modelAsked,
    });
    // As it is read back: through a file in UTF-8.
    expect(Buffer.from(line).toString()).toBe(line);
  }
});

test("a request that did not complete begins its answer with status and reason", () => {
  const failed = makeRecord({
    startedAt,
    status: 503,
    endReason: "upstream_error",
    errorCode: "upstream_overloaded",
    errorMessage: "the model is | busy",
    assistantText: undefined,
  });
  expect(formatTrafficLine(failed)).toContain(" | [503 upstream_overloaded] the model is \\| busy | ");
  expect(parseTrafficLine(formatTrafficLine(failed))).toMatchObject({
    status: 503,
    errorCode: "upstream_overloaded",
    assistant: "the model is | busy",
  });
  const left = makeRecord({
    status: 499,
    endReason: "client_cancelled",
    errorMessage: "the client left",
    assistantText: "partial te",
  });
  expect(formatTrafficLine(left)).toContain(" | [499 client_cancelled] partial te | ");
  const silent = makeRecord({ status: 504, endReason: "timeout", assistantText: undefined });
  expect(formatTrafficLine(silent)).toContain(" | [504 timeout] | ");
  expect(parseTrafficLine(formatTrafficLine(silent))).toMatchObject({
    status: 504,
    errorCode: "timeout",
    assistant: "",
  });
});

test("a stream that broke keeps both its reason and what had arrived", () => {
  const broken = makeRecord({
    status: 503,
    endReason: "upstream_error",
    errorCode: "upstream_error",
    errorMessage: "connection lost",
    assistantText: "Once upon",
  });
  expect(formatTrafficLine(broken)).toContain(" | [503 upstream_error] connection lost\\nOnce upon | ");
});

test("an answer that looks like a marker does not pass for a failure", () => {
  for (const assistantText of ["[503 upstream_error] gotcha", "[499 client_cancelled]", "[200 ok] "]) {
    const line = parseTrafficLine(formatTrafficLine(makeRecord({ assistantText })));
    expect(line).toMatchObject({ status: 200, errorCode: undefined, assistant: assistantText });
  }
});

test("an error code of an upstream cannot break the marker", () => {
  const errorCode = "rate limit] | \n exceeded";
  const record = makeRecord({ status: 429, endReason: "upstream_error", errorCode, errorMessage: "slow" });
  const line = formatTrafficLine(record);
  expect(line.split(" | ")).toHaveLength(8);
  expect(parseTrafficLine(line)).toMatchObject({ status: 429, assistant: "slow\nhi there" });
});

test("other lines are not taken for requests", () => {
  for (const line of [
    "",
    "hello",
    "a | b | c | d | e | f | g | h",
    "2026-11-20T10:30:00.123Z | u | a | 1 | 2 | 3 | m",
    "2026-11-20T10:30:00.123Z | u | a | 1 | 2 | 3 | m | o | more",
    "2026-11-20T10:30:00.123Z | u | a | one | 2 | 3 | m | o",
    "2026-99-20T10:30:00.123Z | u | a | 1 | 2 | 3 | m | o",
  ]) {
    expect(parseTrafficLine(line)).toBeUndefined();
  }
});
