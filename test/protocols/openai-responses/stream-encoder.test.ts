import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, FinishReason, Part } from "../../../src/protocols/canonical/conversation.ts";
import { openOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { openaiResponsesWire } from "../../support/wire/openai-responses.ts";
import { responseProblems } from "../../support/wire/openai-responses-stream.ts";
import { encodeEvents } from "../whole-stream.ts";
import { encodeStream, eventsOf, typesOf, viewOf, type ClientEvent } from "./samples.ts";

const problemsOf = (stream: string) => openaiResponsesWire.problemsOf(stream);
const contentOf = (answer: string) => openaiResponsesWire.contentOf(answer);

const usage = { input: 7, cacheRead: 3, cacheWrite: 2, output: 11, reasoning: 5 };

function answerOf(parts: readonly Part[], reason: FinishReason = "end"): Answer {
  return { id: "up_1", model: "served", parts, finish: { reason, raw: undefined }, usage, costUsd: undefined };
}

const text = (value: string): Part => ({ type: "text", text: value });
const call = (id: string, name: string, input: string): Part => ({
  type: "tool_call",
  id,
  name,
  kind: "function",
  input,
});
const thought = (value: string): Part => ({ type: "reasoning", text: value, opaque: [] });

function streamOf(answer: Answer, view = viewOf({})): string {
  return encodeStream(eventsOfAnswer(answer), view);
}

function itemsOf(stream: string): Record<string, unknown>[] {
  return eventsOf(stream)
    .filter(({ type }) => type === "response.output_item.done")
    .map(({ item }) => item as Record<string, unknown>);
}

function lastOf(stream: string): ClientEvent & { response: Record<string, unknown> } {
  return eventsOf(stream).at(-1) as ClientEvent & { response: Record<string, unknown> };
}

test("B55: a text has its item and its part before the first delta, and both are closed behind it", () => {
  const stream = streamOf(answerOf([text("Grüße 😀")]));
  expect(problemsOf(stream)).toEqual([]);
  expect(typesOf(stream)).toEqual([
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
});

test("B57: reasoning and then text are one reasoning item with its summary first, and a message of its own", () => {
  const events: StreamEvent[] = [
    { type: "start", id: "x", model: "m" },
    { type: "part-start", index: 0, part: { type: "reasoning" } },
    { type: "part-delta", index: 0, text: "Think" },
    { type: "part-delta", index: 0, text: "ing" },
    { type: "part-stop", index: 0 },
    { type: "part-start", index: 1, part: { type: "text" } },
    { type: "part-delta", index: 1, text: "Yes" },
    { type: "part-stop", index: 1 },
    { type: "finish", finish: { reason: "end", raw: "stop" } },
  ];
  const stream = encodeStream(events);
  expect(problemsOf(stream)).toEqual([]);
  expect(typesOf(stream).slice(2, 9)).toEqual([
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
    "response.output_item.done",
  ]);
  const ids = eventsOf(stream).flatMap(({ type, item_id: id }) => (type.includes("reasoning") ? [id] : []));
  expect(new Set(ids).size).toBe(1);
  expect(itemsOf(stream).map(({ type }) => type)).toEqual(["reasoning", "message"]);
});

test("B59: an error of the upstream ends the stream as failed, never as an empty success", () => {
  const error = new GatewayError({ code: "upstream_error", status: 502, message: "Provider is down" });
  const stream = encodeStream([
    { type: "start", id: "x", model: "m" },
    { type: "error", error },
  ]);
  expect(problemsOf(stream)).toEqual([]);
  expect(typesOf(stream)).toEqual(["response.created", "response.in_progress", "error", "response.failed"]);
  expect(lastOf(stream).response["error"]).toEqual({ code: "server_error", message: "Provider is down" });
});

describe("items", () => {
  test("a call says its id and name first, then its arguments", () => {
    const stream = streamOf(answerOf([call("call_1", "weather", '{"city":"Zürich"}')], "tool_calls"));
    expect(problemsOf(stream)).toEqual([]);
    expect(contentOf(stream).calls).toEqual([{ name: "weather", input: { city: "Zürich" } }]);
    expect(itemsOf(stream)[0]).toEqual({
      id: "fc_kept_0",
      type: "function_call",
      call_id: "call_1",
      name: "weather",
      arguments: '{"city":"Zürich"}',
      status: "completed",
    });
  });

  test("a call without arguments has an empty object", () => {
    const stream = streamOf(answerOf([call("call_1", "now", "")], "tool_calls"));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]?.["arguments"]).toBe("{}");
  });

  test("B11: a call that was cut stays incomplete, and so does the response", () => {
    const stream = streamOf(answerOf([call("call_1", "write", '{"text":"ha')], "length"));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]).toMatchObject({ status: "incomplete", arguments: '{"text":"ha' });
    expect(lastOf(stream)).toMatchObject({
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    });
  });

  test("a call without an id gets one", () => {
    const stream = streamOf(answerOf([call("", "now", "{}")], "tool_calls"));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]?.["call_id"]).toMatch(/^call_/);
  });

  test("texts in a row are parts of one message, with a refusal among them", () => {
    const refusal: Part = { type: "refusal", text: "I must not" };
    const stream = streamOf(answerOf([text("a"), text("b"), refusal, call("c", "f", "{}"), text("d")]));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream).map(({ type }) => type)).toEqual(["message", "function_call", "message"]);
    const [message] = itemsOf(stream);
    expect(message?.["content"]).toMatchObject([
      { type: "output_text", text: "a" },
      { type: "output_text", text: "b" },
      { type: "refusal", refusal: "I must not" },
    ]);
  });

  test("parts without anything in them make no items", () => {
    const stream = streamOf(answerOf([thought(""), text(""), text("x")]));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)).toHaveLength(1);
  });

  test("a picture is an item of OpenAI's own tool, one that is elsewhere a link", () => {
    const stream = streamOf(
      answerOf([
        { type: "image", source: { kind: "base64", mediaType: "image/webp", data: "UklGRg==" } },
        { type: "image", source: { kind: "url", url: "https://x.y/z.png" } },
      ]),
    );
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]).toMatchObject({
      type: "image_generation_call",
      result: "UklGRg==",
      output_format: "webp",
    });
    expect(contentOf(stream).text).toBe("![image](https://x.y/z.png)");
  });
});

describe("the client's own tools", () => {
  const tools = [
    {
      type: "namespace",
      name: "multi_agent_v1",
      description: "",
      tools: [{ type: "function", name: "spawn", parameters: {} }],
    },
    { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "start: /.*/" } },
    { type: "function", name: "exec", parameters: {} },
  ];

  test("a call inside a namespace is told with it", () => {
    const stream = streamOf(answerOf([call("c1", "spawn", "{}")], "tool_calls"), viewOf({ tools }));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]).toMatchObject({ type: "function_call", namespace: "multi_agent_v1", name: "spawn" });
  });

  test("a custom tool that went as a function comes back with its text", () => {
    const patch = "*** Begin Patch\n+é 😀\n*** End Patch";
    const input = JSON.stringify({ input: patch });
    const events: StreamEvent[] = [
      { type: "start", id: "", model: undefined },
      { type: "part-start", index: 0, part: { type: "tool_call", id: "c", name: "apply_patch", kind: "function" } },
      { type: "part-delta", index: 0, text: input.slice(0, 9) },
      { type: "part-delta", index: 0, text: input.slice(9) },
      { type: "part-stop", index: 0 },
      { type: "finish", finish: { reason: "tool_calls", raw: undefined } },
    ];
    const stream = encodeStream(events, viewOf({ tools }));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]).toMatchObject({ type: "custom_tool_call", name: "apply_patch", input: patch });
  });

  test.each([
    ['{"patch":"only one"}', "only one"],
    ['"a text"', "a text"],
    ["no JSON", "no JSON"],
    ['{"a":"x","b":"y"}', '{"a":"x","b":"y"}'],
    ["[1]", "[1]"],
  ])("what stands for a custom tool's text in %s", (input, expected) => {
    const stream = streamOf(answerOf([call("c", "apply_patch", input)], "tool_calls"), viewOf({ tools }));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]?.["input"]).toBe(expected);
  });

  test("a custom tool's own call streams its text as it comes", () => {
    const part: Part = { type: "tool_call", id: "c", name: "apply_patch", kind: "custom", input: "*** text" };
    const stream = streamOf(answerOf([part], "tool_calls"), viewOf({ tools }));
    expect(problemsOf(stream)).toEqual([]);
    expect(typesOf(stream)).toContain("response.custom_tool_call_input.delta");
  });
});

describe("reasoning state", () => {
  test("goes out sealed in encrypted_content", () => {
    const opaque = [{ origin: "claude", kind: "anthropic-signature", data: "sig==" }] as const;
    const stream = streamOf(answerOf([{ type: "reasoning", text: "Hm", opaque }, text("x")]));
    expect(problemsOf(stream)).toEqual([]);
    const token = itemsOf(stream)[0]?.["encrypted_content"];
    expect(openOpaque(String(token))).toEqual([...opaque]);
  });

  test("without text is an item without a summary", () => {
    const opaque = [{ origin: "o", kind: "openai-encrypted", data: "gAAA" }] as const;
    const stream = streamOf(answerOf([{ type: "reasoning", text: "", opaque }, text("x")]));
    expect(problemsOf(stream)).toEqual([]);
    expect(itemsOf(stream)[0]).toMatchObject({ type: "reasoning", summary: [] });
  });

  test("B49: of a call follows it, and comes back to it, wherever the client puts it", () => {
    const opaque = [{ origin: "g", kind: "gemini-signature", data: "AbC=" }] as const;
    const first: Part = { type: "tool_call", id: "c1", name: "f", kind: "function", input: "{}", opaque };
    const stream = streamOf(answerOf([first, call("c2", "g", "{}")], "tool_calls"));
    expect(problemsOf(stream)).toEqual([]);
    const [one, state, two] = itemsOf(stream);
    for (const items of [
      [one, state, two],
      [state, one, two],
    ]) {
      const { turns } = openaiResponses.codec.request.decode({ input: items }, {});
      expect(turns[0]?.parts).toMatchObject([
        { type: "tool_call", id: "c1", opaque },
        { type: "tool_call", id: "c2" },
      ]);
      expect(turns[0]?.parts).toHaveLength(2);
    }
  });
});

describe("the response object", () => {
  const body = {
    instructions: "Be kind",
    temperature: 0.5,
    top_p: 0.9,
    max_output_tokens: 99,
    tools: [{ type: "function", name: "f", parameters: {} }, "odd", { type: "web_search" }],
    tool_choice: "required",
    text: { verbosity: "low", format: { type: "json_object" } },
    reasoning: { effort: "high", summary: "auto" },
    metadata: { a: "b" },
    truncation: "auto",
    prompt_cache_key: "k",
    safety_identifier: "s",
    service_tier: "auto",
    parallel_tool_calls: false,
  };

  test("has everything that Open Responses requires, with or without wishes of the client", () => {
    const odd = {
      temperature: "x",
      tools: {},
      metadata: [],
      text: 4,
      reasoning: "no",
      instructions: 3,
      truncation: {},
    };
    for (const echoed of [{}, body, odd]) {
      const view = { ...viewOf({}), body: echoed };
      const whole = openaiResponses.codec.answer.encode(answerOf([text("x")]), view);
      expect(responseProblems(whole as Record<string, unknown>)).toEqual([]);
      expect(problemsOf(streamOf(answerOf([text("x")]), view))).toEqual([]);
    }
  });

  test("repeats what the client asked for", () => {
    const whole = openaiResponses.codec.answer.encode(answerOf([text("x")]), { ...viewOf({}), body });
    expect(whole).toMatchObject({
      instructions: "Be kind",
      temperature: 0.5,
      top_p: 0.9,
      max_output_tokens: 99,
      tools: [{ type: "function", name: "f", parameters: {}, strict: null, description: null }, { type: "web_search" }],
      tool_choice: "required",
      text: { verbosity: "low", format: { type: "json_object" } },
      reasoning: { effort: "high", summary: "auto" },
      metadata: { a: "b" },
      truncation: "auto",
      prompt_cache_key: "k",
      safety_identifier: "s",
      service_tier: "default",
      parallel_tool_calls: false,
      model: "shown",
      id: "resp_kept",
      store: true,
    });
  });

  test("has an id that begins with resp_, and says that nothing is kept, where the gateway keeps nothing", () => {
    const whole = openaiResponses.codec.answer.encode(answerOf([text("x")]), viewOf({}, { answerId: undefined }));
    expect(whole).toMatchObject({ id: expect.stringMatching(/^resp_/), store: false });
  });

  test("tells usage in its own sums, and none where none is known", () => {
    const whole = openaiResponses.codec.answer.encode(answerOf([text("x")]), viewOf({}));
    expect(whole).toMatchObject({
      usage: {
        input_tokens: 12,
        input_tokens_details: { cached_tokens: 3, cache_write_tokens: 2 },
        output_tokens: 16,
        output_tokens_details: { reasoning_tokens: 5 },
        total_tokens: 28,
      },
    });
    const unknown = openaiResponses.codec.answer.encode({ ...answerOf([]), usage: undefined }, viewOf({}));
    expect(unknown).toMatchObject({ usage: null });
  });

  test("the last usage counts", () => {
    const stream = encodeStream([
      { type: "start", id: "", model: undefined },
      { type: "usage", usage: { ...usage, output: 1 }, costUsd: undefined },
      { type: "part-start", index: 0, part: { type: "text" } },
      { type: "part-delta", index: 0, text: "x" },
      { type: "part-stop", index: 0 },
      { type: "usage", usage, costUsd: 0.5 },
      { type: "finish", finish: { reason: "end", raw: undefined } },
    ]);
    expect(lastOf(stream).response["usage"]).toMatchObject({ output_tokens: 16 });
  });

  test.each([
    ["end", "response.completed", null],
    ["stop", "response.completed", null],
    ["tool_calls", "response.completed", null],
    ["pause", "response.completed", null],
    ["length", "response.incomplete", { reason: "max_output_tokens" }],
    ["context", "response.incomplete", { reason: "max_output_tokens" }],
    ["filtered", "response.incomplete", { reason: "content_filter" }],
    ["error", "response.failed", null],
  ] as const)("finish %s ends as %s", (reason, type, details) => {
    const stream = streamOf(answerOf([text("x")], reason));
    expect(problemsOf(stream)).toEqual([]);
    expect(lastOf(stream)).toMatchObject({ type, response: { incomplete_details: details } });
    const whole = openaiResponses.codec.answer.encode(answerOf([text("x")], reason), viewOf({}));
    expect(responseProblems(whole as Record<string, unknown>)).toEqual([]);
    expect(whole).toMatchObject({ status: type.slice("response.".length) });
  });
});

test("log probabilities stand with their text", () => {
  const entry = { token: "x", logprob: -0.1, bytes: [120], top_logprobs: [] };
  const stream = encodeStream([
    { type: "start", id: "", model: undefined },
    { type: "part-start", index: 0, part: { type: "text" } },
    { type: "part-delta", index: 0, text: "x" },
    { type: "logprobs", logprobs: { content: [entry] } },
    { type: "part-stop", index: 0 },
    { type: "finish", finish: { reason: "end", raw: undefined } },
  ]);
  expect(problemsOf(stream)).toEqual([]);
  expect(itemsOf(stream)[0]?.["content"]).toMatchObject([{ logprobs: [entry] }]);
});

test("before its first content a stream says nothing, so that another target can still be asked", () => {
  const stream = encodeStream([
    { type: "start", id: "", model: undefined },
    { type: "part-start", index: 0, part: { type: "reasoning" } },
    { type: "usage", usage, costUsd: undefined },
  ]);
  expect(stream).toBe("");
});

test("sources of a whole answer are told in OpenAI's flat form", () => {
  const part: Part = {
    type: "text",
    text: "See",
    citations: [
      { type: "url_citation", url_citation: { url: "https://x", title: "X", start_index: 0, end_index: 3 } },
      { type: "char_location", cited_text: "of another protocol" },
    ],
  };
  const whole = openaiResponses.codec.answer.encode(answerOf([text("first"), part]), viewOf({}));
  const annotations = [{ type: "url_citation", url: "https://x", title: "X", start_index: 0, end_index: 3 }];
  expect(whole).toMatchObject({ output: [{ content: [{ annotations: [] }, { annotations }] }] });
});

describe("a stream that breaks", () => {
  const error = new GatewayError({ code: "upstream_timeout", status: 504, message: "Too slow" });
  const events = [...eventsOfAnswer(answerOf([thought("Hm"), text("Hello"), call("c", "f", '{"a":1}')], "tool_calls"))];

  test("from any state ends with response.failed and the output so far, and closes nothing that is open", () => {
    for (let count = 0; count <= events.length; count += 1) {
      const encoder = openaiResponses.codec.stream.createEncoder(viewOf({}));
      let output = encodeEvents(encoder, events.slice(0, count));
      const before = typesOf(output).filter((type) => type.endsWith("done")).length;
      output += encoder.fail(error);
      expect(problemsOf(output)).toEqual([]);
      const types = typesOf(output);
      if (count < events.length) expect(types.at(-1)).toBe("response.failed");
      expect(types.filter((type) => type.endsWith("done")).length).toBe(before);
      expect(encoder.push(events[1] ?? { type: "start", id: "", model: "" })).toBe("");
      expect(encoder.fail(error)).toBe("");
    }
  });

  test("half an item is in the output as incomplete", () => {
    const encoder = openaiResponses.codec.stream.createEncoder(viewOf({}));
    let output = encoder.push({ type: "part-start", index: 0, part: { type: "text" } });
    output += encoder.push({ type: "part-delta", index: 0, text: "Half of é" });
    output += encoder.fail(error);
    expect(lastOf(utf8OfLatin1(output)).response["output"]).toMatchObject([
      { type: "message", status: "incomplete", content: [{ text: "Half of é" }] },
    ]);
  });

  test.each([
    ["rate_limit_exceeded", 429, "rate_limit_exceeded"],
    ["context_length_exceeded", 400, "context_length_exceeded"],
    ["insufficient_quota", 402, "insufficient_quota"],
    ["invalid_request", 400, "invalid_prompt"],
    ["upstream_overloaded", 503, "server_error"],
    ["upstream_rejected_credential", 502, "server_error"],
  ] as const)("%s is told as a code that clients know", (code, status, expected) => {
    const encoder = openaiResponses.codec.stream.createEncoder(viewOf({}));
    const stream = encoder.fail(
      new GatewayError({
        code,
        status,
        message: "No",
        details: { upstreamCode: code === "upstream_rejected_credential" ? "invalid_api_key" : undefined },
      }),
    );
    expect(lastOf(stream).response["error"]).toEqual({ code: expected, message: "No" });
  });
});

test("a stream comes to the same as the whole answer", () => {
  const kinds = [
    text,
    thought,
    (value: string) => call(`call_${value}`, "f", '{"a":"é"}'),
    (value: string): Part => ({ type: "refusal", text: value }),
  ];
  const reasons: FinishReason[] = ["end", "length", "tool_calls", "filtered"];
  forSeeds(500, (random, seed) => {
    const parts = Array.from({ length: random.below(6) }, (_, index) =>
      random.pick(kinds)(random.pick(["", "x", "é😀", `"\\\n${index}`])),
    );
    const answer = answerOf(parts, random.pick(reasons));
    const view = viewOf({}, { answerId: `resp_${seed}` });
    const stream = streamOf(answer, view);
    expect(problemsOf(stream)).toEqual([]);
    const whole = openaiResponses.codec.answer.encode(answer, view) as Record<string, unknown>;
    expect({ ...lastOf(stream).response, completed_at: 0 }).toEqual({ ...whole, completed_at: 0 });
  });
});

test("whatever order of events comes in, the life cycle stays whole", () => {
  const pool: StreamEvent[] = [
    { type: "start", id: "a", model: undefined },
    { type: "part-start", index: 0, part: { type: "text" } },
    { type: "part-start", index: 1, part: { type: "refusal" } },
    { type: "part-start", index: 2, part: { type: "reasoning", isSummary: true } },
    { type: "part-start", index: 3, part: { type: "tool_call", id: "c", name: "f", kind: "function" } },
    { type: "part-start", index: 4, part: { type: "tool_call", id: "d", name: "g", kind: "custom" } },
    { type: "part-delta", index: 0, text: "x" },
    { type: "part-delta", index: 9, text: "\ud83d" },
    { type: "part-opaque", index: 0, opaque: { origin: "o", kind: "openai-encrypted", data: "e" } },
    { type: "part-stop", index: 0 },
    { type: "usage", usage, costUsd: undefined },
    { type: "logprobs", logprobs: { content: [1] } },
    { type: "logprobs", logprobs: null },
  ];
  forSeeds(3000, (random) => {
    const events = Array.from({ length: random.below(14) }, () => random.pick(pool));
    events.push(
      random.chance(0.5)
        ? { type: "finish", finish: { reason: "length", raw: undefined } }
        : { type: "error", error: new GatewayError({ code: "upstream_error", status: 502, message: "x" }) },
    );
    // The arguments of a whole call are the upstream's own affair.
    const found = problemsOf(encodeStream(events)).filter((problem) => !problem.endsWith("a whole call without JSON"));
    expect(found).toEqual([]);
  });
});
