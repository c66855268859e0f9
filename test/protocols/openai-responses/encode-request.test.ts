import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import type { Target } from "../../../src/protocols/canonical/codec.ts";
import type { Conversation, Part, Turn } from "../../../src/protocols/canonical/conversation.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { openaiResponsesWire } from "../../support/wire/openai-responses.ts";
import { conversationOf } from "../../support/conversation.ts";
import { thrownBy } from "../../support/thrown-by.ts";
import { origin, targetWith } from "./samples.ts";

interface Encoded {
  body: Record<string, unknown>;
  lost: string[];
  toolNames: ReadonlyMap<string, string> | undefined;
}

function violationsOf(body: unknown): string[] {
  return openaiResponsesWire.violationsOf({ method: "POST", path: "/v1/responses", headers: new Headers(), body });
}

/** Encodes what a real upstream must take. */
function encode(changes: Partial<Conversation>, target: Target = targetWith()): Encoded {
  const { body, losses, toolNames } = openaiResponses.codec.request.encode(conversationOf(changes), target);
  expect(violationsOf(JSON.parse(JSON.stringify(body)))).toEqual([]);
  return { body: { ...body }, lost: losses.map(({ field }) => field), toolNames };
}

function refusalOf(changes: Partial<Conversation>): GatewayError {
  return thrownBy(() => encode(changes));
}

const text = (value: string): Part => ({ type: "text", text: value });
const user: Turn = { role: "user", parts: [text("Hi")] };
const toolCall = (id: string, name = "f", input = "{}"): Part => ({
  type: "tool_call",
  id,
  name,
  kind: "function",
  input,
});
const toolResult = (callId: string, ...parts: readonly (Part & { type: "text" | "image" })[]): Part => ({
  type: "tool_result",
  callId,
  parts,
  isError: false,
});
const ok = { type: "text", text: "ok" } as const;
const own = (data: string) => ({ origin, kind: "openai-encrypted", data }) as const;

function failed(parts: readonly (Part & { type: "text" | "image" })[]): Part {
  return { type: "tool_result", callId: "c", parts, isError: true };
}

/** What a result becomes. */
function outputOf(result: Part): unknown {
  const turns: Turn[] = [user, { role: "assistant", parts: [toolCall("c")] }, { role: "tool", parts: [result] }];
  return (encode({ turns }).body["input"] as { output: unknown }[])[2]?.output;
}

describe("items", () => {
  test("what leads as the system's words becomes instructions, later ones stay where they are", () => {
    const turns: Turn[] = [
      { role: "system", parts: [text("One"), text("")] },
      { role: "developer", parts: [text("Two")] },
      user,
      { role: "developer", parts: [text("Later")] },
    ];
    const { body } = encode({ turns }, targetWith({ developerRole: true }));
    expect(body["instructions"]).toBe("One\n\nTwo");
    expect(body["input"]).toEqual([
      { type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] },
      { type: "message", role: "developer", content: [{ type: "input_text", text: "Later" }] },
    ]);
    expect(encode({ turns }).body["input"]).toMatchObject([{ role: "user" }, { role: "system" }]);
  });

  test("the system's words alone are the input, and for JSON they stay in it", () => {
    const system: Turn = { role: "system", parts: [text("Answer in JSON")] };
    expect(encode({ turns: [system] }).body).toMatchObject({ input: [{ role: "system" }] });
    const { body } = encode({ turns: [system, user], format: { type: "json" } });
    expect(body).toMatchObject({
      input: [{ role: "system" }, { role: "user" }],
      text: { format: { type: "json_object" } },
    });
  });

  test("for JSON the word is put into an input that has it not", () => {
    const { body } = encode({ format: { type: "json" }, protocol: "ollama-chat" });
    expect(body["input"]).toMatchObject([
      { role: "system", content: [{ text: "Answer with one JSON object." }] },
      { role: "user" },
    ]);
  });

  test("reasoning goes directly before what it led to, with its own state only", () => {
    const turns: Turn[] = [
      user,
      {
        role: "assistant",
        parts: [
          {
            type: "reasoning",
            text: "Sum",
            isSummary: true,
            opaque: [own("gAA"), { origin: "claude", kind: "anthropic-signature", data: "s" }],
          },
          toolCall("c1"),
          { type: "reasoning", text: "Foreign", opaque: [{ origin: "other", kind: "openai-encrypted", data: "gBB" }] },
          toolCall("c2", "g", ""),
        ],
      },
      { role: "tool", parts: [toolResult("c1", ok), toolResult("c2")] },
      {
        role: "assistant",
        parts: [
          { type: "reasoning", text: "", opaque: [own("gCC")] },
          text("A"),
          { type: "refusal", text: "R" },
          { type: "reasoning", text: "last", opaque: [own("gDD")] },
        ],
      },
    ];
    const { body, lost } = encode({ turns });
    expect(lost).toEqual([]);
    expect(body["input"]).toMatchObject([
      { role: "user" },
      { type: "reasoning", summary: [{ type: "summary_text", text: "Sum" }], encrypted_content: "gAA" },
      { type: "function_call", call_id: "c1", name: "f", arguments: "{}" },
      { type: "function_call", call_id: "c2", name: "g", arguments: "{}" },
      { type: "function_call_output", call_id: "c1", output: "ok" },
      { type: "function_call_output", call_id: "c2", output: "" },
      { type: "reasoning", summary: [], encrypted_content: "gCC" },
      {
        type: "message",
        role: "assistant",
        content: [
          { type: "output_text", text: "A" },
          { type: "refusal", refusal: "R" },
        ],
      },
    ]);
    expect(body).toMatchObject({ store: false, include: ["reasoning.encrypted_content"] });
  });

  test("state that a client brought as it came from upstream goes back", () => {
    const parts: Part[] = [
      { type: "reasoning", text: "", opaque: [{ origin: "", kind: "openai-encrypted", data: "gEE" }] },
      text("A"),
    ];
    expect(encode({ turns: [user, { role: "assistant", parts }] }).body["input"]).toMatchObject([
      {},
      { encrypted_content: "gEE" },
      {},
    ]);
  });

  test("B51: state of another upstream never goes along; its text does where the model wants it", () => {
    const parts: Part[] = [
      { type: "reasoning", text: "Thought", opaque: [{ origin: "x", kind: "anthropic-signature", data: "s" }] },
      text("A"),
    ];
    const turns: Turn[] = [user, { role: "assistant", parts }];
    expect(JSON.stringify(encode({ turns }).body)).not.toContain("reasoning_text");
    const { body } = encode({ turns }, targetWith({ wantsReasoningContent: true }));
    expect(body["input"]).toMatchObject([
      {},
      { type: "reasoning", content: [{ type: "reasoning_text", text: "Thought" }] },
      {},
    ]);
  });

  test("pictures and files of the user and of tools", () => {
    const png = { kind: "base64", mediaType: "image/png", data: "iVBO" } as const;
    const turns: Turn[] = [
      {
        role: "user",
        parts: [
          { type: "image", source: png },
          { type: "image", source: { kind: "url", url: "https://x/y" }, detail: "low" },
          { type: "image", source: { kind: "file-id", id: "file-1" } },
          { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "JVBE" } },
          { type: "file", source: { kind: "url", url: "https://x/z" } },
          { type: "file", source: { kind: "file-id", id: "file-2" } },
        ],
      },
      { role: "assistant", parts: [toolCall("c")] },
      { role: "tool", parts: [toolResult("c", ok, { type: "image", source: png })] },
    ];
    const { body } = encode({ turns });
    expect(body["input"]).toMatchObject([
      {
        content: [
          { type: "input_image", image_url: "data:image/png;base64,iVBO", detail: "auto" },
          { type: "input_image", image_url: "https://x/y", detail: "low" },
          { type: "input_image", file_id: "file-1" },
          { type: "input_file", filename: "file.pdf", file_data: "data:application/pdf;base64,JVBE" },
          { type: "input_file", file_url: "https://x/z" },
          { type: "input_file", file_id: "file-2" },
        ],
      },
      {},
      {
        output: [
          { type: "input_text", text: "ok" },
          { type: "input_image", image_url: "data:image/png;base64,iVBO" },
        ],
      },
    ]);
    expect(refusalOf({ turns: turns.slice(0, 1), protocol: "anthropic-messages" }).param).toBe("messages");
  });

  test("an error of a tool is told in words", () => {
    expect(outputOf(failed([{ type: "text", text: "no such file" }]))).toBe("Error: no such file");
    expect(outputOf(failed([{ type: "text", text: "Error: gone" }]))).toBe("Error: gone");
    expect(outputOf(failed([]))).toBe("Error: ");
    expect(outputOf(failed([ok, ok]))).toMatchObject([{ text: "Error:" }, { text: "ok" }, { text: "ok" }]);
  });

  test("a result without its call is left out and told", () => {
    const { body, lost } = encode({ turns: [user, { role: "tool", parts: [toolResult("gone", ok)] }, user] });
    expect(body["input"]).toHaveLength(2);
    expect(lost).toEqual(["messages"]);
  });

  test("B39: ids of calls that OpenAI does not take are changed, each to another", () => {
    const ids = ["call_1", "fc 1", "fc_1", "x".repeat(100), `${"x".repeat(99)}y`, "é"];
    const turns: Turn[] = [
      user,
      { role: "assistant", parts: ids.map((id) => toolCall(id)) },
      { role: "tool", parts: ids.map((id) => toolResult(id, ok)) },
    ];
    const { body } = encode({ turns });
    expect(new Set((body["input"] as { call_id?: string }[]).flatMap(({ call_id: id }) => id ?? [])).size).toBe(
      ids.length,
    );
  });

  test("a custom tool's calls keep their text, and their results their kind", () => {
    const turns: Turn[] = [
      user,
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "c", name: "apply_patch", kind: "custom", input: "*** é" }],
      },
      { role: "tool", parts: [toolResult("c", ok)] },
    ];
    expect(encode({ turns }).body["input"]).toMatchObject([
      {},
      { type: "custom_tool_call", input: "*** é" },
      { type: "custom_tool_call_output" },
    ]);
  });

  test("cache marks go along where they are taken", () => {
    const turns: Turn[] = [
      { role: "system", parts: [{ type: "text", text: "S", cache: { ttl: "1h" } }] },
      { role: "user", parts: [{ type: "text", text: "U", cache: { ttl: "30m" } }] },
    ];
    expect(encode({ turns }, targetWith({ chatCache: "prompt_cache_breakpoint" })).body["input"]).toMatchObject([
      { role: "system", content: [{ prompt_cache_breakpoint: { mode: "explicit" } }] },
      { role: "user", content: [{ prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } }] },
    ]);
    const { body, lost } = encode({ turns });
    expect([body["instructions"], lost]).toEqual(["S", []]);
  });

  test("sound is refused, and what else has no place is told", () => {
    const sound: Part = { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "A" } };
    expect(refusalOf({ turns: [{ role: "user", parts: [sound] }] })).toMatchObject({ status: 400, param: "messages" });
    const opaque: Part = { type: "opaque", protocol: "gemini-generate", value: {} };
    expect(encode({ turns: [{ role: "user", parts: [text("x"), opaque] }], protocol: "gemini-generate" }).lost).toEqual(
      ["contents"],
    );
    const picture: Part = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA" } };
    expect(encode({ turns: [user, { role: "assistant", parts: [picture] }, user] }).body["input"]).toMatchObject([
      {},
      { type: "image_generation_call", result: "AA" },
      {},
    ]);
  });
});

/** A function's schema as it goes out. */
function parametersOf(parameters: Record<string, unknown>): unknown {
  const { body } = encode({ tools: [{ name: "f", kind: "function", parameters }] });
  return (body["tools"] as { parameters: unknown }[])[0]?.parameters;
}

describe("tools", () => {
  const tools: Conversation["tools"] = [
    {
      name: "f",
      kind: "function",
      description: "d",
      parameters: { type: "object", properties: { a: { type: "string" } } },
      strict: true,
    },
    { name: "no parameters.é", kind: "function" },
    {
      name: "apply_patch",
      kind: "custom",
      format: { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } },
    },
  ];

  test("are flat, strict only where the client said so, and named as OpenAI takes names", () => {
    const { body, toolNames } = encode({
      tools,
      toolChoice: { type: "tool", name: "apply_patch" },
      parallelToolCalls: false,
    });
    expect(body).toMatchObject({
      tools: [
        { type: "function", name: "f", description: "d", parameters: tools[0]?.parameters, strict: true },
        { type: "function", name: "no_parameters__", parameters: { type: "object", properties: {} }, strict: false },
        { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "start: x" } },
      ],
      tool_choice: { type: "custom", name: "apply_patch" },
      parallel_tool_calls: false,
    });
    expect([...(toolNames ?? [])]).toEqual([["no_parameters__", "no parameters.é"]]);
    expect(encode({ tools: tools.slice(0, 1), toolChoice: { type: "auto" } }).toolNames).toBeUndefined();
  });

  test("a schema always says that it is an object's, and with which properties", () => {
    expect(parametersOf({})).toEqual({ type: "object", properties: {} });
    expect(parametersOf({ type: "object", additionalProperties: true })).toEqual({
      type: "object",
      properties: {},
      additionalProperties: true,
    });
  });

  test("names that become alike stay apart, in calls too", () => {
    const alike = ["a b", "a.b", "a_b", "a_b_2"].map((name) => ({ name, kind: "function" as const }));
    const turns: Turn[] = [
      user,
      { role: "assistant", parts: [toolCall("c", "a.b")] },
      { role: "tool", parts: [toolResult("c", ok)] },
    ];
    const { body } = encode({ tools: alike, turns });
    const names = (body["tools"] as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(["a_b_3", "a_b_4", "a_b", "a_b_2"]);
    expect((body["input"] as { name?: string }[])[1]?.name).toBe("a_b_4");
  });

  test("B43: a choice without tools is left out", () => {
    const { body } = encode({ tools: [], toolChoice: { type: "required" }, parallelToolCalls: false });
    expect(body).not.toHaveProperty("tools");
    expect(body).not.toHaveProperty("tool_choice");
    expect(body).not.toHaveProperty("parallel_tool_calls");
  });

  test.each([
    [{ type: "auto" }, "auto"],
    [{ type: "none" }, "none"],
    [{ type: "required" }, "required"],
    [
      { type: "tool", name: "f" },
      { type: "function", name: "f" },
    ],
    [
      { type: "subset", mode: "required", names: ["f", "apply_patch"] },
      {
        type: "allowed_tools",
        mode: "required",
        tools: [
          { type: "function", name: "f" },
          { type: "custom", name: "apply_patch" },
        ],
      },
    ],
  ] as const)("the choice %j", (toolChoice, expected) => {
    expect(encode({ tools, toolChoice }).body["tool_choice"]).toEqual(expected);
  });

  test("a Responses client's own tools keep what they say of strictness", () => {
    const { body } = encode({ protocol: "openai-responses", tools: [{ name: "f", kind: "function" }] });
    expect(body["tools"]).toMatchObject([{ strict: null }]);
  });
});

describe("settings", () => {
  test("B45: what Responses have goes along", () => {
    const { body, lost } = encode({
      stream: true,
      maxOutputTokens: 500,
      temperature: 0.2,
      topP: 0.5,
      logprobs: { top: 3 },
      format: { type: "schema", name: "my schema", description: "D", schema: { type: "object" }, strict: true },
      verbosity: "low",
      reasoning: { effort: "high", isShown: true },
      metadata: { a: "b", c: 3, d: "x".repeat(600) },
      user: "u",
      cacheKey: "k",
      serviceTier: "priority",
    });
    expect(body).toEqual({
      model: "gpt-x",
      input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] }],
      stream: true,
      store: false,
      include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
      top_logprobs: 3,
      temperature: 0.2,
      top_p: 0.5,
      max_output_tokens: 500,
      text: {
        format: { type: "json_schema", name: "my_schema", description: "D", schema: { type: "object" }, strict: true },
        verbosity: "low",
      },
      reasoning: { effort: "high", summary: "auto" },
      metadata: { a: "b" },
      safety_identifier: "u",
      prompt_cache_key: "k",
      service_tier: "priority",
    });
    expect(lost).toEqual([]);
  });

  test("what they have not is told by the client's own names", () => {
    const strange = {
      topK: 5,
      minP: 0.1,
      presencePenalty: 1,
      frequencyPenalty: 1,
      repetitionPenalty: 1.1,
      seed: 1,
      logitBias: { "1": 2 },
      stop: ["x"],
    };
    expect(encode(strange).lost).toEqual([
      "top_k",
      "min_p",
      "presence_penalty",
      "frequency_penalty",
      "repetition_penalty",
      "seed",
      "logit_bias",
      "stop",
    ]);
    expect(encode({ topK: 5, stop: ["x"], protocol: "gemini-generate" }).lost).toEqual([
      "generationConfig.topK",
      "generationConfig.stopSequences",
    ]);
    expect(encode({ minP: 0.5, seed: 2, protocol: "ollama-chat" }).lost).toEqual(["options.min_p", "options.seed"]);
    expect(encode({ stop: ["x"], protocol: "anthropic-messages" }).lost).toEqual(["stop_sequences"]);
  });

  test("what changes nothing is no loss", () => {
    const { lost } = encode({
      topK: 0,
      minP: 0,
      presencePenalty: 0,
      frequencyPenalty: 0,
      repetitionPenalty: 1,
      logitBias: {},
    });
    expect(lost).toEqual([]);
    const { body, lost: none } = encode({ temperature: 1, topP: 1 }, targetWith({ sampling: "none" }));
    expect([body["temperature"], body["top_p"], none]).toEqual([undefined, undefined, []]);
  });

  test("B53: sampling that the model does not take is dropped and told", () => {
    const { body, lost } = encode({ temperature: 0, topP: 0.5 }, targetWith({ sampling: "none" }));
    expect([body["temperature"], body["top_p"], lost]).toEqual([undefined, undefined, ["temperature", "top_p"]]);
    expect(encode({ temperature: 0, topP: 0.5 }, targetWith({ sampling: "one" })).lost).toEqual(["top_p"]);
    expect(encode({ topP: 0.5 }, targetWith({ sampling: "one" })).body["top_p"]).toBe(0.5);
    expect(encode({ temperature: 1.5 }, targetWith({ highestTemperature: 1 }))).toMatchObject({
      body: { temperature: 1 },
      lost: ["temperature"],
    });
  });

  test("the limit is at least what OpenAI takes, and at most what the model gives", () => {
    expect(encode({ maxOutputTokens: 1 })).toMatchObject({ body: { max_output_tokens: 16 }, lost: ["max_tokens"] });
    expect(encode({ maxOutputTokens: 99_999 }, targetWith({ maxOutputTokens: 4096 })).body["max_output_tokens"]).toBe(
      4096,
    );
    expect(encode({}).body).not.toHaveProperty("max_output_tokens");
  });

  test.each([
    [{ effort: "low" }, undefined, { effort: "low" }],
    [{ effort: "none" }, undefined, { effort: "none" }],
    [{ effort: "max" }, ["low", "medium", "high"], { effort: "high" }],
    [{ effort: "minimal" }, ["none", "low", "high"], { effort: "low" }],
    [{ effort: "none" }, ["minimal", "low"], { effort: "minimal" }],
    [{ effort: "medium" }, ["low", "high"], { effort: "low" }],
    [{ budget: 0 }, undefined, { effort: "none" }],
    [{ budget: 1024 }, undefined, { effort: "minimal", summary: "auto" }],
    [{ budget: 4999 }, undefined, { effort: "low", summary: "auto" }],
    [{ budget: 9999 }, undefined, { effort: "medium", summary: "auto" }],
    [{ budget: 32_000 }, undefined, { effort: "high", summary: "auto" }],
    [{ budget: "dynamic" }, undefined, { summary: "auto" }],
    [{ budget: "dynamic", isShown: false, effort: "high" }, undefined, { effort: "high" }],
    [{ isShown: true, summary: "detailed" }, undefined, { summary: "detailed" }],
    [{}, undefined, undefined],
  ] as const)("the wish %j of a model that takes %j", (reasoning, efforts, expected) => {
    const { body, lost } = encode({ reasoning }, targetWith({ efforts }));
    expect(body["reasoning"]).toEqual(expected as never);
    expect(lost).toEqual([]);
  });

  test("a model that cannot think is not asked to", () => {
    const { body, lost } = encode(
      { reasoning: { effort: "high", isShown: true } },
      targetWith({ chatReasoning: "none" }),
    );
    expect(body).not.toHaveProperty("reasoning");
    expect(body).not.toHaveProperty("include");
    expect(lost).toEqual(["reasoning_effort"]);
    expect(encode({ reasoning: { effort: "none" } }, targetWith({ efforts: [] })).lost).toEqual([]);
  });

  test("B47: a schema that the model does not take is asked for in words, and that is told", () => {
    const format = {
      type: "schema",
      name: undefined,
      description: undefined,
      schema: { type: "object" },
      strict: undefined,
    } as const;
    const { body, lost } = encode({ format }, targetWith({ structuredOutput: false }));
    expect(lost).toEqual(["response_format"]);
    expect(body).toMatchObject({
      input: [{ content: [{ text: 'Answer with one JSON object that fits this JSON Schema: {"type":"object"}' }] }, {}],
      text: { format: { type: "json_object" } },
    });
    expect(encode({ format }).body["text"]).toEqual({
      format: { type: "json_schema", name: "answer", schema: { type: "object" } },
    });
    expect(encode({ format: { type: "text" } }).body["text"]).toEqual({ format: { type: "text" } });
  });

  test("a user's name that is too long goes as a hash", () => {
    const { body } = encode({ user: `{"device_id":"${"x".repeat(100)}"}` });
    expect(body["safety_identifier"]).toMatch(/^[0-9a-f]{64}$/);
  });

  test("fields of the client's own are taken, silent or lost", () => {
    const extra = {
      store: true,
      stream_options: {},
      prompt_cache_retention: "24h",
      prediction: {},
      provider: { order: [] },
      keep_alive: "5m",
    };
    expect(encode({ extra })).toMatchObject({
      body: { prompt_cache_retention: "24h", store: false },
      lost: ["store", "prediction", "provider"],
    });
    const routed = openaiResponses.codec.request.encode(
      conversationOf({ extra }),
      targetWith({}, { provider: "openrouter" }),
    );
    expect(routed.body["provider"]).toEqual({ order: [] });
    expect(encode({ extra: { truncation: "auto" }, protocol: "openai-responses" }).body["truncation"]).toBe("auto");
    expect(encode({ extra: { container: "c" }, protocol: "anthropic-messages" }).lost).toEqual(["container"]);
    const odd = JSON.parse('{"__proto__":{"a":1}}') as Record<string, unknown>;
    expect(encode({ extra: odd }).lost).toEqual(["__proto__"]);
  });

  test("more than one answer is refused", () => {
    expect(refusalOf({ count: 2 })).toMatchObject({ status: 400, param: "n" });
    expect(encode({ count: 1 }).lost).toEqual([]);
  });
});

test("a Responses request that is read and written again means the same", () => {
  const body = {
    model: "gpt-x",
    instructions: "Be kind",
    input: [
      {
        type: "message",
        role: "user",
        content: [
          { type: "input_text", text: "é 😀" },
          { type: "input_image", detail: "auto", image_url: "https://x/y" },
        ],
      },
      { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "s" }], encrypted_content: "gAA" },
      { type: "function_call", call_id: "c1", name: "f", arguments: '{"a":1.0}' },
      { type: "function_call_output", call_id: "c1", output: "ok" },
      {
        type: "message",
        id: "msg_2",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "Done", annotations: [] }],
      },
      { type: "message", role: "user", content: [{ type: "input_text", text: "more" }] },
    ],
    tools: [
      { type: "function", name: "f", description: "d", parameters: { type: "object", properties: {} }, strict: true },
    ],
    tool_choice: { type: "function", name: "f" },
    parallel_tool_calls: false,
    stream: true,
    store: false,
    include: ["reasoning.encrypted_content"],
    temperature: 0.5,
    max_output_tokens: 100,
    text: { verbosity: "high" },
    reasoning: { effort: "medium", summary: "concise" },
    truncation: "auto",
    prompt_cache_key: "k",
  };
  const conversation = openaiResponses.codec.request.decode(body, {});
  const { body: again, losses } = openaiResponses.codec.request.encode(conversation, targetWith());
  expect(again).toEqual(body);
  expect([...conversation.losses, ...losses]).toEqual([]);
});

test("3,000 conversations of any turns are requests that OpenAI takes", () => {
  forSeeds(3000, (random) => {
    const calls: string[] = [];
    const turns: Turn[] = [];
    const anyText = (): string => random.pick(["", "x", "é 😀", "\ud800"]);
    for (let count = random.below(6); count >= 0; count -= 1) {
      const role = random.pick(["system", "developer", "user", "assistant"] as const);
      if (role === "assistant") {
        const ids = Array.from({ length: random.below(3) }, (_, index) => `call_${turns.length}_${index}`);
        const thought: Part = {
          type: "reasoning",
          text: anyText(),
          opaque: random.chance(0.5) ? [own(`g${turns.length}`)] : [],
        };
        const parts = [
          thought,
          text(anyText()),
          ...ids.map((id) => toolCall(id, random.pick(["f", "g h"]), random.pick(["", "{}"]))),
          text(anyText()),
        ];
        turns.push({ role, parts: parts.filter(() => random.chance(0.8)) });
        const made = (turns.at(-1)?.parts ?? []).flatMap((part) => (part.type === "tool_call" ? [part.id] : []));
        calls.push(...made);
        if (made.length > 0)
          turns.push({ role: "tool", parts: made.map((id) => toolResult(id, { type: "text", text: anyText() })) });
      } else turns.push({ role, parts: [text(anyText())] });
    }
    turns.push(user);
    const traits = {
      developerRole: random.chance(0.5),
      sampling: random.pick(["all", "one", "none"] as const),
      wantsReasoningContent: random.chance(0.3),
    };
    encode(
      { turns, temperature: random.chance(0.5) ? 0.5 : undefined, topP: random.chance(0.5) ? 0.5 : undefined },
      targetWith(traits),
    );
  });
});
