import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Opaque, Part } from "../../../src/protocols/canonical/conversation.ts";
import type { Fields } from "../../../src/protocols/fields.ts";
import { openaiChatWire } from "../../support/wire/openai-chat.ts";
import type { Script } from "../../support/wire/wire.ts";
import { thrownBy } from "../../support/thrown-by.ts";
import { codec, contentOf, conversationOf, eventsOf, origin, streamOf, viewOf } from "./codec-rig.ts";

function decode(message: unknown, more: Fields = {}): Answer {
  const { finish_reason: finish = "stop", ...rest } = more;
  const value = {
    id: "c",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message, finish_reason: finish }],
    ...rest,
  };
  return codec.answer.decode(value, { origin });
}

function refusalOf(value: unknown): GatewayError {
  return thrownBy(() => codec.answer.decode(value, { origin }));
}

const call = (id: unknown, name: string): Fields => ({ id, type: "function", function: { name, arguments: "{}" } });

const ids = (...calls: Fields[]) =>
  decode({ content: null, tool_calls: calls }).parts.map((part) => (part.type === "tool_call" ? part.id : ""));

const signature: Opaque = { origin: "claude", kind: "anthropic-signature", data: "sig" };

describe("an upstream's answer", () => {
  test("text, thoughts, a refusal and calls", () => {
    const tool_calls = [
      {
        id: "c1",
        type: "function",
        function: { name: "f", arguments: '{"a":1}' },
        extra_content: { google: { thought_signature: "raw" } },
      },
    ];
    const answer = decode({ role: "assistant", content: "Hi", reasoning_content: "Hm", refusal: null, tool_calls });
    expect(answer).toEqual({
      id: "c",
      model: "m",
      parts: [
        { type: "reasoning", text: "Hm", opaque: [] },
        { type: "text", text: "Hi" },
        {
          type: "tool_call",
          id: "c1",
          name: "f",
          kind: "function",
          input: '{"a":1}',
          opaque: [{ origin, kind: "gemini-signature", data: "raw" }],
        },
      ],
      finish: { reason: "tool_calls", raw: "stop" },
      usage: undefined,
      costUsd: undefined,
    });
  });

  test("OpenRouter's details are kept for OpenRouter, and their text stands once", () => {
    const reasoning_details = [
      { type: "reasoning.text", text: "Hm", signature: "s", index: 0 },
      { type: "reasoning.encrypted", data: "x", index: 1 },
    ];
    expect(decode({ content: "Hi", reasoning: "Hm", reasoning_details }).parts[0]).toEqual({
      type: "reasoning",
      text: "Hm",
      opaque: [{ origin, kind: "reasoning-details", data: JSON.stringify(reasoning_details) }],
    });
  });

  test("Mistral's lists, pictures, sources and a spoken text", () => {
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "Hm" }] },
      { type: "text", text: "Hi" },
    ];
    const annotations = [{ type: "url_citation", url_citation: { url: "https://x" } }];
    expect(
      decode({ content, annotations, images: [{ type: "image_url", image_url: { url: "https://x/y.png" } }] }).parts,
    ).toEqual([
      { type: "reasoning", text: "Hm", opaque: [] },
      { type: "text", text: "Hi", citations: annotations },
      { type: "image", source: { kind: "url", url: "https://x/y.png" } },
    ]);
    expect(decode({ content: null, audio: { id: "a", data: "AAAA", transcript: "Hello" } }).parts).toEqual([
      { type: "text", text: "Hello" },
    ]);
  });

  test("calls without ids get one each, also when all have the same", () => {
    expect(ids(call(null, "f"), call(undefined, "f"))).toEqual([
      expect.stringMatching(/^call_/),
      expect.stringMatching(/^call_/),
    ]);
    const [first, second, third] = ids(call("same", "f"), call("same", "f"), call("same", "g"));
    expect(new Set([first, second, third]).size).toBe(3);
    expect(first).toBe("same");
  });

  test("a function of before tools, and arguments as an object", () => {
    expect(
      decode({ content: null, function_call: { name: "f", arguments: { a: 1 } } }, { finish_reason: "function_call" }),
    ).toMatchObject({
      parts: [{ type: "tool_call", name: "f", input: '{"a":1}' }],
      finish: { reason: "tool_calls" },
    });
  });

  test("failures that came with status 200 are thrown as what they are", () => {
    expect(refusalOf({ error: { message: "slow down", code: 429 } })).toMatchObject({
      status: 429,
      code: "rate_limit_exceeded",
    });
    expect(refusalOf([{ error: { message: "busy", code: 503 } }])).toMatchObject({ code: "upstream_overloaded" });
    expect(refusalOf({ object: "error", message: "bad", code: 400 })).toMatchObject({ code: "invalid_request" });
    expect(refusalOf({ choices: [{ message: {}, error: { message: "mid", code: 502 } }] })).toMatchObject({
      message: "mid",
    });
    expect(refusalOf({ choices: [{ message: {}, finish_reason: "error" }] })).toMatchObject({ code: "upstream_error" });
    expect(refusalOf({ choices: [{ message: {}, finish_reason: "insufficient_system_resource" }] })).toMatchObject({
      code: "upstream_overloaded",
    });
    expect(refusalOf({ choices: [{ message: { tool_calls: [{ id: "c", function: {} }] } }] })).toMatchObject({
      code: "upstream_invalid_response",
    });
  });

  test("what is no answer is refused", () => {
    for (const value of [null, 7, "x", [], {}, { choices: [] }, { choices: null }, { choices: [null] }])
      expect(refusalOf(value)).toMatchObject({ status: 502, code: "upstream_invalid_response" });
  });
});

function encode(
  parts: readonly Part[],
  changes: Partial<Answer> = {},
  view: Parameters<typeof viewOf>[0] = {},
): Fields {
  const answer: Answer = {
    id: "msg_1",
    model: "u",
    parts,
    finish: { reason: "end", raw: undefined },
    usage: undefined,
    costUsd: undefined,
    ...changes,
  };
  return codec.answer.encode(answer, viewOf(view)) as Fields;
}

function messageOf(parts: readonly Part[], view: Parameters<typeof viewOf>[0] = {}): Fields {
  return (encode(parts, {}, view)["choices"] as { message: Fields }[])[0]?.message ?? {};
}

describe("a client's answer", () => {
  test("has all that the schema requires", () => {
    expect(encode([{ type: "text", text: "Hi" }])).toEqual({
      id: "msg_1",
      object: "chat.completion",
      created: 1_790_000_000,
      model: "shown-ü",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hi", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
    });
    expect(messageOf([])).toEqual({ role: "assistant", content: null, refusal: null });
    expect(encode([], { id: "" })["id"]).toMatch(/^chatcmpl-/);
  });

  test("shows thoughts with an id, and with their text beside their state", () => {
    const message = messageOf([
      { type: "reasoning", text: "Hm", opaque: [signature] },
      { type: "text", text: "Hi" },
    ]);
    expect(message).toMatchObject({
      reasoning_content: "Hm",
      reasoning: "Hm",
      reasoning_details: [{ type: "reasoning.text", text: "Hm", format: "orcestator-v1", index: 0 }],
    });
    expect(message["cot_id"]).toMatch(/^rsn_/);
    const [turn] = codec.request.decode({ messages: [message] }, {}).turns;
    const reference = { origin: "", kind: "reference", data: message["cot_id"] } as Opaque;
    expect(turn?.parts[0]).toEqual({ type: "reasoning", text: "Hm", opaque: [signature, reference] });
  });

  test("shows calls, with `{}` for none, and one function to who knows no tools", () => {
    const call: Part = { type: "tool_call", id: "c", name: "f", kind: "function", input: "" };
    expect(messageOf([call])["tool_calls"]).toEqual([
      { id: "c", type: "function", function: { name: "f", arguments: "{}" } },
    ]);
    const legacy = messageOf([call, call], { body: { functions: [{ name: "f" }] } });
    expect(legacy["function_call"]).toEqual({ name: "f", arguments: "{}" });
    expect(legacy).not.toContainKey("tool_calls");
    const conversation = conversationOf({ tools: [{ name: "f", kind: "custom" }] });
    expect(messageOf([{ ...call, input: '{"input":"x"}' }], { conversation })["tool_calls"]).toEqual([
      { id: "c", type: "custom", custom: { name: "f", input: "x" } },
    ]);
  });

  test("shows pictures, sources of its own kind, log probabilities and usage", () => {
    const citations = [{ type: "url_citation", url_citation: { url: "https://x" } }, { type: "char_location" }];
    const parts: Part[] = [
      { type: "text", text: "Hi", citations },
      { type: "image", source: { kind: "url", url: "https://x/y.png" } },
    ];
    const logprobs = { content: [] };
    const usage = { input: 1, cacheRead: undefined, cacheWrite: 2, output: 3, reasoning: undefined };
    expect(encode(parts, { logprobs, usage, costUsd: 0.25 })).toMatchObject({
      choices: [
        {
          message: {
            annotations: [citations[0]],
            images: [{ type: "image_url", image_url: { url: "https://x/y.png" } }],
          },
          logprobs,
        },
      ],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 3,
        total_tokens: 6,
        prompt_tokens_details: { cache_write_tokens: 2 },
        cost: 0.25,
      },
    });
  });
});

const usage = { input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5 };
const scripts: Script[] = [
  { id: "s1", model: "m", finish: "end", usage, parts: [{ type: "text", text: "Grüße 👋🏽" }] },
  {
    id: "s2",
    model: "m",
    finish: "tool_calls",
    usage,
    parts: [
      { type: "reasoning", text: "Dénken 🤔", signature: "sig" },
      { type: "text", text: "Ja." },
      { type: "tool_call", id: "c1", name: "f", input: '{"a":"ü"}', signature: "raw==" },
      { type: "tool_call", id: "c2", name: "g", input: "{}" },
    ],
  },
  {
    id: "s3",
    model: "m",
    finish: "length",
    usage,
    parts: [{ type: "tool_call", id: "c1", name: "f", input: '{"a":' }],
  },
  { id: "s4", model: "m", finish: "filtered", usage, parts: [] },
];

/** Order of members apart. */
function withSortedState(answer: Answer | undefined): unknown {
  return JSON.parse(JSON.stringify(answer), (_key, value: unknown) => {
    if (typeof value !== "string" || !value.startsWith('[{"type":"reasoning')) return value;
    return (JSON.parse(value) as Fields[]).map((detail) =>
      Object.entries(detail).sort(([left], [right]) => left.localeCompare(right)),
    );
  });
}

describe("a stream and a whole answer say the same", () => {
  for (const script of scripts)
    test(script.finish, () => {
      const whole = codec.answer.decode(JSON.parse(openaiChatWire.whole(script).body), { origin });
      const streamed = answerOfEvents(eventsOf(openaiChatWire.stream(script).events));
      expect(withSortedState(streamed)).toEqual(withSortedState(whole));
      const shown = contentOf(JSON.stringify(codec.answer.encode(whole, viewOf({ wantsUsage: true }))));
      expect(contentOf(streamOf([...eventsOfAnswer(whole)], { wantsUsage: true }))).toEqual(shown);
    });
});
