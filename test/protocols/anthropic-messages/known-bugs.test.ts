import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocols/anthropic-messages/index.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent, StreamPart } from "../../../src/protocols/canonical/stream.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import {
  call,
  codec,
  encoded,
  newest,
  older,
  result,
  shownEvents,
  streamFor,
  targetOf,
  text,
  turn,
  viewOf,
  weatherTool,
  wire,
} from "./samples.ts";

/** Bugs that other gateways shipped, seen from Anthropic's side: what the form between says, and what must come of it. */

const start: StreamEvent = { type: "start", id: "gen-1", model: "x" };
const finish = (reason: "end" | "length" | "tool_calls"): StreamEvent => ({
  type: "finish",
  finish: { reason, raw: reason },
});
const usage = (input: number, cacheRead: number, output: number): StreamEvent => ({
  type: "usage",
  usage: { input, cacheRead, cacheWrite: undefined, output, reasoning: undefined },
  costUsd: undefined,
});

function parts(...list: [StreamPart, ...string[]][]): StreamEvent[] {
  return list.flatMap(([part, ...texts], index): StreamEvent[] => [
    { type: "part-start", index, part },
    ...texts.map((value): StreamEvent => ({ type: "part-delta", index, text: value })),
    { type: "part-stop", index },
  ]);
}

const textPart: StreamPart = { type: "text" };
const toolPart = (id: string, name = "f"): StreamPart => ({ type: "tool_call", id, name, kind: "function" });
const namesOf = (stream: string): string[] => shownEvents(stream).map(({ name }) => name);

describe("streams for Anthropic clients", () => {
  test("B01: text in the first chunk is there, once", () => {
    const stream = streamFor([start, ...parts([textPart, "Hi"]), finish("end")]);
    expect(stream.split('"text":"Hi"')).toHaveLength(2);
  });

  test("B03: a tool call in one piece has its whole input", () => {
    const stream = streamFor([
      start,
      ...parts([textPart, "I look."], [toolPart("c"), '{"city":"Paris"}']),
      finish("tool_calls"),
    ]);
    expect(wire.contentOf(stream)).toMatchObject({
      text: "I look.",
      calls: [{ name: "f", input: { city: "Paris" } }],
      finish: "tool_use",
    });
  });

  test("B05: text without calls has no input_json_delta", () => {
    expect(streamFor([start, ...parts([textPart, "x"]), finish("end")])).not.toContain("input_json_delta");
  });

  test("B07: thoughts make one message_start, and thinking_delta stands in a thinking block only", () => {
    const stream = streamFor([
      start,
      start,
      ...parts([{ type: "reasoning" }, "a", "b"], [textPart, "c"]),
      finish("end"),
    ]);
    expect(namesOf(stream).filter((name) => name === "message_start")).toHaveLength(1);
    expect(wire.contentOf(stream)).toMatchObject({ reasoning: "ab", text: "c" });
  });

  test("B09: a block's start comes before anything else of it", () => {
    const stream = streamFor([
      start,
      ...parts([toolPart("a"), "{}"], [toolPart("b")], [toolPart("c"), '{"x"', ":1}"]),
      finish("tool_calls"),
    ]);
    expect(wire.contentOf(stream).calls.map(({ input }) => input)).toEqual([{}, {}, { x: 1 }]);
  });

  test("B11: a call that the limit cut is max_tokens, and its block is closed", () => {
    const stream = streamFor([
      start,
      { type: "part-start", index: 0, part: toolPart("a") },
      { type: "part-delta", index: 0, text: '{"city":"Pa' },
      finish("length"),
    ]);
    expect(namesOf(stream).slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
    expect(wire.contentOf(stream).finish).toBe("max_tokens");
  });

  test("B13: the upstream's usage reaches message_delta", () => {
    expect(
      wire.contentOf(streamFor([start, ...parts([textPart, "x"]), usage(11, 0, 13), finish("end")])).usage,
    ).toMatchObject({ input_tokens: 11, output_tokens: 13 });
  });

  test("B15: text and a call are both kept, text first", () => {
    const stream = streamFor([start, ...parts([textPart, "So:"], [toolPart("a"), "{}"]), finish("tool_calls")]);
    expect(
      shownEvents(stream)
        .filter(({ name }) => name === "content_block_start")
        .map(({ data }) => (data["content_block"] as { type: string }).type),
    ).toEqual(["text", "tool_use"]);
  });

  test("B17, B19: cached tokens are no part of input_tokens, in a stream as in one piece", () => {
    const events = [start, ...parts([textPart, "x"]), usage(20, 2606, 5), finish("end")];
    const expected = {
      input_tokens: 20,
      cache_read_input_tokens: 2606,
      cache_creation_input_tokens: 0,
      output_tokens: 5,
    };
    expect(wire.contentOf(streamFor(events)).usage).toEqual(expected);
    const whole = codec.answer.encode(answerOfEvents(events) as Answer, viewOf()) as { usage: unknown };
    expect(whole.usage).toEqual(expected);
  });

  test("B21: of usage told twice the last counts", () => {
    const stream = streamFor([
      start,
      usage(1, 0, 1),
      ...parts([textPart, "x"]),
      usage(20, 0, 4),
      usage(20, 3, 9),
      finish("end"),
    ]);
    expect(wire.contentOf(stream).usage).toMatchObject({
      input_tokens: 20,
      cache_read_input_tokens: 3,
      output_tokens: 9,
    });
  });

  test("B39: ids are such as clients take, never the same for two, and lead back", () => {
    const ids = ["call_1", "fc_1", "call|1", "call:1", "toolu_1", "functions.get_weather:0"];
    const stream = streamFor([
      start,
      ...parts(...ids.map((id): [StreamPart, string] => [toolPart(id), "{}"])),
      finish("tool_calls"),
    ]);
    const shown = shownEvents(stream)
      .filter(({ name }) => name === "content_block_start")
      .map(({ data }) => (data["content_block"] as { id: string }).id);
    expect(new Set(shown).size).toBe(ids.length);
    expect(shown.every((id) => /^[a-zA-Z0-9_-]+$/.test(id))).toBe(true);
    const content = shown.map((id) => ({ type: "tool_result", tool_use_id: id, content: "1" }));
    const [tool] = codec.request.decode({ messages: [{ role: "user", content }] }, {}).turns;
    expect(tool?.parts.map((part) => (part as { callId: string }).callId)).toEqual(ids);
  });

  test("B59: an upstream that failed behind its headers is an error event, never an empty success", () => {
    const encoder = codec.stream.createEncoder(viewOf());
    const error = new GatewayError({ code: "upstream_error", status: 502, message: "Provider disconnected" });
    const stream = utf8OfLatin1(encoder.push(start) + encoder.push({ type: "error", error }));
    expect(wire.problemsOf(stream)).toEqual([]);
    expect(namesOf(stream)).toEqual(["error"]);
  });
});

const state = (origin: string) => ({ origin, kind: "anthropic-signature", data: "EqoB+/=" }) as const;

describe("requests for Anthropic", () => {
  const twoCalls = [
    turn("user", text("Weather?")),
    turn("assistant", call("a"), call("b")),
    turn("tool", result("a", "sunny")),
    turn("tool", result("b", "rain")),
  ];

  test("B31: two tool messages become one user turn", () => {
    const { messages } = encoded({ turns: twoCalls, tools: [weatherTool] }).body;
    expect(messages.map(({ role, content }) => [role, content.length])).toEqual([
      ["user", 1],
      ["assistant", 2],
      ["user", 2],
    ]);
  });

  test("B39: ids from elsewhere are such as Anthropic takes, in the call and in its result", () => {
    const turns = [
      turn("user", text("x")),
      turn("assistant", call("call|1"), call("orcid_x")),
      turn("tool", result("orcid_x"), result("call|1")),
    ];
    const { messages } = encoded({ turns, tools: [weatherTool] }).body;
    expect(messages[2]?.content.map((block) => block["tool_use_id"])).toEqual(
      messages[1]?.content.map((block) => block["id"]) as never,
    );
  });

  test("B41: an assistant without text has no empty text block, and its input is an object", () => {
    const turns = [
      turn("user", text("x")),
      turn("assistant", text(""), call("a", "get_weather", "")),
      turn("tool", result("a")),
    ];
    const { messages } = encoded({ turns, tools: [weatherTool] }).body;
    expect(messages[1]?.content).toEqual([{ type: "tool_use", id: "a", name: "get_weather", input: {} }]);
  });

  test("B43: no tools, no choice among them", () => {
    const { body } = encoded({ tools: [], toolChoice: { type: "required" } });
    expect([body["tools"], body["tool_choice"]]).toEqual([undefined, undefined]);
  });

  test("B45: limit, stop sequences, choice and pictures survive", () => {
    const { body } = encoded({
      maxOutputTokens: 99,
      stop: ["END"],
      tools: [weatherTool],
      toolChoice: { type: "tool", name: "get_weather" },
      turns: [
        turn("user", { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } }),
      ],
    });
    expect(body).toMatchObject({
      max_tokens: 99,
      stop_sequences: ["END"],
      tool_choice: { type: "tool", name: "get_weather" },
      messages: [{ content: [{ type: "image" }] }],
    });
  });

  test("B47: a JSON schema has neither name nor strict", () => {
    const format = { type: "schema", name: "n", description: "d", schema: { type: "object" }, strict: true } as const;
    expect(encoded({ format }).body["output_config"]).toEqual({
      format: { type: "json_schema", schema: { type: "object", additionalProperties: false, description: "d" } },
    });
  });

  test("B49: a call's foreign signature goes to nobody, and the call stays", () => {
    const signed = {
      ...(call("a") as object),
      opaque: [{ origin: "gemini", kind: "gemini-signature", data: "s" }],
    } as never;
    const { messages } = encoded({
      turns: [turn("user", text("x")), turn("assistant", signed), turn("tool", result("a"))],
      tools: [weatherTool],
    }).body;
    expect(messages[1]?.content).toEqual([
      { type: "tool_use", id: "a", name: "get_weather", input: { city: "Paris" } },
    ]);
  });

  test("B51: what this upstream signed is byte-identical, what another signed is gone", () => {
    const turns = [
      turn("user", text("x")),
      turn("assistant", { type: "reasoning", text: " hm\n", opaque: [state("claude")] }, text("a")),
      turn("user", text("y")),
      turn("assistant", { type: "reasoning", text: "no", opaque: [state("bedrock")] }, text("b")),
      turn("user", text("z")),
    ];
    const { messages } = encoded({ turns }).body;
    expect(messages[1]?.content).toEqual([
      { type: "thinking", thinking: " hm\n", signature: "EqoB+/=" },
      { type: "text", text: "a" },
    ]);
    expect(messages[3]?.content).toEqual([{ type: "text", text: "b" }]);
  });

  test("B53: newer models get no sampling and think adaptively, older ones think by a budget and drop temperature", () => {
    const wish = { temperature: 0, reasoning: { effort: "high" } } as const;
    const modern = encoded(wish, newest);
    expect(modern.body).toMatchObject({ thinking: { type: "adaptive" }, output_config: { effort: "high" } });
    expect(modern.fields).toEqual(["temperature"]);
    const old = encoded(wish, older);
    expect(old.body).toMatchObject({ thinking: { type: "enabled" } });
    expect(old.body["temperature"]).toBeUndefined();
    expect(old.fields).toEqual(["temperature"]);
    expect(
      encoded({ temperature: 0.2 }, { ...targetOf({ sampling: "all" }), model: "other" }).body["temperature"],
    ).toBe(0.2);
  });
});

test("a whole answer and a stream of it never differ in what they tell", () => {
  const answer: Answer = {
    id: "",
    model: undefined,
    parts: [
      { type: "reasoning", text: "a", opaque: [] },
      { type: "refusal", text: "b" },
    ],
    finish: { reason: "filtered", raw: "content_filter" },
    usage: undefined,
    costUsd: undefined,
  };
  const { usage: _estimate, ...whole } = wire.contentOf(JSON.stringify(codec.answer.encode(answer, viewOf())));
  expect(wire.contentOf(streamFor(eventsOfAnswer(answer)))).toMatchObject(whole);
});

test("B23: cache reads of a stream stay apart from other input, so that they are priced apart", () => {
  const events = [
    [
      "message_start",
      {
        message: {
          id: "msg_1",
          model: "c",
          usage: { input_tokens: 20, cache_read_input_tokens: 2606, cache_creation_input_tokens: 0, output_tokens: 1 },
        },
      },
    ],
    ["content_block_start", { index: 0, content_block: { type: "text", text: "" } }],
    ["content_block_delta", { index: 0, delta: { type: "text_delta", text: "Hi" } }],
    ["content_block_stop", { index: 0 }],
    ["message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 7 } }],
    ["message_stop", {}],
  ] as const;
  const stream = events
    .map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
    .join("");
  const decoder = codec.stream.createDecoder({ origin: "claude" });
  const answer = answerOfEvents([...decoder.push(stream), ...decoder.end()]);
  expect(answer?.usage).toMatchObject({ input: 20, cacheRead: 2606, output: 7 });
  const editor = anthropicMessages.createStreamEditor({ modelShown: "m", hideUsage: false, textLimit: 10 });
  editor.push(stream);
  expect(editor.observation.usage).toMatchObject({ input: 20, cacheRead: 2606, output: 7 });
});
