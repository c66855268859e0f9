import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { anthropicMessages } from "../../../src/protocols/anthropic-messages/index.ts";
import { parseAnswer } from "../../../src/protocols/answer-edit.ts";
import type { Answer, Part } from "../../../src/protocols/canonical/conversation.ts";
import { isSealed, openOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import { conversationOf } from "../../support/conversation.ts";
import { codec, scripts, viewOf, wire } from "./samples.ts";

const options = { modelShown: "smart-é", hideUsage: false, textLimit: 1000 };
const edit = (text: string) => anthropicMessages.editAnswer(latin1OfUtf8(text), options);
const origin = { origin: "claude" };

describe("an answer in one piece", () => {
  test("keeps every byte but the model's name", () => {
    const body =
      '{ "id":"msg_1", "model" : "claude-x","type":"message","content":[ {"type":"text","text":"é"} ],"usage":{"input_tokens":1.0} }';
    expect(utf8OfLatin1(edit(body).output)).toBe(body.replace("claude-x", "smart-é"));
  });

  test("is observed", () => {
    const { observation, failure } = edit(wire.whole(scripts["tools"] as never).body);
    expect(failure).toBeUndefined();
    expect(observation).toMatchObject({
      upstreamId: "msg_03",
      model: "claude-opus-5",
      finishReason: "tool_use",
      text: 'I look.[tool get_weather] {"city":"Zürich","days":[1,2]}[tool now] {}',
      usage: { input: 40, cacheRead: 0, cacheWrite: 0, output: 25, reasoning: undefined },
      contentEvents: 1,
    });
  });

  test("that is an error, or no message, is a failure", () => {
    expect(edit(wire.refusal(529, "Overloaded").body).failure).toMatchObject({ code: "upstream_overloaded" });
    expect(edit('{"error":{"message":"x","code":402}}').failure).toMatchObject({ code: "insufficient_quota" });
    expect(edit("{}").failure).toMatchObject({ code: "upstream_invalid_response", status: 502 });
    expect(() => edit("[]")).toThrow(GatewayError);
    expect(() => edit("<html>")).toThrow(GatewayError);
  });
});

describe("an answer in one piece, where a stream was asked for, becomes", () => {
  test.each(Object.entries(scripts))("the stream of %p", (_name, script) => {
    const { body } = wire.whole(script);
    const stream = utf8OfLatin1(anthropicMessages.streamOf(latin1OfUtf8(body)));
    expect(wire.problemsOf(stream)).toEqual([]);
    expect(wire.contentOf(stream)).toMatchObject({
      ...wire.contentOf(body),
      usage: { input_tokens: script.usage.input },
    });
    const editor = anthropicMessages.createStreamEditor(options);
    editor.push(latin1OfUtf8(stream));
    expect(editor.isComplete()).toBe(true);
  });

  test("a stream also with blocks that are not known, and with citations", () => {
    const content = [
      { type: "server_tool_use", id: "s", name: "web_search", input: { q: 1 } },
      { type: "web_search_tool_result", tool_use_id: "s", content: [] },
      { type: "text", text: "a", citations: [{ cited_text: "b" }] },
      null,
    ];
    const stream = anthropicMessages.streamOf(JSON.stringify({ type: "message", model: "m", content }));
    expect(stream).toContain('"citations_delta","citation":{"cited_text":"b"}');
    expect(stream).toContain('"web_search_tool_result","tool_use_id":"s"');
    expect(stream).toContain('"stop_reason":"end_turn"');
    expect(stream).toEndWith('event: message_stop\ndata: {"type":"message_stop"}\n\n');
  });
});

const decode = (value: unknown) => codec.answer.decode(value, origin);

describe("an answer from Anthropic", () => {
  test("is parts in order, with what Anthropic alone can read", () => {
    const answer = decode({
      type: "message",
      id: "msg_1",
      model: "m",
      content: [
        { type: "thinking", thinking: "hm", signature: "sig" },
        { type: "redacted_thinking", data: "xyz" },
        { type: "text", text: "a", citations: [{ cited_text: "b" }] },
        { type: "text", text: "" },
        { type: "server_tool_use" },
        7,
        { type: "tool_use", id: "t", name: "f", input: { a: [1] } },
        { type: "tool_use", input: "x" },
      ],
      stop_reason: "tool_use",
      usage: { input_tokens: 3, output_tokens: 9, output_tokens_details: { thinking_tokens: 4 } },
    });
    expect(answer).toEqual({
      id: "msg_1",
      model: "m",
      parts: [
        { type: "reasoning", text: "hm", opaque: [{ origin: "claude", kind: "anthropic-signature", data: "sig" }] },
        { type: "reasoning", text: "", opaque: [{ origin: "claude", kind: "anthropic-redacted", data: "xyz" }] },
        { type: "text", text: "a", citations: [{ cited_text: "b" }] },
        { type: "tool_call", id: "t", name: "f", kind: "function", input: '{"a":[1]}' },
        { type: "tool_call", id: "", name: "", kind: "function", input: "{}" },
      ],
      finish: { reason: "tool_calls", raw: "tool_use", stopSequence: undefined },
      usage: { input: 3, cacheRead: undefined, cacheWrite: undefined, output: 5, reasoning: 4 },
      costUsd: undefined,
    });
  });

  test.each([
    ["end_turn", "end"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "context"],
    ["refusal", "filtered"],
    ["pause_turn", "pause"],
    ["compaction", "pause"],
    ["something_new", "end"],
    ["__proto__", "end"],
    [null, "end"],
  ])("that stopped for %p ended for %p", (stop_reason, reason) => {
    expect(decode({ content: [], stop_reason }).finish.reason).toBe(reason as never);
  });

  test("names its stop sequence", () => {
    expect(decode({ content: [], stop_reason: "stop_sequence", stop_sequence: "END" }).finish.stopSequence).toBe("END");
  });

  test("that is none throws", () => {
    for (const value of [undefined, null, 7, "x", [], {}, { content: {} }])
      expect(() => decode(value)).toThrow(GatewayError);
    expect(() => decode({ type: "error", error: { type: "overloaded_error", message: "x" } })).toThrow("x");
  });
});

const answerOf = (...parts: Part[]): Answer => ({
  id: "gen-1",
  model: "gpt",
  parts,
  finish: { reason: "end", raw: "stop" },
  usage: undefined,
  costUsd: undefined,
});

const encode = (answer: Answer, view = viewOf()) => codec.answer.encode(answer, view) as Record<string, unknown>;

describe("an answer for an Anthropic client", () => {
  test("has every field that clients read", () => {
    expect(encode(answerOf({ type: "text", text: "12345" }))).toEqual({
      id: expect.stringMatching(/^msg_/),
      type: "message",
      role: "assistant",
      model: "smart",
      content: [{ type: "text", text: "12345" }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 77, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 2 },
    });
  });

  test("has blocks for what Anthropic has blocks for", () => {
    const state = { origin: "router", kind: "openai-encrypted", data: "e" } as const;
    const { content } = encode(
      answerOf(
        { type: "reasoning", text: "hm", opaque: [] },
        { type: "reasoning", text: "", opaque: [state] },
        { type: "reasoning", text: "", opaque: [] },
        { type: "reasoning", text: "", opaque: [{ origin: "c", kind: "anthropic-redacted", data: "r" }] },
        { type: "text", text: "" },
        { type: "refusal", text: "no" },
        { type: "tool_call", id: "c:1", name: "f", kind: "function", input: "{broken" },
        { type: "tool_call", id: "c2", name: "g", kind: "custom", input: "free" },
        { type: "opaque", protocol: "gemini-generate", value: {} },
        { type: "audio", source: { kind: "url", url: "https://x" } },
      ),
    ) as { content: Record<string, unknown>[] };
    expect(content.map(({ type }) => type)).toEqual([
      "thinking",
      "thinking",
      "redacted_thinking",
      "text",
      "tool_use",
      "tool_use",
    ] as never);
    expect(isSealed(String(content[0]?.["signature"]))).toBe(true);
    expect(openOpaque(String(content[1]?.["signature"]))).toEqual([state]);
    expect(content[4]).toMatchObject({ id: "orcid_Yzox", input: { _raw: "{broken" } });
    expect(content[5]).toMatchObject({ id: "c2", input: { input: "free" } });
  });

  test("hides thoughts from a client that does not want them", () => {
    const conversation = conversationOf({ reasoning: { isShown: false } });
    const { content } = encode(answerOf({ type: "reasoning", text: "secret", opaque: [] }), viewOf({ conversation }));
    expect(content).toEqual([{ type: "thinking", thinking: "", signature: expect.stringMatching(/^orc1\./) }]);
  });

  test("that ended in an error is one", () => {
    expect(() => encode({ ...answerOf(), finish: { reason: "error", raw: "error" } })).toThrow(GatewayError);
  });
});

test.each(Object.entries(scripts))("decoding and encoding %p again gives what the upstream said", (_name, script) => {
  const { body } = wire.whole(script);
  const answer = codec.answer.decode(parseAnswer(latin1OfUtf8(body)), origin);
  const again = JSON.stringify(codec.answer.encode(answer, viewOf()));
  const { usage, ...content } = wire.contentOf(body);
  expect(wire.contentOf(again)).toMatchObject(content);
  expect(usage).toMatchObject({ input_tokens: script.usage.input });
  expect(wire.contentOf(again).usage).toMatchObject({
    input_tokens: script.usage.input,
    cache_read_input_tokens: script.usage.cacheRead,
    cache_creation_input_tokens: script.usage.cacheWrite,
    output_tokens: script.usage.output + script.usage.reasoning,
  });
});
