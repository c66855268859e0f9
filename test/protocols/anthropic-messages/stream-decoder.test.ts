import { describe, expect, test } from "bun:test";
import { answerOfEvents } from "../../../src/protocols/canonical/collect.ts";
import { latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import { parseAnswer } from "../../../src/protocols/answer-edit.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { decodePieces } from "../whole-stream.ts";
import { codec, eventsFrom, scripts, wire } from "./samples.ts";

function sse(...values: Record<string, unknown>[]): string {
  return values.map((value) => `event: ${String(value["type"])}\ndata: ${JSON.stringify(value)}\n\n`).join("");
}

const head = {
  type: "message_start",
  message: { id: "msg_1", model: "m", usage: { input_tokens: 61, output_tokens: 1 } },
};
const ending = (reason: string | null = "end_turn") => ({
  type: "message_delta",
  delta: { stop_reason: reason },
  usage: { output_tokens: 5 },
});
const stop = { type: "message_stop" };
const blockStart = (index: number, content_block: unknown) => ({ type: "content_block_start", index, content_block });
const delta = (index: number, value: unknown) => ({ type: "content_block_delta", index, delta: value });
const blockStop = (index: number) => ({ type: "content_block_stop", index });
const answerOf = (...values: Record<string, unknown>[]) => answerOfEvents(eventsFrom(sse(...values)));

describe.each(Object.entries(scripts))("the stream %p", (_name, script) => {
  const stream = wire.stream(script).events.join("");
  const whole = codec.answer.decode(parseAnswer(latin1OfUtf8(wire.whole(script).body)), { origin: "claude" });

  test("is the answer in one piece", () => {
    expect(answerOfEvents(eventsFrom(stream))).toEqual(whole);
  });

  test("is the same at every split", () => {
    const all = eventsFrom(stream);
    expect(grammarProblems(all)).toEqual([]);
    const bytes = latin1OfUtf8(stream);
    for (let at = 0; at <= bytes.length; at += 1) {
      const decoder = codec.stream.createDecoder({ origin: "claude" });
      expect(decodePieces(decoder, [bytes.slice(0, at), bytes.slice(at)])).toEqual(all);
    }
    expect(eventsFrom(stream, 1)).toEqual(all);
    expect(eventsFrom(stream.replaceAll("\n", "\r\n"), 7)).toEqual(all);
  });

  test("that is cut anywhere has no finish", () => {
    const { events } = wire.stream(script);
    for (let count = 0; count < events.length; count += 1) {
      const cut = eventsFrom(events.slice(0, count).join(""));
      expect(grammarProblems(cut)).toEqual([]);
      expect(answerOfEvents(cut)).toBeUndefined();
    }
  });
});

test("the signature belongs to its thoughts, and says who made it", () => {
  const answer = answerOfEvents(eventsFrom(wire.stream(scripts["thinking"] as never).events.join("")));
  expect(answer?.parts[0]).toEqual({
    type: "reasoning",
    text: "Let me think… 🤔",
    isSummary: undefined,
    opaque: [{ origin: "claude", kind: "anthropic-signature", data: "EqoB+/==" }],
  });
});

test("redacted thoughts come as state alone", () => {
  const answer = answerOf(
    head,
    blockStart(0, { type: "redacted_thinking", data: "xyz" }),
    blockStop(0),
    ending(),
    stop,
  );
  expect(answer?.parts).toEqual([
    {
      type: "reasoning",
      text: "",
      isSummary: undefined,
      opaque: [{ origin: "claude", kind: "anthropic-redacted", data: "xyz" }],
    },
  ]);
});

describe("usage", () => {
  test("of the end wins, field by field", () => {
    const answer = answerOf(
      { type: "message_start", message: { usage: { input_tokens: 61, cache_read_input_tokens: 5, output_tokens: 1 } } },
      {
        type: "message_delta",
        delta: { stop_reason: "end_turn" },
        usage: { input_tokens: 43, output_tokens: 50, output_tokens_details: { thinking_tokens: 30 } },
      },
      stop,
    );
    expect(answer?.usage).toEqual({ input: 43, cacheRead: 5, cacheWrite: undefined, output: 20, reasoning: 30 });
  });

  test("of a stream that was cut is known as far as it was told", () => {
    const events = eventsFrom(sse(head, blockStart(0, { type: "text", text: "" })));
    expect(events.filter(({ type }) => type === "usage")).toEqual([
      {
        type: "usage",
        usage: { input: 61, cacheRead: undefined, cacheWrite: undefined, output: 1, reasoning: undefined },
        costUsd: undefined,
      },
    ]);
  });
});

const tool = (input: unknown) => blockStart(0, { type: "tool_use", id: "t", name: "f", input });

const json = (text: string) => delta(0, { type: "input_json_delta", partial_json: text });

const inputOf = (...values: Record<string, unknown>[]) =>
  (answerOf(head, ...values, ending("tool_use"), stop)?.parts[0] as { input: string } | undefined)?.input;

const reasonOf = (reason: string | null) => answerOf(head, tool({}), blockStop(0), ending(reason), stop)?.finish.reason;

describe("a tool call", () => {
  test("without input has the input {}", () => {
    expect(inputOf(tool({}), blockStop(0))).toBe("{}");
    expect(inputOf(tool({}), json(""), blockStop(0))).toBe("{}");
    expect(inputOf(tool("x"), blockStop(0))).toBe("{}");
  });

  test("whose input stands in its start keeps it", () => {
    expect(inputOf(tool({ a: 1 }), blockStop(0))).toBe('{"a":1}');
    expect(inputOf(tool({ a: 1 }), json('{"b":2}'), blockStop(0))).toBe('{"b":2}');
  });

  test("that no stop follows ends with the message", () => {
    expect(inputOf(tool({}), json('{"a"'), json(":1}"))).toBe('{"a":1}');
  });

  test("makes the finish one, whatever the upstream says, but not a cut one", () => {
    expect([reasonOf("tool_use"), reasonOf("end_turn"), reasonOf(null)]).toEqual([
      "tool_calls",
      "tool_calls",
      "tool_calls",
    ]);
    expect(reasonOf("max_tokens")).toBe("length");
  });
});

test("text in a block's start is kept", () => {
  const answer = answerOf(
    head,
    blockStart(0, { type: "text", text: "Hel" }),
    delta(0, { type: "text_delta", text: "lo" }),
    blockStop(0),
    ending(),
    stop,
  );
  expect(answer?.parts).toEqual([{ type: "text", text: "Hello" }]);
});

test("what is not known is stepped over, and its deltas reach no other block", () => {
  const answer = answerOf(
    head,
    { type: "vendor_event", x: 1 },
    blockStart(0, { type: "text", text: "" }),
    delta(0, { type: "text_delta", text: "a" }),
    delta(0, { type: "citations_delta", citation: {} }),
    delta(0, { type: "new_delta", text: "x" }),
    blockStart(1, { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
    delta(1, { type: "input_json_delta", partial_json: '{"q":1}' }),
    blockStop(1),
    blockStart(2, { type: "web_search_tool_result", content: [] }),
    blockStop(2),
    blockStart(3, { type: "text", text: "b" }),
    blockStop(3),
    ending("pause_turn"),
    stop,
  );
  expect(answer?.parts).toEqual([
    { type: "text", text: "a" },
    { type: "text", text: "b" },
  ]);
  expect(answer?.finish).toEqual({ reason: "pause", raw: "pause_turn", stopSequence: undefined });
});

test("a refusal's explanation is part of the answer", () => {
  const answer = answerOf(
    head,
    {
      type: "message_delta",
      delta: { stop_reason: "refusal", stop_details: { type: "refusal", category: "cyber", explanation: "No." } },
    },
    stop,
  );
  expect(answer?.parts).toEqual([{ type: "refusal", text: "No." }]);
  expect(answer?.finish.reason).toBe("filtered");
});

const codeOf = (stream: string) => {
  const last = eventsFrom(stream).at(-1);
  return last?.type === "error" ? last.error.code : undefined;
};

describe("a failure", () => {
  test("in the stream is one, and ends it", () => {
    expect(codeOf(sse(head) + wire.failureInStream("Overloaded") + sse(ending(), stop))).toBe("upstream_overloaded");
    expect(codeOf(sse({ type: "error", error: "text" }))).toBe("upstream_error");
    expect(codeOf(sse({ type: "error" }))).toBe("upstream_error");
    expect(codeOf('data: {"error":{"message":"x","code":429}}\n\n')).toBe("rate_limit_exceeded");
    expect(codeOf(sse({ type: "error", error: { type: "rate_limit_error", message: "x" } }))).toBe(
      "rate_limit_exceeded",
    );
  });

  test("is not made of one broken event, but of three in a row", () => {
    const broken = "event: x\ndata: {oops\n\n";
    expect(answerOfEvents(eventsFrom(sse(head) + broken + broken + sse(ending()) + broken + sse(stop)))).toBeDefined();
    expect(codeOf(sse(head) + broken.repeat(3) + sse(stop))).toBe("upstream_invalid_response");
  });
});

test("the end of the message is the end of the stream", () => {
  const decoder = codec.stream.createDecoder({ origin: "claude" });
  decoder.push(sse(head, ending(), stop));
  expect(decoder.isEnded()).toBe(true);
  expect(decoder.push(sse(head, stop))).toEqual([]);
  expect(decoder.end()).toEqual([]);
});

test("a last event without its blank line counts when it is whole", () => {
  expect(answerOfEvents(eventsFrom(sse(head, ending(), stop).trimEnd()))).toBeDefined();
  expect(answerOfEvents(eventsFrom(sse(head, ending(), stop).slice(0, -4)))).toBeUndefined();
});

test("what waits for its end can be asked", () => {
  const decoder = codec.stream.createDecoder({ origin: "claude" });
  decoder.push("data: 12345");
  expect(decoder.waiting()).toBe(11);
});

test("content before its message, and deltas without a block, are not lost", () => {
  const answer = answerOf(
    delta(0, { type: "thinking_delta", thinking: "a" }),
    delta(1, { type: "text_delta", text: "b" }),
    ending(),
    stop,
  );
  expect(answer?.parts.map(({ type }) => type)).toEqual(["reasoning", "text"]);
});
