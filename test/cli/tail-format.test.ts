import { expect, test } from "bun:test";
import { createPalette } from "../../src/cli/output.ts";
import { formatCount, formatMs } from "../../src/cli/format-number.ts";
import {
  createTailRenderer,
  formatTailJson,
  matchesFilter,
  parseStatusFilter,
  type TailFilter,
} from "../../src/cli/tail-format.ts";
import { formatTrafficLine, parseTrafficLine, type TrafficLine } from "../../src/telemetry/traffic-line.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { createRandom, randomText } from "../support/random.ts";

// Local time, so that the expected columns do not depend on the machine's time zone.
const startedAt = new Date(2026, 10, 20, 10, 30, 5).getTime();

function rawOf(changes: Partial<RequestRecord> = {}): string {
  return formatTrafficLine(makeRecord({ startedAt, ...changes }));
}

function lineOf(changes: Partial<RequestRecord> = {}): TrafficLine {
  const line = parseTrafficLine(rawOf(changes));
  if (line === undefined) throw new Error("no traffic line");
  return line;
}

const failure = {
  status: 503,
  endReason: "upstream_error",
  errorCode: "upstream_overloaded",
  errorMessage: "try later",
  modelServed: undefined,
  assistantText: undefined,
} as const;
const left = { status: 499, endReason: "client_cancelled", errorCode: undefined } as const;

function renderer(width: number, mode: "people" | "raw" | "json" = "people", filter: TailFilter = {}) {
  return createTailRenderer({ mode, filter, layout: { width, colors: createPalette(false) } });
}

function passes(text: string, changes: Partial<RequestRecord>): boolean | undefined {
  return parseStatusFilter(text)?.(lineOf(changes));
}

test("columns are aligned and as wide as the terminal, with a rule where a day begins", () => {
  const render = renderer(80);
  const usage = { input: 12_345, cacheRead: undefined, cacheWrite: undefined, output: 56, reasoning: undefined };
  const shown = [
    render(
      rawOf({
        usage,
        latencyMs: 1240,
        userText: "How do I\nrestart it?",
        assistantText: "Use systemctl restart, then look",
      }),
    ),
    render(rawOf({ ...failure, latencyMs: 20 })),
    render(rawOf({ startedAt: startedAt + 24 * 60 * 60 * 1000, modelServed: "anthropic/claude-sonnet-4.5-thinking" })),
  ];
  expect(shown.join("\n")).toBe(
    [
      "── 2026-11-20 ──",
      "10:30:05 200  1.24s 12.3k→56    openai/gpt-4o      How do I r… › Use systemctl …",
      "10:30:05 503   20ms    10→5     orcestator         hello › upstream_overloaded:…",
      "── 2026-11-21 ──",
      "10:30:05 200  100ms    10→5     claude-sonnet-4.5… hello › hi there",
    ].join("\n"),
  );
});

test("no line is wider than the terminal, and none can rule it", () => {
  const random = createRandom(99);
  for (let round = 0; round < 3000; round += 1) {
    const width = 52 + Math.floor(random() * 120);
    const userText = randomText(random) + "w".repeat(Math.floor(random() * 60));
    const shown = renderer(width)(
      rawOf({ userText, assistantText: randomText(random), modelServed: randomText(random) }),
    );
    const [, line = ""] = shown?.split("\n") ?? [];
    expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
    // eslint-disable-next-line no-control-regex
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
  }
});

test("a model name of any length is cut for people only", () => {
  const name = "x".repeat(5000);
  const raw = rawOf({ modelServed: name });
  expect(renderer(Number.POSITIVE_INFINITY)(raw)).toContain(`${"x".repeat(59)}… `);
  for (const mode of ["raw", "json"] as const) {
    const layout = { width: 80, colors: createPalette(false) };
    expect(createTailRenderer({ mode, filter: {}, layout })(raw)).toContain(name);
  }
});

test("without a terminal texts are not cut", () => {
  const text = "a long question ".repeat(20).trim();
  expect(renderer(Number.POSITIVE_INFINITY)(rawOf({ userText: text }))).toContain(`${text} › hi there`);
});

test("colours say how it went, and go where they are not wanted", () => {
  const layout = { width: 100, colors: createPalette(true) };
  const render = createTailRenderer({ mode: "people", filter: {}, layout });
  expect(render(rawOf())).toContain("\u001b[32m200\u001b[39m");
  expect(render(rawOf(failure))).toContain("\u001b[31m503\u001b[39m");
  expect(render(rawOf(left))).toContain("\u001b[33m499\u001b[39m");
  expect(renderer(100)(rawOf(failure))).not.toContain("\u001b");
});

test("status filters know a status, a class, errors and successes", () => {
  expect(["503", "5xx", "5XX", "error"].map((text) => passes(text, failure))).toEqual([true, true, true, true]);
  expect(["200", "4xx", "ok"].map((text) => passes(text, failure))).toEqual([false, false, false]);
  expect(["200", "2xx", "ok", "error", "503"].map((text) => passes(text, {}))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  // A client that leaves is neither a success nor an error.
  expect(["499", "4xx", "ok", "error"].map((text) => passes(text, left))).toEqual([true, true, false, false]);
  expect(["", "50", "5x", "5xxx", "0xx", "bad"].map(parseStatusFilter)).toEqual(Array(6).fill(undefined));
});

test("filters look at both model names, the latency and every text, in any case", () => {
  const line = lineOf({ latencyMs: 2000, userText: "Where is Häuschen?", assistantText: "Over there | or not" });
  for (const filter of [
    {},
    { model: "GPT-4" },
    { model: "orcest" },
    { minLatencyMs: 2000 },
    { grep: "häuschen" },
    { grep: "there | OR" },
    { grep: "gpt-4o" },
  ]) {
    expect(matchesFilter(line, filter)).toBe(true);
  }
  for (const filter of [
    { model: "claude" },
    { minLatencyMs: 2001 },
    { grep: "nothing" },
    { model: "gpt", grep: "no" },
  ]) {
    expect(matchesFilter(line, filter)).toBe(filter.grep === "no");
  }
  expect(matchesFilter(lineOf({ latencyMs: Number.NaN }), { minLatencyMs: 0 })).toBe(false);
  expect(matchesFilter(lineOf(failure), { grep: "upstream_overloaded" })).toBe(true);
});

test("JSON has the names of the log's columns, null for what is not known, and no character that breaks a line", () => {
  const line = lineOf({ ...failure, latencyMs: Number.NaN, userText: "a\nb\u2028c\u009bd\ud800" });
  const text = formatTailJson(line);
  // eslint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  expect(JSON.parse(text)).toEqual({
    timestamp: new Date(startedAt).toISOString(),
    status: 503,
    error: "upstream_overloaded",
    user: "a\nb\u2028c\u009bd\ud800",
    assistant: "try later",
    prompt_tokens: 10,
    completion_tokens: 5,
    latency_ms: null,
    model: "",
    original_model: "orcestator",
  });
});

test("lines of another format pass as they are, but no filter", () => {
  const foreign = "hello \u001b[31mred";
  expect(renderer(80)(foreign)).toBe("hello red");
  expect(renderer(80, "raw")(foreign)).toBe(foreign);
  expect(renderer(80, "json")(foreign)).toBe('{"unparsed":"hello \\u001b[31mred"}');
  expect(renderer(80, "raw", { grep: "hello" })(foreign)).toBeUndefined();
  expect(renderer(80)("")).toBeUndefined();
});

test("raw lines stay byte for byte", () => {
  const raw = rawOf({ userText: "a | b\n\u001b" });
  expect(renderer(80, "raw")(raw)).toBe(raw);
});

test("times and counts keep to their columns", () => {
  const times = [undefined, 0, 7.6, 999.4, 999.5, 1240, 9994, 9995, 12_345, 99_949, 125_000, 3_599_400, 7_260_000];
  expect(times.map(formatMs)).toEqual([
    "",
    "0ms",
    "8ms",
    "999ms",
    "1.00s",
    "1.24s",
    "9.99s",
    "10.0s",
    "12.3s",
    "99.9s",
    "2m05s",
    "59m59s",
    "2h01m",
  ]);
  const counts = [undefined, 0, 9999, 10_000, 99_949, 99_950, 999_499, 999_500, 4_500_000];
  expect(counts.map(formatCount)).toEqual(["", "0", "9999", "10.0k", "99.9k", "100k", "999k", "1.0M", "4.5M"]);
});
