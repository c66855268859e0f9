import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Finish, Opaque } from "../../../src/protocols/canonical/conversation.ts";
import { isSealed, openOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { encodeEvents } from "../whole-stream.ts";
import { conversationOf } from "../../support/conversation.ts";
import { codec, shownEvents, streamFor, viewOf, wire } from "./samples.ts";

const start: StreamEvent = { type: "start", id: "chatcmpl-1", model: "gpt" };
const finish = (reason: Finish["reason"] = "end"): StreamEvent => ({ type: "finish", finish: { reason, raw: reason } });

function part(
  index: number,
  value: Extract<StreamEvent, { type: "part-start" }>["part"],
  ...texts: string[]
): StreamEvent[] {
  return [
    { type: "part-start", index, part: value },
    ...texts.map((text): StreamEvent => ({ type: "part-delta", index, text })),
    { type: "part-stop", index },
  ];
}

const names = (stream: string): string[] => shownEvents(stream).map(({ name }) => name);
const signature: Opaque = { origin: "router", kind: "reasoning-details", data: '[{"type":"reasoning.text"}]' };

test("a stream is one message with blocks 0, 1, 2 and its end", () => {
  const stream = streamFor([
    start,
    ...part(0, { type: "reasoning" }, "hm", "m"),
    ...part(1, { type: "text" }, "Grüße ", "👋🏽"),
    ...part(2, { type: "tool_call", id: "call_1", name: "f", kind: "function" }, '{"a":', "1}"),
    finish("tool_calls"),
  ]);
  expect(names(stream)).toEqual([
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_delta",
    "content_block_delta",
    "content_block_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_delta",
    "content_block_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  expect(wire.contentOf(stream)).toMatchObject({
    text: "Grüße 👋🏽",
    reasoning: "hmm",
    calls: [{ name: "f", input: { a: 1 } }],
    finish: "tool_use",
  });
});

test("an answer of nothing is a message without blocks", () => {
  expect(names(streamFor([start, finish()]))).toEqual(["message_start", "message_delta", "message_stop"]);
  expect(names(streamFor([start, ...part(0, { type: "text" }), ...part(1, { type: "reasoning" }), finish()]))).toEqual([
    "message_start",
    "message_delta",
    "message_stop",
  ]);
});

const usagesOf = (events: StreamEvent[]): unknown[] =>
  shownEvents(streamFor(events)).flatMap(({ name, data }) => {
    if (name === "message_start") return [(data["message"] as { usage: unknown }).usage];
    return name === "message_delta" ? [data["usage"]] : [];
  });

describe("usage", () => {
  const usage: StreamEvent = {
    type: "usage",
    usage: { input: 20, cacheRead: 2606, cacheWrite: 0, output: 7, reasoning: 3 },
    costUsd: undefined,
  };

  test("that comes first stands in the head and at the end", () => {
    expect(usagesOf([start, usage, ...part(0, { type: "text" }, "a"), finish()])).toEqual([
      {
        input_tokens: 20,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 2606,
        output_tokens: 10,
        output_tokens_details: { thinking_tokens: 3 },
      },
      {
        input_tokens: 20,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 2606,
        output_tokens: 10,
        output_tokens_details: { thinking_tokens: 3 },
      },
    ]);
  });

  test("that comes last stands at the end; the head has the estimate", () => {
    const [head, end] = usagesOf([start, ...part(0, { type: "text" }, "a"), usage, finish()]);
    expect(head).toMatchObject({ input_tokens: 77, output_tokens: 0 });
    expect(end).toMatchObject({ input_tokens: 20, cache_read_input_tokens: 2606, output_tokens: 10 });
  });

  test("that never comes is estimated", () => {
    const [head, end] = usagesOf([start, ...part(0, { type: "text" }, "12345678"), finish()]);
    expect(head).toMatchObject({ input_tokens: 77 });
    expect(end).toEqual({
      input_tokens: 77,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 2,
    });
  });
});

const signatureOf = (stream: string): string =>
  shownEvents(stream)
    .map(({ data }) => (data["delta"] as { signature?: string } | undefined)?.signature)
    .find((token) => token !== undefined) ?? "";

describe("thoughts", () => {
  test("carry their state out in the signature", () => {
    const stream = streamFor([
      start,
      { type: "part-start", index: 0, part: { type: "reasoning" } },
      { type: "part-delta", index: 0, text: "hm" },
      { type: "part-opaque", index: 0, opaque: signature },
      { type: "part-stop", index: 0 },
      finish(),
    ]);
    expect(openOpaque(signatureOf(stream))).toEqual([signature]);
  });

  test("without any state still have a signature, which is the gateway's", () => {
    const token = signatureOf(streamFor([start, ...part(0, { type: "reasoning" }, "hm"), finish()]));
    expect(isSealed(token)).toBe(true);
    expect(openOpaque(token)).toEqual([]);
  });

  test("of state alone are a block without text", () => {
    const stream = streamFor([
      start,
      { type: "part-start", index: 0, part: { type: "reasoning" } },
      { type: "part-opaque", index: 0, opaque: signature },
      { type: "part-stop", index: 0 },
      finish(),
    ]);
    expect(wire.contentOf(stream).reasoning).toBe("");
    expect(openOpaque(signatureOf(stream))).toEqual([signature]);
  });

  test("that Anthropic has redacted stay redacted", () => {
    const redacted: Opaque = { origin: "claude", kind: "anthropic-redacted", data: "xyz" };
    const stream = streamFor([
      start,
      { type: "part-start", index: 0, part: { type: "reasoning" } },
      { type: "part-opaque", index: 0, opaque: redacted },
      { type: "part-stop", index: 0 },
      ...part(1, { type: "text" }, "ok"),
      finish(),
    ]);
    const block = shownEvents(stream)[1]?.data["content_block"] as { type: string; data: string };
    expect(block.type).toBe("redacted_thinking");
    expect(openOpaque(block.data)).toEqual([redacted]);
  });

  test("that the client does not want to see are a signature alone", () => {
    const conversation = conversationOf({ protocol: "anthropic-messages", reasoning: { isShown: false } });
    const stream = streamFor(
      [start, ...part(0, { type: "reasoning" }, "secret"), ...part(1, { type: "text" }, "ok"), finish()],
      viewOf({ conversation }),
    );
    expect(stream).not.toContain("secret");
    expect(wire.contentOf(stream)).toMatchObject({ reasoning: "", text: "ok" });
  });
});

const callEvents = (...texts: string[]): StreamEvent[] =>
  part(0, { type: "tool_call", id: "call|1", name: "f", kind: "function" }, ...texts);

describe("a tool call", () => {
  test("without input has the input {}", () => {
    const stream = streamFor([start, ...callEvents(), finish("tool_calls")]);
    expect(wire.contentOf(stream).calls).toEqual([{ name: "f", input: {} }]);
    expect(stream).toContain('"partial_json":"{}"');
  });

  test("has an id of letters that Anthropic takes, each its own", () => {
    const stream = streamFor([
      start,
      ...callEvents("{}"),
      ...part(1, { type: "tool_call", id: "call|1", name: "g", kind: "function" }, "{}"),
      ...part(2, { type: "tool_call", id: "", name: "h", kind: "function" }, "{}"),
      ...part(3, { type: "tool_call", id: "", name: "i", kind: "function" }, "{}"),
      finish("tool_calls"),
    ]);
    expect(wire.contentOf(stream).calls).toHaveLength(4);
  });

  test("of free text is an object with it", () => {
    const stream = streamFor([
      start,
      ...part(0, { type: "tool_call", id: "c", name: "patch", kind: "custom" }, '*** "Begin\n', "é\ud83d", "\ude00"),
      ...part(1, { type: "tool_call", id: "d", name: "patch", kind: "custom" }),
      finish("tool_calls"),
    ]);
    expect(wire.contentOf(stream).calls).toEqual([
      { name: "patch", input: { input: '*** "Begin\né😀' } },
      { name: "patch", input: { input: "" } },
    ]);
  });

  test("makes the stop reason tool_use, whatever the upstream called it", () => {
    for (const reason of ["end", "tool_calls", "stop"] as const)
      expect(wire.contentOf(streamFor([start, ...callEvents("{}"), finish(reason)])).finish).toBe("tool_use");
  });

  test("that was cut leaves the stop reason max_tokens", () => {
    expect(wire.contentOf(streamFor([start, ...callEvents('{"a":'), finish("length")])).finish).toBe("max_tokens");
  });
});

test.each([
  ["end", "end_turn"],
  ["length", "max_tokens"],
  ["context", "model_context_window_exceeded"],
  ["tool_calls", "end_turn"],
  ["filtered", "refusal"],
  ["pause", "pause_turn"],
] as const)("%s of a text is told as %s", (reason, told) => {
  expect(wire.contentOf(streamFor([start, ...part(0, { type: "text" }, "a"), finish(reason)])).finish).toBe(told);
});

const ending = (stop: string[], stopSequence?: string): unknown =>
  shownEvents(
    streamFor(
      [start, { type: "finish", finish: { reason: "stop", raw: "stop", stopSequence } }],
      viewOf({ conversation: conversationOf({ stop }) }),
    ),
  ).at(-2)?.data["delta"];

test("a stop sequence is named: the upstream's word, or the only one that was asked for", () => {
  expect(ending(["a", "b"], "b")).toEqual({ stop_reason: "stop_sequence", stop_sequence: "b" });
  expect(ending(["a"])).toEqual({ stop_reason: "stop_sequence", stop_sequence: "a" });
  expect(ending(["a", "b"])).toEqual({ stop_reason: "stop_sequence", stop_sequence: null });
});

test("a refusal is text, a stop reason and an explanation", () => {
  const stream = streamFor([start, ...part(0, { type: "refusal" }, "I can", "not."), finish("end")]);
  expect(wire.contentOf(stream)).toMatchObject({ text: "I cannot.", finish: "refusal" });
  expect(shownEvents(stream).at(-2)?.data["delta"]).toEqual({
    stop_reason: "refusal",
    stop_sequence: null,
    stop_details: { type: "refusal", category: null, explanation: "I cannot." },
  });
});

test("a picture is told in words", () => {
  const stream = streamFor([
    start,
    ...part(0, { type: "image", image: { type: "image", source: { kind: "url", url: "https://x/y.png" } } }),
    ...part(1, {
      type: "image",
      image: { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA" } },
    }),
    finish(),
  ]);
  expect(wire.contentOf(stream).text).toContain("https://x/y.png");
});

describe("a stream that breaks", () => {
  const failure = new GatewayError({ code: "upstream_overloaded", status: 503, message: 'é\n\ndata: "x"' });
  const whole: StreamEvent[] = [
    start,
    ...part(0, { type: "reasoning" }, "a"),
    ...part(1, { type: "text" }, "b"),
    ...part(2, { type: "tool_call", id: "c", name: "f", kind: "function" }, "{}"),
  ];

  test("ends with an error event from wherever it is, and nothing behind it", () => {
    for (let count = 0; count <= whole.length; count += 1) {
      const encoder = codec.stream.createEncoder(viewOf());
      const output = encodeEvents(encoder, whole.slice(0, count)) + encoder.fail(failure);
      expect(encoder.push(finish())).toBe("");
      expect(encoder.fail(failure)).toBe("");
      const stream = utf8OfLatin1(output);
      expect(wire.problemsOf(stream)).toEqual([]);
      expect(shownEvents(stream).at(-1)).toEqual({
        name: "error",
        data: { type: "error", error: { type: "overloaded_error", message: 'é\n\ndata: "x"' } },
      });
    }
  });

  test("by an error event, or a finish that is one, is no answer either", () => {
    for (const event of [{ type: "error", error: failure } as const, finish("error")]) {
      const encoder = codec.stream.createEncoder(viewOf());
      const output = encoder.push(start) + encoder.push(event) + encoder.push(finish());
      expect(output).toStartWith("event: error\n");
      expect(output).not.toContain("message_stop");
    }
  });

  test("says nothing more when it had ended", () => {
    const encoder = codec.stream.createEncoder(viewOf());
    encoder.push(start);
    encoder.push(finish());
    expect(encoder.fail(failure)).toBe("");
  });
});

const idOf = (id: string, answerId?: string): string => {
  const encoder = codec.stream.createEncoder(viewOf({ answerId }));
  const head = shownEvents(encoder.push({ type: "start", id, model: "m" }) + encoder.push(finish()))[0];
  return (head?.data["message"] as { id: string } | undefined)?.id ?? "";
};

test("the id is Anthropic's kind of id", () => {
  expect(idOf("msg_1")).toBe("msg_1");
  expect(idOf("x", "msg_9")).toBe("msg_9");
  expect(idOf("chatcmpl-1")).toMatch(/^msg_[a-z0-9]{24}$/);
  expect(idOf("", "resp_1")).toMatch(/^msg_/);
  expect(idOf("chatcmpl-1")).not.toBe(idOf("chatcmpl-1"));
});

test("events out of order never make two blocks overlap", () => {
  const stream = streamFor([
    start,
    { type: "part-delta", index: 0, text: "lost" },
    { type: "logprobs", logprobs: {} },
    { type: "part-start", index: 0, part: { type: "text" } },
    { type: "part-delta", index: 0, text: "a" },
    { type: "part-start", index: 1, part: { type: "reasoning" } },
    { type: "part-delta", index: 1, text: "b" },
    { type: "part-start", index: 2, part: { type: "tool_call", id: "c", name: "f", kind: "function" } },
    { type: "part-stop", index: 2 },
    { type: "part-stop", index: 2 },
    finish(),
  ]);
  expect(wire.contentOf(stream)).toMatchObject({ text: "a", reasoning: "b", calls: [{ name: "f", input: {} }] });
});

test("a whole answer and its stream say the same", () => {
  const answer = {
    id: "x",
    model: "m",
    parts: [
      { type: "reasoning", text: "hm", opaque: [signature] },
      { type: "text", text: "Grüße" },
      { type: "tool_call", id: "c|1", name: "f", kind: "function", input: "" },
      { type: "tool_call", id: "c2", name: "g", kind: "custom", input: "free" },
    ],
    finish: { reason: "tool_calls", raw: "tool_calls" },
    usage: { input: 1, cacheRead: undefined, cacheWrite: undefined, output: 2, reasoning: undefined },
    costUsd: undefined,
  } as const;
  const whole = wire.contentOf(JSON.stringify(codec.answer.encode(answer, viewOf())));
  expect(wire.contentOf(streamFor(eventsOfAnswer(answer)))).toEqual(whole);
  expect(answerOfEvents(eventsOfAnswer(answer))?.parts).toHaveLength(4);
});

test("a delta costs no more than its text", () => {
  const encoder = codec.stream.createEncoder(viewOf());
  encoder.push(start);
  encoder.push({ type: "part-start", index: 0, part: { type: "text" } });
  encoder.push({ type: "part-delta", index: 0, text: "a" });
  expect(encoder.push({ type: "part-delta", index: 0, text: "ü" })).toBe(
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\u00c3\u00bc"}}\n\n',
  );
});
