import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, FinishReason, Part } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { ollamaGenerate } from "../../../src/protocols/ollama-generate/index.ts";
import { ollamaChatWire } from "../../support/wire/ollama-chat.ts";
import { ollamaGenerateWire } from "../../support/wire/ollama-generate.ts";
import { encodeEvents } from "../whole-stream.ts";
import { valuesOf, view } from "./rig.ts";

const usage = { input: 20, cacheRead: 5, cacheWrite: 1, output: 7, reasoning: 3 };

function answer(parts: readonly Part[], changes: Partial<Answer> = {}): Answer {
  return {
    id: "up_1",
    model: "served",
    parts,
    finish: { reason: "end", raw: "stop" },
    usage,
    costUsd: undefined,
    ...changes,
  };
}

function streamed(events: Iterable<StreamEvent>, protocol = ollamaChat): string {
  return encodeEvents(protocol.codec.stream.createEncoder(view()), events);
}

const parts: Part[] = [
  { type: "reasoning", text: "Let me – 世界", opaque: [] },
  { type: "reasoning", text: "think 🤔", isSummary: true, opaque: [] },
  { type: "text", text: 'Grüße, "世界" \\ 👋🏽\n' },
  { type: "tool_call", id: "c1", name: "f", kind: "function", input: '{"city":"Zürich"}' },
  { type: "tool_call", id: "c2", name: "g", kind: "function", input: "" },
  { type: "tool_call", id: "c3", name: "h", kind: "custom", input: "free text" },
  { type: "tool_call", id: "c4", name: "i", kind: "function", input: '{"cut":' },
  { type: "refusal", text: "I won't." },
  { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } },
  { type: "image", source: { kind: "url", url: "https://x.org/a.png" } },
];

test("a stream has a line for each delta and for each call, and ends with the counts", () => {
  const stream = streamed([
    { type: "start", id: "x", model: "served" },
    { type: "part-start", index: 0, part: { type: "reasoning" } },
    { type: "part-delta", index: 0, text: "h" },
    { type: "part-delta", index: 0, text: "m" },
    { type: "part-opaque", index: 0, opaque: { origin: "o", kind: "reference", data: "d" } },
    { type: "part-stop", index: 0 },
    { type: "part-start", index: 1, part: { type: "text" } },
    { type: "part-delta", index: 1, text: "Grüße" },
    { type: "part-stop", index: 1 },
    { type: "part-start", index: 2, part: { type: "tool_call", id: "c1", name: "f", kind: "function" } },
    { type: "part-delta", index: 2, text: '{"a":' },
    { type: "part-delta", index: 2, text: '"世界"}' },
    { type: "part-stop", index: 2 },
    { type: "part-start", index: 3, part: { type: "tool_call", id: "c2", name: "g", kind: "function" } },
    { type: "part-stop", index: 3 },
    { type: "usage", usage, costUsd: 1 },
    { type: "finish", finish: { reason: "tool_calls", raw: "tool_use" } },
  ]);
  expect(ollamaChatWire.problemsOf(utf8OfLatin1(stream))).toEqual([]);
  const made = valuesOf(stream);
  expect(made.map(({ message }) => message)).toEqual([
    { role: "assistant", content: "", thinking: "h" },
    { role: "assistant", content: "", thinking: "m" },
    { role: "assistant", content: "Grüße" },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "c1", function: { index: 0, name: "f", arguments: { a: "世界" } } }],
    },
    { role: "assistant", content: "", tool_calls: [{ id: "c2", function: { index: 1, name: "g", arguments: {} } }] },
    { role: "assistant", content: "" },
  ]);
  expect(made.every(({ model }) => model === "shown")).toBe(true);
  const last = made.at(-1) ?? {};
  expect(last).toMatchObject({
    done: true,
    done_reason: "stop",
    prompt_eval_count: 26,
    eval_count: 10,
    load_duration: 0,
  });
  expect(last["total_duration"]).toBeGreaterThanOrEqual(50_000_000);
  expect(last["total_duration"]).toBe(Number(last["prompt_eval_duration"]) + Number(last["eval_duration"]));
});

for (const { protocol, wire } of [
  { protocol: ollamaChat, wire: ollamaChatWire },
  { protocol: ollamaGenerate, wire: ollamaGenerateWire },
])
  describe(protocol.id, () => {
    test("a stream says what the whole answer says, in a sound life cycle", () => {
      for (let count = 0; count <= parts.length; count += 1) {
        const made = answer(parts.slice(0, count));
        const stream = utf8OfLatin1(streamed(eventsOfAnswer(made), protocol));
        expect(wire.problemsOf(stream)).toEqual([]);
        const whole = JSON.stringify(protocol.codec.answer.encode(made, view()));
        expect(wire.problemsOf(`${whole}\n`)).toEqual([]);
        expect(wire.contentOf(stream)).toEqual(wire.contentOf(whole));
      }
    });

    const reasons: [FinishReason, string][] = [
      ["end", "stop"],
      ["stop", "stop"],
      ["length", "length"],
      ["context", "length"],
      ["tool_calls", "stop"],
      ["filtered", "stop"],
      ["pause", "stop"],
    ];
    for (const [reason, word] of reasons)
      test(`the end ${reason} is ${word}`, () => {
        const made = answer([{ type: "text", text: "x" }], { finish: { reason, raw: undefined } });
        expect(valuesOf(streamed(eventsOfAnswer(made), protocol)).at(-1)?.["done_reason"]).toBe(word);
        expect(protocol.codec.answer.encode(made, view())).toMatchObject({ done_reason: word, done: true });
      });
  });

test("a whole answer of chat holds everything in its message", () => {
  expect(ollamaChat.codec.answer.encode(answer(parts), view())).toMatchObject({
    model: "shown",
    message: {
      role: "assistant",
      content: 'Grüße, "世界" \\ 👋🏽\nI won\'t.![](https://x.org/a.png)',
      thinking: "Let me – 世界\n\nthink 🤔",
      images: ["iVBORw0KGgo="],
      tool_calls: [
        { id: "c1", function: { index: 0, name: "f", arguments: { city: "Zürich" } } },
        { id: "c2", function: { index: 1, name: "g", arguments: {} } },
        { id: "c3", function: { index: 2, name: "h", arguments: { input: "free text" } } },
        { id: "c4", function: { index: 3, name: "i", arguments: { _raw: '{"cut":' } } },
      ],
    },
    done: true,
    prompt_eval_count: 26,
    eval_count: 10,
  });
});

test("counts that are not known are left out", () => {
  const made = ollamaChat.codec.answer.encode(answer([], { usage: undefined }), view());
  expect(made).not.toContainKey("eval_count");
  expect(made).not.toContainKey("prompt_eval_count");
});

test("a model that was only loaded says so", () => {
  for (const raw of ["load", "unload"]) {
    const loaded = answer([], { finish: { reason: "end", raw }, usage: undefined });
    expect(ollamaChat.codec.answer.encode(loaded, view())).toMatchObject({
      message: { content: "" },
      done_reason: raw,
    });
    expect(valuesOf(streamed(eventsOfAnswer(loaded), ollamaGenerate))).toMatchObject([
      { response: "", done: true, done_reason: raw },
    ]);
  }
});

test("the last usage counts", () => {
  const events: StreamEvent[] = [
    { type: "start", id: "", model: undefined },
    { type: "usage", usage: { ...usage, output: 1 }, costUsd: undefined },
    { type: "usage", usage, costUsd: undefined },
    { type: "finish", finish: { reason: "end", raw: undefined } },
  ];
  expect(valuesOf(streamed(events))).toMatchObject([{ eval_count: 10 }]);
});

test("log probabilities come as Ollama's list", () => {
  const logprobs = { content: [{ token: "x", logprob: -0.1 }] };
  const made = answer([{ type: "text", text: "x" }], { logprobs });
  expect(ollamaChat.codec.answer.encode(made, view())).toMatchObject({ logprobs: logprobs.content });
  expect(valuesOf(streamed(eventsOfAnswer(made)))[1]).toMatchObject({ logprobs: logprobs.content, done: false });
  expect(valuesOf(streamed(eventsOfAnswer(answer([], { logprobs: null }))))).toHaveLength(1);
});

describe("a stream that breaks", () => {
  const error = new GatewayError({ code: "upstream_timeout", status: 504, message: "too slow – 世界" });
  const before: StreamEvent[] = [
    { type: "start", id: "", model: undefined },
    { type: "part-start", index: 0, part: { type: "text" } },
    { type: "part-delta", index: 0, text: "x" },
    { type: "part-stop", index: 0 },
    { type: "part-start", index: 1, part: { type: "tool_call", id: "c", name: "f", kind: "function" } },
    { type: "part-delta", index: 1, text: "{" },
  ];

  test("ends with the error from wherever it is, and an open call is not shown", () => {
    for (let count = 0; count <= before.length; count += 1) {
      const encoder = ollamaChat.codec.stream.createEncoder(view());
      const stream = encodeEvents(encoder, before.slice(0, count)) + encoder.fail(error);
      expect(ollamaChatWire.problemsOf(utf8OfLatin1(stream))).toEqual([]);
      expect(valuesOf(stream).at(-1)).toEqual({ error: "too slow – 世界" });
      expect(stream).not.toContain("tool_calls");
      expect(encoder.push({ type: "finish", finish: { reason: "end", raw: undefined } })).toBe("");
      expect(encoder.fail(error)).toBe("");
    }
  });

  test("by an event ends so too, and so does one whose upstream gave up", () => {
    expect(valuesOf(streamed([...before, { type: "error", error }])).at(-1)).toEqual({ error: "too slow – 世界" });
    const finish = { reason: "error" as const, raw: "MALFORMED_FUNCTION_CALL" };
    expect(JSON.stringify(valuesOf(streamed([...before, { type: "finish", finish }])).at(-1))).toContain(
      "MALFORMED_FUNCTION_CALL",
    );
    expect(() => ollamaChat.codec.answer.encode(answer([], { finish }), view())).toThrow(GatewayError);
  });
});

test("nothing comes behind the end", () => {
  const encoder = ollamaChat.codec.stream.createEncoder(view());
  for (const event of eventsOfAnswer(answer(parts))) encoder.push(event);
  expect(encoder.push({ type: "part-delta", index: 0, text: "late" })).toBe("");
  expect(encoder.fail(new GatewayError({ code: "upstream_error", status: 502, message: "late" }))).toBe("");
});

test("any halves of characters and keys that objects inherit go through", () => {
  const input = '{"__proto__":{"a":1},"constructor":2,"x":"\\ud800"}';
  const made = answer([
    { type: "text", text: "\ud83d" },
    { type: "text", text: "\ude00 \u2028" },
    { type: "tool_call", id: "c", name: "f", kind: "function", input },
  ]);
  const stream = streamed(eventsOfAnswer(made));
  expect(valuesOf(stream)[0]).toMatchObject({ message: { content: "\ud83d" } });
  expect(stream).toContain('"arguments":{"__proto__":{"a":1},"constructor":2,"x":"\\ud800"}');
});
