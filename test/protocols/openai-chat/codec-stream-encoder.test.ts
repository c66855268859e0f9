import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Opaque, Part } from "../../../src/protocols/canonical/conversation.ts";
import { readOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import type { Fields } from "../../../src/protocols/fields.ts";
import { createChatStreamEncoder } from "../../../src/protocols/openai-chat/encode-stream.ts";
import { eventsOf as dataOf } from "../../support/chat.ts";
import { codec, contentOf, conversationOf, problemsOf, streamOf, viewOf } from "./codec-rig.ts";

const usage = { input: 2, cacheRead: 3, cacheWrite: undefined, output: 4, reasoning: 5 };

function answerOf(parts: readonly Part[], changes: Partial<Answer> = {}): Answer {
  const reason = parts.some(({ type }) => type === "tool_call") ? "tool_calls" : "end";
  return {
    id: "msg_1",
    model: "upstream",
    parts,
    finish: { reason, raw: undefined },
    usage,
    costUsd: undefined,
    ...changes,
  };
}

function streamed(
  parts: readonly Part[],
  view: Parameters<typeof streamOf>[1] = {},
  changes: Partial<Answer> = {},
): string {
  return streamOf([...eventsOfAnswer(answerOf(parts, changes))], view);
}

function deltasOf(stream: string): Fields[] {
  return dataOf(stream).flatMap((chunk) =>
    typeof chunk === "string" ? [] : ((chunk["choices"] ?? []) as { delta: Fields }[]).map(({ delta }) => delta),
  );
}

function call(id: string, name = "f", input = '{"a":1}', opaque?: Opaque[]): Part {
  return { type: "tool_call", id, name, kind: "function", input, opaque };
}

const signature: Opaque = { origin: "claude", kind: "anthropic-signature", data: "sig" };
const thought: Part = { type: "reasoning", text: "Hm", opaque: [signature] };
const text: Part = { type: "text", text: "Grüße 👋🏽" };

test("everything at once is one right stream", () => {
  const parts = [thought, text, call("c1"), { type: "refusal", text: "No." } as const, call("c2", "g", "")];
  const stream = streamed(parts, { wantsUsage: true });
  expect(problemsOf(stream)).toEqual([]);
  expect(contentOf(stream)).toEqual({
    text: "Grüße 👋🏽",
    reasoning: "Hm",
    calls: [
      { name: "f", input: { a: 1 } },
      { name: "g", input: {} },
    ],
    finish: "tool_calls",
    usage: {
      prompt_tokens: 5,
      completion_tokens: 9,
      total_tokens: 14,
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 5 },
    },
  });
});

test("id, time and the model that the client asked for stay the same in all chunks", () => {
  const [first] = dataOf(streamed([text]));
  expect(first).toMatchObject({
    id: "msg_1",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "shown-ü",
  });
  const unnamed = streamed([text, thought], {}, { id: "" });
  expect(problemsOf(unnamed)).toEqual([]);
  expect((dataOf(unnamed)[0] as Fields)["id"]).toMatch(/^chatcmpl-[0-9a-z]{24}$/);
});

test("usage is told only to who asked, and with the cost where it is known", () => {
  expect(streamed([text])).not.toContain("usage");
  expect(streamed([text], { wantsUsage: true }, { costUsd: 0.5 })).toContain('"cost":0.5');
  expect(streamed([text], { wantsUsage: true }, { usage: undefined })).not.toContain("usage");
});

describe("thoughts", () => {
  test("stand in two fields with one id, and their state follows in an entry of its own", () => {
    const deltas = deltasOf(streamed([thought]));
    const [, said, state] = deltas;
    expect(said).toEqual({
      reasoning_content: "Hm",
      reasoning: "Hm",
      cot_id: expect.stringMatching(/^rsn_[0-9a-z]{24}$/) as string,
    });
    const [detail] = (state?.["reasoning_details"] ?? []) as Fields[];
    expect(detail).toMatchObject({ type: "reasoning.text", format: "orcestator-v1", index: 0 });
    expect(detail).not.toContainKey("text");
    expect(readOpaque(String(detail?.["signature"]), "reference")).toEqual([signature]);
    expect(state?.["cot_id"]).toBe(said?.["cot_id"]);
  });

  test("a state without text is an encrypted entry, and nothing is told where there is neither", () => {
    const [, state] = deltasOf(streamed([{ type: "reasoning", text: "", opaque: [signature] }]));
    expect(state?.["reasoning_details"]).toMatchObject([
      { type: "reasoning.encrypted", data: expect.stringMatching(/^orc1\./) as string },
    ]);
    expect(deltasOf(streamed([{ type: "reasoning", text: "", opaque: [] }]))).toHaveLength(2);
  });

  test("later thoughts tell their text with their state, so that all can be taken apart again", () => {
    const second = { origin: "claude", kind: "anthropic-signature", data: "sig2" } as const;
    const parts: Part[] = [thought, text, { type: "reasoning", text: " so", opaque: [second] }, text];
    const deltas = deltasOf(streamed(parts));
    const reasoning_details = deltas.flatMap((delta) => (delta["reasoning_details"] ?? []) as Fields[]);
    const message = { role: "assistant", content: "x", reasoning_content: "Hm so", reasoning_details };
    const [turn] = codec.request.decode({ messages: [message] }, {}).turns;
    expect(turn?.parts.filter(({ type }) => type === "reasoning")).toEqual([
      thought,
      { type: "reasoning", text: " so", opaque: [second] },
    ]);
  });

  test("the encoder tells which id belongs to which part", () => {
    const encoder = createChatStreamEncoder(viewOf());
    const stream = [...eventsOfAnswer(answerOf([text, thought, text, thought]))]
      .map((event) => encoder.push(event))
      .join("");
    const ids = new Set(
      deltasOf(stream)
        .map((delta) => delta["cot_id"])
        .filter((id) => id !== undefined),
    );
    expect([...encoder.references]).toEqual([...ids].map((id, index) => [id as string, index === 0 ? 1 : 3]));
  });
});

describe("calls", () => {
  test("begin with id, type and name, and go on one after another", () => {
    const events: StreamEvent[] = [
      { type: "start", id: "x", model: undefined },
      { type: "part-start", index: 0, part: { type: "tool_call", id: "a", name: "f", kind: "function" } },
      { type: "part-delta", index: 0, text: '{"a' },
      { type: "part-delta", index: 0, text: '":1}' },
      { type: "part-stop", index: 0 },
      { type: "part-start", index: 1, part: { type: "tool_call", id: "b", name: "g", kind: "function" } },
      { type: "part-stop", index: 1 },
      { type: "finish", finish: { reason: "tool_calls", raw: undefined } },
    ];
    expect(deltasOf(streamOf(events)).slice(1)).toEqual([
      { tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '":1}' } }] },
      { tool_calls: [{ index: 1, id: "b", type: "function", function: { name: "g", arguments: "" } }] },
      { tool_calls: [{ index: 1, function: { arguments: "{}" } }] },
      {},
    ]);
  });

  test("Gemini's signature goes raw into Gemini's place, another's state nowhere", () => {
    const gemini: Opaque = { origin: "g", kind: "gemini-signature", data: "raw==" };
    expect(deltasOf(streamed([call("c", "f", "{}", [gemini])]))[3]).toEqual({
      tool_calls: [
        { index: 0, function: { arguments: "" }, extra_content: { google: { thought_signature: "raw==" } } },
      ],
    });
    expect(streamed([call("c", "f", "{}", [signature])])).not.toContain("extra_content");
  });

  test("a client that knows functions only gets one of them", () => {
    const stream = streamed([call("c1"), call("c2", "g")], { body: { functions: [{ name: "f" }] } });
    expect(problemsOf(stream)).toEqual([]);
    expect(deltasOf(stream).slice(1)).toEqual([
      { function_call: { name: "f", arguments: "" } },
      { function_call: { arguments: '{"a":1}' } },
      {},
    ]);
    expect(stream).toContain('"finish_reason":"function_call"');
  });

  test("a custom tool's call is custom, also when its upstream took it for a function", () => {
    const conversation = conversationOf({ protocol: "openai-chat", tools: [{ name: "patch", kind: "custom" }] });
    const parts: Part[] = [
      { type: "tool_call", id: "c1", name: "patch", kind: "custom", input: "free" },
      call("c2", "patch", '{"input":"a \\"b\\""}'),
      call("c3", "f"),
    ];
    const stream = streamed(parts, { conversation });
    expect(problemsOf(stream)).toEqual([]);
    expect(contentOf(stream).calls).toEqual([
      { name: "patch", input: "free" },
      { name: "patch", input: 'a "b"' },
      { name: "f", input: { a: 1 } },
    ]);
  });
});

test("log probabilities are passed on to who asked for them", () => {
  const logprobs = { content: [{ token: "a", logprob: -1, bytes: null, top_logprobs: [] }], refusal: null };
  const asked = { conversation: conversationOf({ protocol: "openai-chat", logprobs: { top: 0 } }) };
  const stream = streamed([text], asked, { logprobs });
  expect(problemsOf(stream)).toEqual([]);
  expect(stream).toContain(`"delta":{},"logprobs":${JSON.stringify(logprobs)}`);
  expect(streamed([text], {}, { logprobs })).not.toContain("-1");
});

test("a picture is told of as OpenRouter does", () => {
  const picture: Part = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } };
  expect(deltasOf(streamed([picture]))[1]).toEqual({
    images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }],
  });
});

test("words for the end", () => {
  const words = {
    end: "stop",
    stop: "stop",
    length: "length",
    context: "length",
    filtered: "content_filter",
    pause: "stop",
  } as const;
  for (const [reason, word] of Object.entries(words) as [keyof typeof words, string][]) {
    const stream = streamed([text], {}, { finish: { reason, raw: "x" } });
    expect([contentOf(stream).finish, problemsOf(stream)]).toEqual([word, []]);
  }
});

describe("a stream that breaks", () => {
  const failure = new GatewayError({ code: "upstream_error", status: 502, message: "Gone – wég." });
  const events = [...eventsOfAnswer(answerOf([thought, text, call("c1")]))];

  test("ends wherever it is with an error that clients see, and then says nothing more", () => {
    for (let count = 0; count <= events.length - 1; count += 1) {
      const encoder = createChatStreamEncoder(viewOf());
      const before = events
        .slice(0, count)
        .map((event) => encoder.push(event))
        .join("");
      const stream = utf8OfLatin1(before + encoder.fail(failure));
      expect(problemsOf(stream)).toEqual([]);
      expect(contentOf(stream).finish).toBe("error");
      expect(stream).toContain("Gone – wég.");
      expect(encoder.fail(failure) + encoder.push({ type: "part-delta", index: 0, text: "x" })).toBe("");
    }
  });

  test("an error among the events does the same, and so does an end that is one", () => {
    const errored = streamOf([...events.slice(0, 3), { type: "error", error: failure }]);
    expect(problemsOf(errored)).toEqual([]);
    const broken = streamed([text], {}, { finish: { reason: "error", raw: "MALFORMED_FUNCTION_CALL" } });
    expect(problemsOf(broken)).toEqual([]);
    expect(broken).toContain("MALFORMED_FUNCTION_CALL");
  });

  test("nothing follows the end", () => {
    const encoder = createChatStreamEncoder(viewOf());
    for (const event of events) encoder.push(event);
    expect(encoder.fail(failure)).toBe("");
    expect(encoder.push({ type: "usage", usage, costUsd: undefined })).toBe("");
  });
});

test("events in a wrong order do not make a wrong stream", () => {
  const stray: StreamEvent[] = [
    { type: "part-delta", index: 4, text: "lost" },
    { type: "part-opaque", index: 4, opaque: signature },
    { type: "part-stop", index: 4 },
    { type: "part-start", index: 0, part: { type: "tool_call", id: "a", name: "f", kind: "function" } },
    { type: "start", id: "late", model: undefined },
    { type: "part-start", index: 1, part: { type: "text" } },
    { type: "part-delta", index: 1, text: "a" },
    { type: "finish", finish: { reason: "tool_calls", raw: undefined } },
    { type: "part-delta", index: 1, text: "b" },
  ];
  const stream = streamOf(stray);
  expect(problemsOf(stream)).toEqual([]);
  expect(contentOf(stream)).toMatchObject({ text: "a", calls: [{ name: "f", input: {} }] });
});
