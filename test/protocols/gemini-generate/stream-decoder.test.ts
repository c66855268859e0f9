import { describe, expect, test } from "bun:test";
import { answerOfEvents } from "../../../src/protocols/canonical/collect.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { codec, decoded, response, streamOf, wire, withPlainIds, type Json } from "./samples.ts";

const start: StreamEvent = { type: "start", id: "resp1", model: "gemini-3.8-flash" };
const usage = {
  promptTokenCount: 20,
  cachedContentTokenCount: 5,
  candidatesTokenCount: 3,
  thoughtsTokenCount: 7,
  totalTokenCount: 30,
};
const known = { input: 15, cacheRead: 5, cacheWrite: undefined, output: 3, reasoning: 7 };
const finish = (reason: string, raw = "STOP") => ({ type: "finish", finish: { reason, raw } }) as StreamEvent;

/** Only what the parts of a stream come to. */
function partEvents(...parts: readonly Json[]): StreamEvent[] {
  const events = decoded([streamOf(...parts.map((part) => response([part])), response([], { finishReason: "STOP" }))]);
  expect(grammarProblems(events)).toEqual([]);
  return withPlainIds(events).filter(({ type }) => type.startsWith("part"));
}

const call = (index: number, name: string, input: string, ...states: string[]): StreamEvent[] => [
  { type: "part-start", index, part: { type: "tool_call", id: `call ${index + 1}`, name, kind: "function" } },
  { type: "part-delta", index, text: input },
  ...states.map((data): StreamEvent => ({
    type: "part-opaque",
    index,
    opaque: { origin: "google", kind: "gemini-signature", data },
  })),
  { type: "part-stop", index },
];

describe("a stream of responses", () => {
  test("begins once, has the pieces of a text in one part, and ends with the last usage and the finish", () => {
    const first = { ...usage, candidatesTokenCount: 1 };
    const events = decoded([
      streamOf(
        response([{ text: "Grüße " }], { usage: first }),
        response([{ text: "" }], { usage }),
        response([{ text: "👋" }], { usage }),
        response([{ text: "" }], { finishReason: "STOP", usage }),
      ),
    ]);
    expect(events).toEqual([
      start,
      { type: "usage", usage: { ...known, output: 1 }, costUsd: undefined },
      { type: "part-start", index: 0, part: { type: "text" } },
      { type: "part-delta", index: 0, text: "Grüße " },
      { type: "part-delta", index: 0, text: "👋" },
      { type: "part-stop", index: 0 },
      { type: "usage", usage: known, costUsd: undefined },
      finish("end"),
    ]);
  });

  test("thoughts and text take turns", () => {
    expect(
      partEvents(
        { text: "a", thought: true },
        { text: "b", thought: true },
        { text: "c" },
        { text: "d", thought: true },
      ),
    ).toEqual([
      { type: "part-start", index: 0, part: { type: "reasoning", isSummary: true } },
      { type: "part-delta", index: 0, text: "a" },
      { type: "part-delta", index: 0, text: "b" },
      { type: "part-stop", index: 0 },
      { type: "part-start", index: 1, part: { type: "text" } },
      { type: "part-delta", index: 1, text: "c" },
      { type: "part-stop", index: 1 },
      { type: "part-start", index: 2, part: { type: "reasoning", isSummary: true } },
      { type: "part-delta", index: 2, text: "d" },
      { type: "part-stop", index: 2 },
    ]);
  });

  test("a signature behind a text, on a last part without one, is a part of its own", () => {
    const state: StreamEvent = {
      type: "part-opaque",
      index: 1,
      opaque: { origin: "google", kind: "gemini-signature", data: "Q2k=" },
    };
    const expected: StreamEvent[] = [
      { type: "part-start", index: 0, part: { type: "text" } },
      { type: "part-delta", index: 0, text: "4" },
      { type: "part-stop", index: 0 },
      { type: "part-start", index: 1, part: { type: "reasoning" } },
      state,
      { type: "part-stop", index: 1 },
    ];
    expect(partEvents({ text: "4" }, { text: "", thoughtSignature: "Q2k=" })).toEqual(expected);
    expect(partEvents({ text: "4", thoughtSignature: "Q2k=" })).toEqual(expected);
  });

  test("a signature on thoughts belongs to them, and closes them", () => {
    const types = partEvents(
      { text: "a", thought: true },
      { text: "", thought: true, thoughtSignature: "AA==" },
      { text: "b", thought: true, thoughtSignature: "BB==" },
    ).map(({ type }) => type);
    const once = ["part-start", "part-delta", "part-opaque", "part-stop"];
    expect<string[]>(types).toEqual([...once, ...once]);
  });

  test("calls side by side come whole, the first with the signature", () => {
    expect(
      partEvents(
        { functionCall: { name: "f", args: { city: "Zürich", n: 1 } }, thoughtSignature: "CiQ+/w==" },
        { functionCall: { name: "f", args: {} } },
        { functionCall: { name: "g" } },
      ),
    ).toEqual([...call(0, "f", '{"city":"Zürich","n":1}', "CiQ+/w=="), ...call(1, "f", "{}"), ...call(2, "g", "{}")]);
  });

  test("an id of the upstream's own is kept, others are made and unique", () => {
    const events = decoded([
      streamOf(
        response([
          { functionCall: { id: "lpnd", name: "f" } },
          { functionCall: { name: "f" } },
          { functionCall: { name: "f" } },
        ]),
      ),
    ]);
    const ids = events.flatMap((event) =>
      event.type === "part-start" && event.part.type === "tool_call" ? [event.part.id] : [],
    );
    expect(ids[0]).toBe("lpnd");
    expect(ids[1]).toMatch(/^call_[a-z0-9]{24}$/);
    expect(new Set(ids).size).toBe(3);
  });

  test("pictures are parts, what nobody knows is skipped", () => {
    const data = "iVBORw0KGgo=";
    expect(
      partEvents(
        { inlineData: { mimeType: "image/png", data } },
        { executableCode: { code: "1" } },
        { sound: 1 },
        { text: 5 },
        {},
      ),
    ).toEqual([
      {
        type: "part-start",
        index: 0,
        part: { type: "image", image: { type: "image", source: { kind: "base64", mediaType: "image/png", data } } },
      },
      { type: "part-stop", index: 0 },
    ]);
  });

  test("further candidates are not mixed in", () => {
    const both = {
      ...response([]),
      candidates: [
        { index: 1, content: { parts: [{ text: "b" }] }, finishReason: "SAFETY" },
        { content: { parts: [{ text: "a" }] }, finishReason: "STOP" },
      ],
    };
    const answer = answerOfEvents(decoded([streamOf(both)]));
    expect([answer?.parts, answer?.finish.reason]).toEqual([[{ type: "text", text: "a" }], "end"]);
  });

  test("log probabilities come in OpenAI's shape", () => {
    const logprobsResult = {
      chosenCandidates: [{ token: "ü", tokenId: 1, logProbability: -0.5 }],
      topCandidates: [{ candidates: [{ token: "u", logProbability: -2 }] }],
    };
    const value = { ...response([]), candidates: [{ content: { parts: [{ text: "ü" }] }, logprobsResult }] };
    expect(decoded([streamOf(value)]).at(-1)).toEqual({
      type: "logprobs",
      logprobs: {
        content: [
          { token: "ü", logprob: -0.5, bytes: [195, 188], top_logprobs: [{ token: "u", logprob: -2, bytes: [117] }] },
        ],
      },
    });
  });
});

describe("the end of a stream", () => {
  test("B25: a call and later an empty text with STOP end with tool_calls, once", () => {
    const events = decoded([
      streamOf(
        response([{ functionCall: { name: "f", args: {} } }]),
        response([{ text: "" }], { finishReason: "STOP" }),
      ),
    ]);
    expect(events.filter(({ type }) => type === "finish")).toEqual([finish("tool_calls")]);
    expect(events.at(-1)?.type).toBe("finish");
  });

  test("B27: STOP on every response is one finish, behind everything", () => {
    const stop = { finishReason: "STOP" };
    const events = decoded([
      streamOf(response([{ text: "a" }], stop), response([{ text: "b" }], stop), response([{ text: "" }], stop)),
    ]);
    expect(answerOfEvents(events)?.parts).toEqual([{ type: "text", text: "ab" }]);
    expect(events.filter(({ type }) => type === "finish")).toHaveLength(1);
    expect(events.at(-1)).toEqual(finish("end"));
  });

  test("B27: STOP first and a call behind it is still tool_calls", () => {
    const stop = { finishReason: "STOP" };
    const events = decoded([
      streamOf(response([{ text: "a" }], stop), response([{ functionCall: { name: "f" } }], stop)),
    ]);
    expect(events.at(-1)).toEqual(finish("tool_calls"));
  });

  test("B03, B09: text, then one response with the whole call: start, all arguments, stop, in this order", () => {
    const args = { path: "a.txt", lines: [1, 2] };
    const events = partEvents({ text: "I look." }, { functionCall: { name: "read", args } });
    expect(events.slice(3).map(({ type }) => type)).toEqual(["part-start", "part-delta", "part-stop"]);
    expect(
      events.flatMap((event) => (event.type === "part-delta" && event.index === 1 ? [event.text] : [])).join(""),
    ).toBe(JSON.stringify(args));
  });

  test("length beats calls: what was cut is not whole", () => {
    const events = decoded([streamOf(response([{ functionCall: { name: "f" } }], { finishReason: "MAX_TOKENS" }))]);
    expect(events.at(-1)).toEqual(finish("length", "MAX_TOKENS"));
  });

  test("every reason has its meaning", () => {
    const reasons = Object.entries({
      STOP: "end",
      MAX_TOKENS: "length",
      SAFETY: "filtered",
      RECITATION: "filtered",
      PROHIBITED_CONTENT: "filtered",
      IMAGE_SAFETY: "filtered",
      MALFORMED_FUNCTION_CALL: "error",
      UNEXPECTED_TOOL_CALL: "error",
      OTHER: "error",
      SOMETHING_NEW: "end",
      constructor: "end",
    });
    for (const [word, reason] of reasons)
      expect(decoded([streamOf(response([], { finishReason: word }))]).at(-1)).toEqual(finish(reason, word));
  });

  test("a prompt that was blocked has no candidates, and is filtered", () => {
    const blocked = {
      promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
      usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 },
    };
    expect(decoded([streamOf({ ...blocked, responseId: "r" })])).toEqual([
      { type: "start", id: "r", model: undefined },
      {
        type: "usage",
        usage: { input: 9, cacheRead: undefined, cacheWrite: undefined, output: 0, reasoning: undefined },
        costUsd: undefined,
      },
      {
        type: "usage",
        usage: { input: 9, cacheRead: undefined, cacheWrite: undefined, output: 0, reasoning: undefined },
        costUsd: undefined,
      },
      finish("filtered", "PROHIBITED_CONTENT"),
    ]);
  });

  test("a stream that was cut has no finish, but tells what it cost so far", () => {
    const events = decoded([
      streamOf(
        response([{ text: "a" }], { usage: { ...usage, candidatesTokenCount: 1 } }),
        response([{ text: "b" }], { usage }),
      ),
    ]);
    expect(events.at(-1)).toEqual({ type: "usage", usage: known, costUsd: undefined });
    expect(answerOfEvents(events)).toBeUndefined();
  });

  test("an error, in an event or bare, is the last that is heard", () => {
    const error = { error: { code: 503, message: "über", status: "UNAVAILABLE" } };
    const first = streamOf(response([{ text: "a" }]));
    for (const stream of [
      first + streamOf(error) + first,
      first + wire.failureInStream("x"),
      `${first}[${wire.failureInStream("x")}]`,
    ]) {
      const events = decoded([stream]);
      expect(events.at(-1)).toMatchObject({ type: "error", error: { code: "upstream_overloaded" } });
      expect(events.filter(({ type }) => type === "part-start")).toHaveLength(1);
    }
    const decoder = codec.stream.createDecoder({ origin: "" });
    decoder.push(streamOf(error));
    expect([decoder.isEnded(), decoder.push(first), decoder.end()]).toEqual([true, [], []]);
  });

  test("half an event is waited for", () => {
    const decoder = codec.stream.createDecoder({ origin: "" });
    expect(decoder.push("data: {")).toEqual([]);
    expect([decoder.waiting(), decoder.isEnded()]).toEqual([7, false]);
  });
});

const piece = (jsonPath: string, value: Json, willContinue = true): Json => ({
  functionCall: { partialArgs: [{ jsonPath, ...value }], ...(willContinue ? { willContinue } : {}) },
});

describe("arguments in pieces", () => {
  test("become one call, with the signature of its first part", () => {
    expect(
      partEvents(
        { functionCall: { name: "weather", willContinue: true }, thoughtSignature: "CiQ=" },
        piece("$.location", { stringValue: "Bos", willContinue: true }),
        piece("$.location", { stringValue: "ton" }),
        piece("$.days", { numberValue: 0.5 }),
        { functionCall: {} },
      ),
    ).toEqual(call(0, "weather", '{"location":"Boston","days":0.5}', "CiQ="));
  });

  test("end without a last word when a piece says that nothing follows", () => {
    expect(
      partEvents(
        { functionCall: { name: "w", willContinue: true } },
        piece("$.items[0].name", { stringValue: "a" }),
        { functionCall: { willContinue: true } },
        piece("$.items[1].name", { stringValue: "b" }, false),
        { text: "" },
      ),
    ).toEqual(call(0, "w", '{"items":[{"name":"a"},{"name":"b"}]}'));
  });

  test("end where another call, a text or the end begins", () => {
    const open = { functionCall: { name: "w", willContinue: true } };
    expect(
      partEvents(open, piece("$.a", { boolValue: true }), open, piece("$.a", { nullValue: "NULL_VALUE" })),
    ).toEqual([...call(0, "w", '{"a":true}'), ...call(1, "w", '{"a":null}')]);
    expect(partEvents(open, { text: "x" }).map(({ type }) => type)).toEqual([
      "part-start",
      "part-delta",
      "part-stop",
      "part-start",
      "part-delta",
      "part-stop",
    ]);
  });

  test("calls without arguments come as a name only", () => {
    expect(partEvents({ functionCall: { name: "now" } }, { functionCall: {} })).toEqual(call(0, "now", "{}"));
  });
});

test("a stream comes to the same answer as the whole of it, wherever it is cut", () => {
  const parts = [
    { type: "reasoning", text: "Ich denke nach 🤔", signature: "Q2lR" },
    { type: "text", text: "Grüße — 日本" },
    { type: "tool_call", id: "c1", name: "f", input: '{"q":"ü"}', signature: "CiQ=" },
  ] as const;
  const script = {
    id: "r1",
    model: "gemini-3.8-flash",
    parts,
    finish: "tool_calls" as const,
    usage: { input: 10, cacheRead: 4, cacheWrite: 0, output: 5, reasoning: 6 },
  };
  const stream = Buffer.from(wire.stream(script).events.join("")).toString("latin1");
  const whole = codec.answer.decode(JSON.parse(wire.whole(script).body), { origin: "google" });
  for (let at = 0; at <= stream.length; at += 1) {
    const events = decoded([stream.slice(0, at), stream.slice(at)]);
    expect(answerOfEvents(events)).toEqual(whole);
    if (at === 0) expect(grammarProblems(events)).toEqual([]);
  }
  expect(whole).toMatchObject({
    finish: { reason: "tool_calls" },
    usage: { input: 10, cacheRead: 4, output: 5, reasoning: 6 },
  });
});
