import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { sealOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import type { Fields } from "../../../src/protocols/fields.ts";
import { codec, decoded } from "./codec-rig.ts";

function turnsOf(...messages: Fields[]) {
  return codec.request.decode({ messages }, {}).turns;
}

function partsOf(message: Fields) {
  return turnsOf(message)[0]?.parts;
}

function refusalOf(body: Fields): { message: string; param: string | undefined; status: number } {
  try {
    decoded(body);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { message: error.message, param: error.param, status: error.status };
  }
  throw new Error("it was taken");
}

const call = (name: string) => ({ role: "assistant", content: null, function_call: { name, arguments: "{}" } });

const result = (name: string) => ({ role: "function", name, content: `of ${name}` });

describe("messages", () => {
  test("every role has its turn, wherever it stands", () => {
    const messages = [
      { role: "developer", content: "d" },
      { role: "user", content: "u" },
      { role: "system", content: [{ type: "text", text: "s" }] },
      { role: "assistant", content: "a" },
    ];
    expect(turnsOf(...messages).map(({ role }) => role)).toEqual(["developer", "user", "system", "assistant"]);
  });

  test("a user's parts keep their order", () => {
    const content = [
      { type: "text", text: "Schau:" },
      { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=", detail: "low" } },
      { type: "image_url", image_url: { url: "https://x/y.png" } },
      { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
      { type: "file", file: { file_data: "data:application/pdf;base64,JVBERi0=", filename: "a.pdf" } },
      { type: "file", file: { file_id: "file-1" } },
    ];
    expect(partsOf({ role: "user", content })).toEqual([
      { type: "text", text: "Schau:" },
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" }, detail: "low" },
      { type: "image", source: { kind: "url", url: "https://x/y.png" } },
      { type: "audio", source: { kind: "base64", mediaType: "audio/mpeg", data: "AAAA" } },
      { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" }, name: "a.pdf" },
      { type: "file", source: { kind: "file-id", id: "file-1" } },
    ]);
  });

  test("a sound in a tool's result is kept as a part that others do not know", () => {
    const sound = { type: "input_audio", input_audio: { data: "data:audio/ogg;base64,AAAA" } };
    const [turn] = turnsOf({ role: "tool", tool_call_id: "c", content: [sound, { type: "text", text: "x" }] });
    expect(turn?.parts[0]).toMatchObject({ parts: [{ type: "opaque" }, { type: "text", text: "x" }] });
  });

  test("a part that nobody knows is kept as it is", () => {
    const part = { type: "video_url", video_url: { url: "https://x/y.mp4" } };
    expect(partsOf({ role: "user", content: [part] })).toEqual([
      { type: "opaque", protocol: "openai-chat", value: part },
    ]);
  });

  test("marks for a cache are read in both spellings, on a part and on a message with a bare text", () => {
    const content = [
      { type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "1h" } },
      { type: "text", text: "b", prompt_cache_breakpoint: { mode: "explicit" } },
    ];
    expect(partsOf({ role: "user", content })).toEqual([
      { type: "text", text: "a", cache: { ttl: "1h" } },
      { type: "text", text: "b", cache: { ttl: undefined } },
    ]);
    expect(partsOf({ role: "system", content: "s", cache_control: { type: "ephemeral" } })).toEqual([
      { type: "text", text: "s", cache: { ttl: undefined } },
    ]);
  });

  test("an assistant's content may be a text, nothing, or a list with a refusal and thoughts", () => {
    expect(partsOf({ role: "assistant", content: null, refusal: "No." })).toEqual([{ type: "refusal", text: "No." }]);
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "Hm" }] },
      { type: "text", text: "Hi" },
      { type: "refusal", refusal: "No." },
    ];
    expect(partsOf({ role: "assistant", content })).toEqual([
      { type: "reasoning", text: "Hm", opaque: [] },
      { type: "text", text: "Hi" },
      { type: "refusal", text: "No." },
    ]);
  });

  test("calls of functions and of custom tools, with Gemini's signature", () => {
    const message = {
      role: "assistant",
      tool_calls: [
        {
          id: "c1",
          type: "function",
          function: { name: "f", arguments: '{"a": 1.0}' },
          extra_content: { google: { thought_signature: "raw==" } },
        },
        { id: "c2", type: "custom", custom: { name: "g", input: "free text" } },
        { id: "c3", type: "function", function: { name: "h", arguments: { a: 1 } } },
        { id: "c4", type: "function", function: { name: "i" } },
      ],
    };
    expect(partsOf(message)).toEqual([
      {
        type: "tool_call",
        id: "c1",
        name: "f",
        kind: "function",
        input: '{"a": 1.0}',
        opaque: [{ origin: "", kind: "gemini-signature", data: "raw==" }],
      },
      { type: "tool_call", id: "c2", name: "g", kind: "custom", input: "free text" },
      { type: "tool_call", id: "c3", name: "h", kind: "function", input: '{"a":1}' },
      { type: "tool_call", id: "c4", name: "i", kind: "function", input: "" },
    ]);
  });

  test("functions of before tools get ids, and their results find them by name", () => {
    const turns = turnsOf(call("f"), result("f"), call("g"), call("f"), result("f"), result("g"));
    const ids = turns.flatMap(({ parts }) =>
      parts.map((part) => (part.type === "tool_call" ? part.id : part.type === "tool_result" ? `→${part.callId}` : "")),
    );
    expect(ids).toEqual([
      "call_legacy_1",
      "→call_legacy_1",
      "call_legacy_2",
      "call_legacy_3",
      "→call_legacy_3",
      "→call_legacy_2",
    ]);
    const body = { functions: [{ name: "f", parameters: { type: "object" } }], function_call: { name: "f" } };
    const { tools, toolChoice, parallelToolCalls } = decoded(body);
    expect({ tools, toolChoice, parallelToolCalls }).toEqual({
      tools: [{ name: "f", kind: "function", parameters: { type: "object" } }],
      toolChoice: { type: "tool", name: "f" },
      parallelToolCalls: false,
    });
  });
});

const state = (data: string) => ({ origin: "claude", kind: "anthropic-signature" as const, data });

const detail = (data: string, text?: string) => ({
  type: "reasoning.text",
  text,
  signature: sealOpaque([state(data)]),
});

const thoughts = (reasoning: string, ...reasoning_details: Fields[]) =>
  partsOf({ role: "assistant", content: null, reasoning, reasoning_details })?.map((part) =>
    part.type === "reasoning" ? [part.text, part.opaque[0]?.data] : [],
  );

describe("thoughts of earlier answers", () => {
  test("a bare text has no state", () => {
    for (const field of ["reasoning_content", "reasoning", "reasoning_text", "cot_summary"])
      expect(partsOf({ role: "assistant", content: "a", [field]: "Hm" })?.[0]).toEqual({
        type: "reasoning",
        text: "Hm",
        opaque: [],
      });
  });

  test("VS Code's `cot_id` is a reference, and the four names of the text are one text", () => {
    const message = {
      role: "assistant",
      content: "a",
      cot_id: "rsn_1",
      cot_summary: "Hm",
      reasoning: "Hm",
      reasoning_content: "Hm",
    };
    expect(partsOf(message)?.[0]).toEqual({
      type: "reasoning",
      text: "Hm",
      opaque: [{ origin: "", kind: "reference", data: "rsn_1" }],
    });
    expect(partsOf({ role: "assistant", content: "a", reasoning_opaque: "x" })?.[0]).toMatchObject({
      opaque: [{ kind: "reference", data: "x" }],
    });
  });

  test("our own tokens are opened, each part with its own text", () => {
    const first = { origin: "claude", kind: "anthropic-signature", data: "s1" } as const;
    const second = { origin: "claude", kind: "anthropic-redacted", data: "s2" } as const;
    const reasoning_details = [
      { type: "reasoning.text", signature: sealOpaque([first]), format: "orcestator-v1", index: 0 },
      { type: "reasoning.encrypted", data: sealOpaque([second]), format: "orcestator-v1", index: 1 },
    ];
    expect(
      partsOf({ role: "assistant", content: "a", reasoning_content: "Hm", reasoning_details })?.slice(0, 2),
    ).toEqual([
      { type: "reasoning", text: "Hm", opaque: [first] },
      { type: "reasoning", text: "", opaque: [second] },
    ]);
  });

  test("the text of all thoughts is divided among tokens whose details tell some of it", () => {
    expect(thoughts("eins zwei", detail("1"), detail("2", " zwei"))).toEqual([
      ["eins", "1"],
      [" zwei", "2"],
    ]);
    expect(thoughts("eins zwei", detail("2", " zwei"))).toEqual([
      ["eins", undefined],
      [" zwei", "2"],
    ]);
    expect(thoughts("eins zwei", detail("1", "eins"))).toEqual([
      [" zwei", undefined],
      ["eins", "1"],
    ]);
    expect(thoughts("eins", { type: "reasoning.encrypted", data: sealOpaque([state("1")]) })).toEqual([
      ["eins", undefined],
      ["", "1"],
    ]);
  });

  test("OpenRouter's own details are kept whole", () => {
    const reasoning_details = [
      { type: "reasoning.text", text: "Hm", signature: "raw", format: "anthropic-claude-v1", index: 0 },
    ];
    expect(partsOf({ role: "assistant", content: "a", reasoning_details })?.[0]).toEqual({
      type: "reasoning",
      text: "Hm",
      opaque: [{ origin: "", kind: "reasoning-details", data: JSON.stringify(reasoning_details) }],
    });
  });

  test("a damaged token holds nothing", () => {
    const reasoning_details = [{ type: "reasoning.encrypted", data: "orc1.%%%" }];
    expect(partsOf({ role: "assistant", content: null, reasoning_details })).toEqual([
      { type: "reasoning", text: "", opaque: [] },
    ]);
  });
});

describe("tools", () => {
  const weather = {
    type: "function",
    function: { name: "w", description: "d", parameters: { type: "object" }, strict: true },
  };

  test("functions, custom tools, and a tool that is not nested", () => {
    const grammar = { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } };
    const { tools } = decoded({
      tools: [
        { ...weather, cache_control: { type: "ephemeral" } },
        { type: "custom", custom: { name: "c", format: grammar } },
        { type: "function", name: "flat", parameters: {} },
      ],
    });
    expect(tools).toEqual([
      {
        name: "w",
        kind: "function",
        description: "d",
        parameters: { type: "object" },
        strict: true,
        cache: { ttl: undefined },
      },
      { name: "c", kind: "custom", format: grammar },
      { name: "flat", kind: "function", parameters: {} },
    ]);
  });

  test("a tool that runs elsewhere is told of, and so is a second of the same name", () => {
    const { tools, losses } = decoded({ tools: [{ type: "web_search" }, weather, weather] });
    expect(tools).toHaveLength(1);
    expect(losses).toEqual([
      { field: "tools[0]", reason: "tools of type web_search run at their own provider only" },
      { field: "tools", reason: "there is more than one tool w" },
    ]);
  });

  test("every form of a choice", () => {
    const choices: [unknown, unknown][] = [
      ["auto", { type: "auto" }],
      ["none", { type: "none" }],
      ["required", { type: "required" }],
      ["any", { type: "required" }],
      [null, undefined],
      [
        { type: "function", function: { name: "w" } },
        { type: "tool", name: "w" },
      ],
      [
        { type: "function", name: "w" },
        { type: "tool", name: "w" },
      ],
      [
        { type: "custom", custom: { name: "c" } },
        { type: "tool", name: "c" },
      ],
      [
        {
          type: "allowed_tools",
          allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "w" } }] },
        },
        { type: "subset", mode: "required", names: ["w"] },
      ],
    ];
    for (const [choice, expected] of choices)
      expect(decoded({ tools: [weather], tool_choice: choice }).toolChoice).toEqual(expected as never);
    const hosted = decoded({ tool_choice: { type: "web_search" } });
    expect([hosted.toolChoice, hosted.losses]).toEqual([
      undefined,
      [{ field: "tool_choice", reason: "tools of type web_search run at their own provider only" }],
    ]);
    const nameless = { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "mcp" }] } };
    expect(decoded({ tool_choice: nameless })).toMatchObject({
      toolChoice: { type: "none" },
      losses: [{ field: "tool_choice.allowed_tools.tools[0]" }],
    });
    expect(refusalOf({ tool_choice: "sometimes" }).param).toBe("tool_choice");
    expect(refusalOf({ tool_choice: { type: "function" } }).param).toBe("tool_choice");
    expect(refusalOf({ tool_choice: "__proto__" }).param).toBe("tool_choice");
  });
});

describe("settings", () => {
  test("all that have a place", () => {
    const body = {
      model: "m",
      stream: true,
      max_tokens: 5,
      max_completion_tokens: 7,
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
      min_p: 0.1,
      presence_penalty: 1,
      frequency_penalty: -1,
      repetition_penalty: 1.1,
      logit_bias: { 50256: -100 },
      seed: 42,
      stop: "END",
      n: 2,
      logprobs: true,
      top_logprobs: 3,
      verbosity: "low",
      prompt_cache_key: "k",
      safety_identifier: "s",
      user: "u",
      service_tier: "flex",
      metadata: { a: "b" },
      parallel_tool_calls: false,
      cache_control: { type: "ephemeral" },
    };
    const { turns: _, ...conversation } = decoded(body);
    expect(conversation).toEqual({
      protocol: "openai-chat",
      model: "m",
      stream: true,
      tools: [],
      maxOutputTokens: 7,
      temperature: 0,
      topP: 0.5,
      topK: 3,
      minP: 0.1,
      presencePenalty: 1,
      frequencyPenalty: -1,
      repetitionPenalty: 1.1,
      logitBias: { 50256: -100 },
      seed: 42,
      stop: ["END"],
      count: 2,
      logprobs: { top: 3 },
      verbosity: "low",
      cacheKey: "k",
      user: "s",
      serviceTier: "flex",
      metadata: { a: "b" },
      parallelToolCalls: false,
      cache: { ttl: undefined },
      extra: {},
      losses: [],
    });
  });

  test("formats", () => {
    expect(decoded({ response_format: { type: "json_object" } }).format).toEqual({ type: "json" });
    expect(decoded({ response_format: { type: "text" } }).format).toEqual({ type: "text" });
    expect(decoded({ response_format: { type: "grammar" } })).toMatchObject({ losses: [{ field: "response_format" }] });
  });

  test("wishes for reasoning in everybody's words", () => {
    const wishes: [Fields, unknown][] = [
      [{ reasoning_effort: "xhigh" }, { effort: "xhigh" }],
      [{ reasoning: { effort: "low", summary: "auto" } }, { effort: "low", isShown: true, summary: "auto" }],
      [{ reasoning: { max_tokens: 3000 } }, { budget: 3000, isShown: true }],
      [{ reasoning: { enabled: true, exclude: true } }, { budget: "dynamic", isShown: false }],
      [{ reasoning: { enabled: false } }, { effort: "none" }],
      [{ reasoning: { effort: "none" } }, { effort: "none" }],
      [{ include_reasoning: true }, { isShown: true }],
      [{ thinking: { type: "disabled" } }, { effort: "none" }],
      [{ thinking: { type: "enabled", budget_tokens: 2048 } }, { budget: 2048 }],
      [{ thinking: { type: "enabled" }, reasoning_effort: "high" }, { effort: "high" }],
      [{ reasoning_effort: null }, undefined],
    ];
    for (const [body, expected] of wishes) expect(decoded(body).reasoning).toEqual(expected as never);
    expect(decoded({ reasoning_effort: "enormous" })).toMatchObject({
      losses: [{ field: "reasoning_effort", reason: "enormous is no effort that is known" }],
    });
  });

  test("what has no place goes to `extra`, and what means nothing goes nowhere", () => {
    const extra = {
      modalities: ["audio"],
      audio: { voice: "x" },
      web_search_options: {},
      prediction: { a: 1 },
      models: ["a"],
    };
    const silent = {
      store: false,
      stream_options: {},
      usage: { include: true },
      prompt_cache_retention: "24h",
      x: null,
    };
    expect(decoded({ ...extra, ...silent }).extra).toEqual(extra);
    expect(decoded({ modalities: ["text"] }).extra).toEqual({});
    expect(decoded({ store: true }).extra).toEqual({ store: true });
  });

  test("the name of a speaker is told of once", () => {
    const messages = [
      { role: "user", name: "Ann", content: "a" },
      { role: "user", name: "Bob", content: "b" },
      { role: "tool", tool_call_id: "c", name: "f", content: "" },
    ];
    expect(decoded({ messages }).losses).toEqual([
      { field: "messages[0].name", reason: "names of speakers are not carried" },
    ]);
  });
});

describe("what cannot be read is refused by its path", () => {
  const refusals: [Fields, string][] = [
    [{ messages: "Hi" }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: ["Hi"] }, "messages[0]"],
    [{ messages: [{ role: "user", content: 7 }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: ["Hi"] }] }, "messages[0].content[0]"],
    [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text"],
    [{ messages: [{ role: "user", content: [{ type: "image_url" }] }] }, "messages[0].content[0].image_url"],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] },
      "messages[0].content[0].image_url.url",
    ],
    [{ messages: [{ role: "user", content: [{ type: "input_audio" }] }] }, "messages[0].content[0].input_audio"],
    [{ messages: [{ role: "user", content: [{ type: "file", file: {} }] }] }, "messages[0].content[0].file"],
    [{ messages: [{ role: "king", content: "Hi" }] }, "messages[0].role"],
    [{ messages: [{ content: "Hi" }] }, "messages[0].role"],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"],
    [{ messages: [{ role: "assistant", tool_calls: {} }] }, "messages[0].tool_calls"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ type: "function", function: { name: "f" } }] }] },
      "messages[0].tool_calls[0].id",
    ],
    [{ messages: [{ role: "assistant", tool_calls: [{ id: "c" }] }] }, "messages[0].tool_calls[0].function"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ id: "c", function: {} }] }] },
      "messages[0].tool_calls[0].function.name",
    ],
    [{ tools: {} }, "tools"],
    [{ tools: [null] }, "tools[0]"],
    [{ tools: [{ type: "function", function: {} }] }, "tools[0].function.name"],
    [{ temperature: "hot" }, "temperature"],
    [{ max_tokens: "10" }, "max_tokens"],
    [{ stop: [1] }, "stop[0]"],
    [{ stop: {} }, "stop"],
    [{ logit_bias: { a: "b" } }, "logit_bias"],
    [{ response_format: "json" }, "response_format"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
    [{ response_format: { type: "json_schema", json_schema: { schema: [] } } }, "response_format.json_schema.schema"],
    [{ reasoning: "high" }, "reasoning"],
    [{ stream: "yes" }, "stream"],
    [{ metadata: [] }, "metadata"],
  ];
  for (const [body, param] of refusals)
    test(`${param}: ${JSON.stringify(body).slice(0, 70)}`, () => {
      const refusal = refusalOf(body);
      expect(refusal).toMatchObject({ status: 400, param });
      expect(refusal.message).toContain(param);
    });
});

test("keys such as __proto__ do no harm", () => {
  const body = JSON.parse(
    '{"messages":[{"role":"user","content":"x","__proto__":{"a":1}}],"__proto__":{"b":1},"constructor":{"prototype":{"c":1}}}',
  ) as Fields;
  const conversation = codec.request.decode(body, {});
  expect(conversation.turns).toHaveLength(1);
  expect(({} as Fields)["b"]).toBeUndefined();
  expect(Object.keys(conversation.extra)).toContain("constructor");
});
