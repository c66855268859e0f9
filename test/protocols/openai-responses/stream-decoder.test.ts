import { describe, expect, test } from "bun:test";
import { latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { openaiResponsesWire } from "../../support/wire/openai-responses.ts";
import {
  decodeStream,
  encodeStream,
  joined,
  origin,
  scriptList,
  scripts,
  shortStream,
  streamOfEvents,
  upstreamAnswer,
  upstreamStream,
  viewOf,
} from "./samples.ts";

function decode(value: unknown): Answer {
  return openaiResponses.codec.answer.decode(value, { origin });
}

function answerOf(stream: string): Answer | undefined {
  return answerOfEvents(decodeStream([stream]));
}

const completed = (output: readonly unknown[] = [], further: object = {}) =>
  ["response.completed", { response: { id: "resp_1", status: "completed", output, ...further } }] as const;
const created = [
  "response.created",
  { response: { id: "resp_1", model: "m", status: "in_progress", output: [] } },
] as const;

/** The grammar that encoders rely on. */
function checkGrammar(events: readonly StreamEvent[]): void {
  let open: number | undefined;
  let next = 0;
  let isOver = false;
  for (const [position, event] of events.entries()) {
    expect(isOver).toBe(false);
    expect(event.type === "start").toBe(position === 0 && event.type === "start");
    if (event.type === "part-start") {
      expect([open, event.index]).toEqual([undefined, next]);
      open = next;
      next += 1;
    } else if (event.type === "part-stop") {
      expect(event.index).toBe(open as number);
      open = undefined;
    } else if (event.type === "part-delta") {
      expect([event.index, event.text === ""]).toEqual([open as number, false]);
    } else if (event.type === "part-opaque") expect(event.index).toBe(open as number);
    if (event.type === "finish") expect(open).toBeUndefined();
    isOver = event.type === "finish" || event.type === "error";
  }
}

/** Without what a round trip cannot keep: whose the state is, the upstream's word for the end. */
function plain({ parts, finish, usage }: Answer) {
  return {
    parts: parts.map((part) => (part.type === "reasoning" ? { ...part, opaque: part.opaque.length } : part)),
    reason: finish.reason,
    usage,
  };
}

describe("streams and whole answers", () => {
  test.each(Object.entries(scripts))("%s: cut at every position it is the same events", (_name, script) => {
    const stream = shortStream(script);
    const whole = joined(decodeStream([stream]));
    checkGrammar(whole);
    const expected = JSON.stringify(whole);
    for (let at = 0; at <= stream.length; at += 1) {
      const events = joined(decodeStream([stream.slice(0, at), stream.slice(at)]));
      if (JSON.stringify(events) !== expected) throw new Error(`cut at ${at}`);
    }
    expect(joined(decodeStream(stream.split("")))).toEqual(whole);
  });

  test.each(Object.entries(scripts))("%s: the stream comes to the whole answer", (_name, script) => {
    const whole = decode(JSON.parse(openaiResponsesWire.whole(script).body));
    expect(answerOf(upstreamStream(script))).toEqual(whole);
    expect(whole.id).toBe(script.id);
    expect(whole.model).toBe(script.model);
    expect(whole.usage).toEqual(script.usage);
  });

  test("a whole answer as a stream, for an upstream that ignored `stream`, comes to the same", () => {
    for (const script of scriptList) {
      const stream = openaiResponses.streamOf(upstreamAnswer(script));
      expect(answerOf(stream)).toEqual(answerOf(upstreamStream(script)));
    }
  });

  test("what goes out to a client and is read again is the same but for state and ids", () => {
    for (const script of scriptList) {
      const answer = answerOf(upstreamStream(script));
      if (answer === undefined) throw new Error("no answer");
      const again = answerOf(latin1OfUtf8(encodeStream(eventsOfAnswer(answer), viewOf({}))));
      expect(again && plain(again)).toEqual(plain(answer));
    }
  });

  test("what an answer holds", () => {
    const answer = answerOf(upstreamStream(scripts["reasoning, text and two calls"] ?? scriptList[0]!));
    expect(answer).toEqual({
      id: "resp_all",
      model: "m",
      parts: [
        {
          type: "reasoning",
          text: "Let me think… 🤔",
          isSummary: true,
          opaque: [{ origin, kind: "openai-encrypted", data: "gAAAA-enc" }],
        },
        { type: "text", text: "I will look." },
        {
          type: "tool_call",
          id: "call_1",
          name: "weather",
          kind: "function",
          input: '{"city":"Zürich 😀","days":[1,2]}',
        },
        { type: "tool_call", id: "call_2", name: "clock", kind: "function", input: "{}" },
      ],
      finish: { reason: "tool_calls", raw: "completed" },
      usage: { input: 7, cacheRead: 3, cacheWrite: 2, output: 11, reasoning: 5 },
      costUsd: undefined,
    });
  });
});

function argumentPiece(index: number, delta: string) {
  return [
    "response.function_call_arguments.delta",
    { item_id: `fc_${index + 1}`, output_index: index, delta },
  ] as const;
}

describe("upstreams that say less, or more", () => {
  const call = { id: "fc_1", type: "function_call", call_id: "c1", name: "f", arguments: "" };

  test("B03: arguments that come in `.done` only are one delta", () => {
    const answer = answerOf(
      streamOfEvents([
        created,
        ["response.output_item.added", { output_index: 0, item: call }],
        ["response.function_call_arguments.done", { item_id: "fc_1", output_index: 0, arguments: '{"a":"é"}' }],
        ["response.output_item.done", { output_index: 0, item: { ...call, arguments: '{"a":"é"}' } }],
        completed(),
      ]),
    );
    expect(answer?.parts).toEqual([{ type: "tool_call", id: "c1", name: "f", kind: "function", input: '{"a":"é"}' }]);
    expect(answer?.finish.reason).toBe("tool_calls");
  });

  test("items come in output_item.done only", () => {
    const message = { id: "msg_1", type: "message", content: [{ type: "output_text", text: "Hi" }] };
    const answer = answerOf(
      streamOfEvents([
        ["response.output_item.done", { output_index: 0, item: message }],
        ["response.output_item.done", { output_index: 1, item: { ...call, arguments: "{}" } }],
        completed(),
      ]),
    );
    expect(answer?.parts).toMatchObject([
      { type: "text", text: "Hi" },
      { type: "tool_call", input: "{}" },
    ]);
  });

  test("items come in the last event only", () => {
    const message = {
      id: "msg_1",
      type: "message",
      content: [
        { type: "output_text", text: "Hi" },
        { type: "refusal", refusal: "no" },
      ],
    };
    const answer = answerOf(streamOfEvents([created, completed([message, { ...call, arguments: "{}" }])]));
    expect(answer?.parts).toMatchObject([
      { type: "text", text: "Hi" },
      { type: "refusal", text: "no" },
      { type: "tool_call" },
    ]);
  });

  test("only `output_text` is there", () => {
    expect(answerOf(streamOfEvents([created, completed([], { output_text: "Hi" })]))?.parts).toEqual([
      { type: "text", text: "Hi" },
    ]);
  });

  test("text that comes in `.done` only, without an item before it", () => {
    const answer = answerOf(
      streamOfEvents([
        created,
        ["response.output_text.delta", { item_id: "m", output_index: 0, content_index: 0, delta: "Gr" }],
        ["response.output_text.done", { item_id: "m", output_index: 0, content_index: 0, text: "Grüße" }],
        ["response.output_text.done", { item_id: "m", output_index: 0, content_index: 1, text: "!" }],
        completed(),
      ]),
    );
    expect(answer?.parts).toEqual([
      { type: "text", text: "Grüße" },
      { type: "text", text: "!" },
    ]);
  });

  test("deltas without items or ids are not told again by the whole response", () => {
    const custom = { type: "custom_tool_call", call_id: "c2", name: "p", input: "x" };
    const output = [
      { type: "reasoning", summary: [{ type: "summary_text", text: "Hm" }] },
      { type: "message", content: [{ type: "output_text", text: "Hi" }] },
      { ...call, arguments: "{}" },
      custom,
    ];
    const answer = answerOf(
      streamOfEvents([
        created,
        ["response.reasoning_summary_text.delta", { output_index: 0, delta: "Hm" }],
        ["response.output_text.delta", { output_index: 1, delta: "Hi" }],
        ["response.function_call_arguments.delta", { output_index: 2, delta: "{}" }],
        ["response.custom_tool_call_input.delta", { output_index: 3, delta: "x" }],
        completed(output),
      ]),
    );
    expect(answer?.parts).toMatchObject([
      { type: "reasoning", text: "Hm" },
      { type: "text", text: "Hi" },
      { type: "tool_call", id: "c1", input: "{}" },
      { type: "tool_call", id: "c2", kind: "custom", input: "x" },
    ]);
  });

  test("an item that is announced twice is one", () => {
    const added = ["response.output_item.added", { output_index: 0, item: call }] as const;
    const answer = answerOf(
      streamOfEvents([
        created,
        added,
        added,
        ["response.output_item.done", { output_index: 0, item: { ...call, arguments: "{}" } }],
        completed(),
      ]),
    );
    expect(answer?.parts).toHaveLength(1);
  });

  test("B35: calls whose pieces are mixed are whole calls one after another", () => {
    const second = { ...call, id: "fc_2", call_id: "c2", name: "g" };
    const events = decodeStream([
      streamOfEvents([
        created,
        ["response.output_item.added", { output_index: 0, item: call }],
        argumentPiece(0, '{"a"'),
        ["response.output_item.added", { output_index: 1, item: second }],
        argumentPiece(1, '{"b"'),
        argumentPiece(0, ":1}"),
        argumentPiece(1, ":2}"),
        ["response.output_text.delta", { item_id: "m", output_index: 2, content_index: 0, delta: "and" }],
        ["response.output_item.done", { output_index: 1, item: { ...second, arguments: '{"b":2}' } }],
        ["response.output_item.done", { output_index: 0, item: { ...call, arguments: '{"a":1}' } }],
        completed(),
      ]),
    ]);
    checkGrammar(events);
    expect(answerOfEvents(events)?.parts).toMatchObject([
      { type: "tool_call", id: "c1", input: '{"a":1}' },
      { type: "tool_call", id: "c2", input: '{"b":2}' },
      { type: "text", text: "and" },
    ]);
  });

  test("a call that never ends is ended with the answer", () => {
    const events = decodeStream([
      streamOfEvents([
        created,
        ["response.output_item.added", { output_index: 0, item: call }],
        ["response.function_call_arguments.delta", { output_index: 0, delta: "{}" }],
        ["response.output_text.delta", { output_index: 1, delta: "x" }],
        completed(),
      ]),
    ]);
    checkGrammar(events);
    expect(answerOfEvents(events)?.parts).toMatchObject([
      { type: "tool_call", input: "{}" },
      { type: "text", text: "x" },
    ]);
  });

  test("ids that change from event to event do not tear an item apart", () => {
    const events = decodeStream([
      streamOfEvents([
        created,
        ["response.output_item.added", { output_index: 0, item: { id: "a", type: "message", content: [] } }],
        ["response.output_text.delta", { item_id: "b", output_index: 0, content_index: 0, delta: "Hel" }],
        ["response.output_text.delta", { item_id: "c", output_index: 0, content_index: 0, delta: "lo" }],
        [
          "response.output_item.done",
          { output_index: 0, item: { id: "d", type: "message", content: [{ type: "output_text", text: "Hello" }] } },
        ],
        completed([{ id: "e", type: "message", content: [{ type: "output_text", text: "Hello" }] }]),
      ]),
    ]);
    expect(joined(events).filter(({ type }) => type === "part-delta")).toEqual([
      { type: "part-delta", index: 0, text: "Hello" },
    ]);
  });

  test("items that all say they are the first are several", () => {
    const answer = answerOf(
      streamOfEvents([
        created,
        ["response.output_item.added", { output_index: 0, item: { id: "m1", type: "message", content: [] } }],
        ["response.output_text.delta", { item_id: "m1", output_index: 0, delta: "Hi" }],
        [
          "response.output_item.done",
          { output_index: 0, item: { id: "m1", type: "message", content: [{ type: "output_text", text: "Hi" }] } },
        ],
        ["response.output_item.added", { output_index: 0, item: call }],
        ["response.function_call_arguments.delta", { item_id: "fc_1", output_index: 0, delta: "{}" }],
        ["response.output_item.done", { output_index: 0, item: { ...call, arguments: "{}" } }],
        completed([
          { id: "m1", type: "message", content: [{ type: "output_text", text: "Hi" }] },
          { ...call, arguments: "{}" },
        ]),
      ]),
    );
    expect(answer?.parts).toMatchObject([
      { type: "text", text: "Hi" },
      { type: "tool_call", input: "{}" },
    ]);
  });

  test("a call whose name or id comes at its end has it all", () => {
    const answer = answerOf(
      streamOfEvents([
        created,
        ["response.output_item.added", { output_index: 0, item: { id: "fc_1", type: "function_call", arguments: "" } }],
        ["response.function_call_arguments.delta", { output_index: 0, delta: '{"a":' }],
        ["response.function_call_arguments.done", { output_index: 0, arguments: '{"a":1}' }],
        ["response.output_item.done", { output_index: 0, item: { ...call, arguments: '{"a":1}' } }],
        completed(),
      ]),
    );
    expect(answer?.parts).toMatchObject([{ type: "tool_call", id: "c1", name: "f", input: '{"a":1}' }]);
  });

  test("summaries are paragraphs, and thoughts themselves a part of their own", () => {
    const item = {
      id: "rs",
      type: "reasoning",
      summary: [
        { type: "summary_text", text: "One" },
        { type: "summary_text", text: "Two" },
      ],
      content: [{ type: "reasoning_text", text: "raw" }],
      encrypted_content: "gAA",
    };
    const events = streamOfEvents([
      created,
      ["response.output_item.added", { output_index: 0, item: { id: "rs", type: "reasoning", summary: [] } }],
      ["response.reasoning_summary_text.delta", { output_index: 0, summary_index: 0, delta: "One" }],
      ["response.reasoning_summary_text.done", { output_index: 0, summary_index: 0, text: "One" }],
      ["response.reasoning_summary_text.delta", { output_index: 0, summary_index: 1, delta: "Two" }],
      ["response.reasoning_text.delta", { output_index: 0, content_index: 0, delta: "raw" }],
      ["response.output_item.done", { output_index: 0, item }],
      completed([item]),
    ]);
    const expected = [
      { type: "reasoning", text: "One\n\nTwo", isSummary: true },
      { type: "reasoning", text: "raw", isSummary: false },
    ];
    const parts = answerOf(events)?.parts ?? [];
    expect(parts).toMatchObject(expected);
    expect(parts.flatMap((part) => (part.type === "reasoning" ? part.opaque : []))).toEqual([
      { origin, kind: "openai-encrypted", data: "gAA" },
    ]);
    expect(decode({ id: "r", status: "completed", output: [item] }).parts).toMatchObject(expected);
  });

  test("a custom tool's call and a picture are read", () => {
    const custom = { id: "ctc", type: "custom_tool_call", call_id: "c", name: "apply_patch", input: "*** é" };
    const picture = {
      id: "ig",
      type: "image_generation_call",
      result: "AAAA",
      output_format: "webp",
      status: "completed",
    };
    const answer = answerOf(
      streamOfEvents([
        created,
        ["response.output_item.added", { output_index: 0, item: { ...custom, input: "" } }],
        ["response.custom_tool_call_input.delta", { output_index: 0, delta: "*** " }],
        ["response.custom_tool_call_input.done", { output_index: 0, input: "*** é" }],
        ["response.output_item.done", { output_index: 0, item: custom }],
        ["response.output_item.done", { output_index: 1, item: picture }],
        completed([custom, picture]),
      ]),
    );
    expect(answer?.parts).toEqual([
      { type: "tool_call", id: "c", name: "apply_patch", kind: "custom", input: "*** é" },
      { type: "image", source: { kind: "base64", mediaType: "image/webp", data: "AAAA" } },
    ]);
  });

  test("unknown items, events, comments, [DONE] and broken JSON are passed over", () => {
    const events: readonly (readonly [string, Record<string, unknown>])[] = [
      created,
      ["response.web_search_call.searching", { output_index: 0, item_id: "ws" }],
      [
        "response.output_item.done",
        { output_index: 0, item: { id: "ws", type: "web_search_call", status: "completed" } },
      ],
      ["response.something_new.delta", { output_index: 1, delta: "?" }],
      ["response.output_text.delta", { output_index: 2, item_id: "m", delta: "Hi" }],
      completed([{ type: "web_search_call", id: "ws" }, null, 3]),
    ];
    const stream = streamOfEvents(events).replace(
      "event: response.output_text",
      ": ping\n\ndata: {broken\n\ndata: [DONE]\n\nevent: response.output_text",
    );
    expect(answerOf(`${stream}data: [DONE]\n\n`)?.parts).toEqual([{ type: "text", text: "Hi" }]);
  });

  test("the type may stand on the event's own line only, and lines may end with CR LF", () => {
    const stream = `event: response.output_text.delta\ndata: {"output_index":0,"delta":"Hi"}\n\nevent: response.completed\ndata: {"response":{"output":[]}}\n\n`;
    expect(answerOf(stream)?.parts).toEqual([{ type: "text", text: "Hi" }]);
    expect(answerOf(stream.replaceAll("\n", "\r\n"))?.parts).toEqual([{ type: "text", text: "Hi" }]);
  });

  test("log probabilities go along", () => {
    const entry = { token: "Hi", logprob: -1, bytes: [], top_logprobs: [] };
    const content = [{ type: "output_text", text: "Hi", logprobs: [entry] }];
    const events = decodeStream([
      streamOfEvents([
        created,
        ["response.output_text.delta", { output_index: 0, delta: "Hi", logprobs: [entry] }],
        completed(),
      ]),
    ]);
    expect(events).toContainEqual({ type: "logprobs", logprobs: { content: [entry] } });
    const whole = decode({ output: [{ type: "message", content }] });
    expect(whole.logprobs).toEqual({ content: [entry] });
  });
});

describe("how an answer ended", () => {
  const text = { id: "m", type: "message", content: [{ type: "output_text", text: "x" }] };
  const call = { id: "f", type: "function_call", call_id: "c", name: "f", arguments: "{}" };

  test.each([
    ["completed", undefined, [text], "end", "completed"],
    ["completed", undefined, [text, call], "tool_calls", "completed"],
    ["incomplete", "max_output_tokens", [call], "length", "max_output_tokens"],
    ["incomplete", "content_filter", [text], "filtered", "content_filter"],
    ["incomplete", undefined, [text], "length", "incomplete"],
    ["incomplete", "steered", [text], "pause", "steered"],
    ["incomplete", "max_messages", [call], "tool_calls", "max_messages"],
  ] as const)("%s (%s)", (status, reason, output, expected, raw) => {
    const details = reason === undefined ? null : { reason };
    const response = { id: "r", status, incomplete_details: details, output };
    const finish = { reason: expected, raw };
    expect(decode(response).finish).toMatchObject(finish);
    expect(answerOf(streamOfEvents([created, [`response.${status}`, { response }]]))?.finish).toMatchObject(finish);
  });

  test("a stream that was cut has no end", () => {
    const stream = upstreamStream(scriptList[0]!);
    const events = decodeStream([stream.slice(0, stream.lastIndexOf("event:"))]);
    expect(events.some(({ type }) => type === "finish" || type === "error")).toBe(false);
  });

  test("nothing behind the end counts, and a last event may lack its blank line", () => {
    const stream = upstreamStream(scriptList[0]!);
    const whole = decodeStream([stream]);
    expect(decodeStream([stream + stream])).toEqual(whole);
    expect(decodeStream([stream.trimEnd()])).toEqual(whole);
    const decoder = openaiResponses.codec.stream.createDecoder({ origin });
    decoder.push(stream);
    expect([decoder.isEnded(), decoder.waiting()]).toEqual([true, 0]);
  });
});

describe("failures", () => {
  const nested = [
    "error",
    { error: { type: "server_error", code: "rate_limit_exceeded", message: "Slow down", param: null } },
  ] as const;
  const flat = ["error", { code: "rate_limit_exceeded", message: "Slow down", param: null }] as const;
  const failed = [
    "response.failed",
    { response: { id: "r", status: "failed", error: { code: "rate_limit_exceeded", message: "Slow down" } } },
  ] as const;

  test.each([
    ["nested", nested],
    ["flat", flat],
    ["response.failed", failed],
  ] as const)("an error (%s) ends the stream with the upstream's words", (_name, event) => {
    const events = decodeStream([streamOfEvents([created, event, completed()])]);
    expect(events.map(({ type }) => type)).toEqual(["start", "error"]);
    expect(events[1]).toMatchObject({ error: { code: "rate_limit_exceeded", status: 429, message: "Slow down" } });
  });

  test("B59: an error that is no event of the protocol is one nevertheless", () => {
    const events = decodeStream([`data: {"choices":[],"error":{"code":502,"message":"Bad gateway"}}\n\n`]);
    expect(events).toMatchObject([{ type: "error", error: { status: 502, message: "Bad gateway" } }]);
  });

  test("a failure without an explanation is one", () => {
    const events = decodeStream([streamOfEvents([["response.failed", { response: null }]])]);
    expect(events).toMatchObject([{ type: "error", error: { code: "upstream_error" } }]);
  });

  test.each([
    [{ status: "failed", error: { code: "server_error", message: "Oh" }, output: [] }, "Oh"],
    [{ status: "failed", error: null, output: [] }, "did not say why"],
    [{ status: "cancelled", output: [] }, "cancelled"],
    [{ error: { message: "Context", code: "context_length_exceeded" } }, "Context"],
    [{ status: "queued", output: [] }, "not finished"],
    [{ object: "response" }, "no `output`"],
    [null, "no `output`"],
    ["text", "no `output`"],
    [[], "no `output`"],
  ])("%j is no answer", (value, message) => {
    expect(() => decode(value)).toThrow(message);
  });
});

function readUsage(usage: unknown): Answer {
  return decode({ output: [], usage });
}

test("usage: five disjoint numbers, xAI's reasoning apart, and what cannot be a number", () => {
  const details = { input_tokens_details: { cached_tokens: 60 }, output_tokens_details: { reasoning_tokens: 30 } };
  expect(readUsage({ input_tokens: 100, output_tokens: 50, total_tokens: 150, ...details }).usage).toEqual({
    input: 40,
    cacheRead: 60,
    cacheWrite: undefined,
    output: 20,
    reasoning: 30,
  });
  expect(readUsage({ input_tokens: 100, output_tokens: 50, total_tokens: 180, ...details }).usage?.output).toBe(50);
  expect(readUsage({ input_tokens: 1, output_tokens: 1, cost: 0.25 }).costUsd).toBe(0.25);
  expect(readUsage({ input_tokens: -1, output_tokens: "1" }).usage).toBeUndefined();
  expect(readUsage([]).usage).toBeUndefined();
});

test("citations of a whole answer are kept with their text", () => {
  const annotations = [{ type: "url_citation", url: "https://x", title: "X", start_index: 0, end_index: 1 }];
  const content = [
    { type: "output_text", text: "a", annotations: [] },
    { type: "output_text", text: "" },
    { type: "output_text", text: "b", annotations },
  ];
  expect(decode({ output: [{ type: "message", content }] }).parts).toEqual([
    { type: "text", text: "a" },
    { type: "text", text: "b", citations: annotations },
  ]);
});
