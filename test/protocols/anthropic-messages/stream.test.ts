import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { anthropicMessages } from "../../../src/protocols/anthropic-messages/index.ts";
import type { EditorOptions } from "../../../src/protocols/protocol.ts";
import { editPieces } from "../whole-stream.ts";
import { scripts, wire } from "./samples.ts";

const options: EditorOptions = { modelShown: "smart-é", hideUsage: true, textLimit: 1000 };

function run(pieces: readonly string[], changes: Partial<EditorOptions> = {}) {
  const editor = anthropicMessages.createStreamEditor({ ...options, ...changes });
  const { output, failure } = editPieces(editor, pieces.map(latin1OfUtf8));
  return { editor, output: utf8OfLatin1(output), failure };
}

const thinking = wire.stream(scripts["thinking"] as never).events;
const tools = wire.stream(scripts["tools"] as never).events;

test("only the model's name changes", () => {
  const { output, editor } = run(thinking);
  expect(output).toBe(thinking.join("").replaceAll('"model":"claude-opus-5"', '"model":"smart-é"'));
  expect(editor.isComplete()).toBe(true);
  expect(editor.isEnded()).toBe(true);
  expect(run(thinking, { modelShown: undefined }).output).toBe(thinking.join(""));
});

test("the observation has usage, ids, text, tools and the reason", () => {
  expect(run(thinking).editor.observation).toMatchObject({
    upstreamId: "msg_02",
    model: "claude-opus-5",
    finishReason: "end_turn",
    text: "Forty-two.",
    usage: { input: 9, cacheRead: 0, cacheWrite: 0, output: 5, reasoning: 30 },
  });
  expect(run(tools).editor.observation).toMatchObject({
    finishReason: "tool_use",
    text: 'I look.[tool get_weather] {"city":"Zürich","days":[1,2]}[tool now] {}',
  });
  expect(run(tools, { textLimit: 3 }).editor.observation.text).toBe("I l");
});

test("at every split the same bytes come out and the same is observed", () => {
  for (const script of Object.values(scripts)) {
    const bytes = latin1OfUtf8(wire.stream(script).events.join(""));
    const whole = anthropicMessages.createStreamEditor(options);
    const expected = whole.push(bytes).output + whole.end().output;
    for (let at = 0; at <= bytes.length; at += 1) {
      const editor = anthropicMessages.createStreamEditor(options);
      expect(editPieces(editor, [bytes.slice(0, at), bytes.slice(at)]).output).toBe(expected);
      expect(editor.observation).toEqual(whole.observation);
    }
  }
});

const event = (value: Record<string, unknown>): string =>
  `event: ${String(value["type"])}\ndata: ${JSON.stringify(value)}\n\n`;

const has = (value: Record<string, unknown>): boolean => run([event(value)]).editor.hasContent();

const start = (content_block: unknown) => ({ type: "content_block_start", index: 0, content_block });

const delta = (value: unknown) => ({ type: "content_block_delta", index: 0, delta: value });

describe("content", () => {
  test("is text, thought, input, a tool's name and what has no delta", () => {
    for (const value of [
      delta({ type: "text_delta", text: "a" }),
      delta({ type: "thinking_delta", thinking: "a" }),
      delta({ type: "input_json_delta", partial_json: "{" }),
      start({ type: "text", text: "a" }),
      start({ type: "tool_use", id: "t", name: "f", input: {} }),
      start({ type: "redacted_thinking", data: "x" }),
      start({ type: "server_tool_use" }),
    ])
      expect([value, has(value)]).toEqual([value, true]);
  });

  test("is not the head, an empty block, an empty delta, a ping or the end", () => {
    for (const value of [
      { type: "message_start", message: { model: "m" } },
      { type: "ping" },
      start({ type: "text", text: "" }),
      start({ type: "thinking", thinking: "", signature: "" }),
      start(null),
      delta({ type: "input_json_delta", partial_json: "" }),
      delta({ type: "text_delta", text: 7 }),
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn" } },
      { type: "message_stop" },
      { type: "new_event" },
    ])
      expect([value, has(value)]).toEqual([value, false]);
  });
});

test("usage of the end wins, field by field", () => {
  const { editor } = run([
    'data: {"type":"message_start","message":{"usage":{"input_tokens":61,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":1}}}\n\n',
    'data: {"type":"message_delta","delta":{},"usage":{"input_tokens":43,"cache_read_input_tokens":null,"output_tokens":9,"cost":0.25}}\n\n',
  ]);
  expect(editor.observation).toMatchObject({
    usage: { input: 43, cacheRead: 4, cacheWrite: 3, output: 9, reasoning: undefined },
    costUsd: 0.25,
  });
});

test("an error event is a failure, and what came before it stands", () => {
  const { output, failure } = run([...thinking.slice(0, 4), wire.failureInStream("Overloaded"), ...thinking.slice(4)]);
  expect(output).toStartWith("event: message_start");
  expect(output).not.toContain("error");
  expect(failure).toMatchObject({ code: "upstream_overloaded", retryable: true });
});

test("a stream without its last event is not whole", () => {
  const { editor } = run(thinking.slice(0, -1));
  expect([editor.isComplete(), editor.isEnded()]).toEqual([false, false]);
});

test("nothing comes behind the end", () => {
  expect(run([...thinking, thinking[0] ?? ""]).output).toBe(run(thinking).output);
});

test("a broken stream ends with an error event and nothing else", () => {
  const failure = new GatewayError({
    code: "upstream_timeout",
    status: 504,
    message: "silent\n\n",
    headers: { "request-id": "req_1" },
  });
  const editor = anthropicMessages.createStreamEditor(options);
  const expected =
    'event: error\ndata: {"type":"error","error":{"type":"timeout_error","message":"silent\\n\\n"},"request_id":"req_1"}\n\n';
  expect(editor.fail?.(failure)).toBe(expected);
  expect(anthropicMessages.error.encodeInStream(failure, editor.observation, "m")).toBe(expected);
});

test("the heart-beat is a ping that no client minds", () => {
  expect(anthropicMessages.heartbeat).toBe('event: ping\ndata: {"type": "ping"}\n\n');
  const [head = "", ...rest] = thinking;
  expect(wire.problemsOf(anthropicMessages.heartbeat + head + anthropicMessages.heartbeat + rest.join(""))).toEqual([]);
  expect(anthropicMessages.streamType("events")).toBe("text/event-stream; charset=utf-8");
});
