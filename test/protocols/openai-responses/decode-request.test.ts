import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Conversation, Turn } from "../../../src/protocols/canonical/conversation.ts";
import { sealOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import { decodeInputTokensRequest } from "../../../src/protocols/openai-responses/decode-request.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { thrownBy } from "../../support/thrown-by.ts";

type Body = Readonly<Record<string, unknown>>;

function decode(body: Body): Conversation {
  return openaiResponses.codec.request.decode({ model: "m", ...body }, {});
}

function turnsOf(...input: unknown[]): readonly Turn[] {
  return decode({ input }).turns;
}

function refusalOf(body: Body): GatewayError {
  return thrownBy(() => decode(body));
}

const call = (id: string, name = "f", input = "{}") => ({ type: "function_call", call_id: id, name, arguments: input });
const output = (id: string | undefined, value: unknown = "ok") => ({
  type: "function_call_output",
  call_id: id,
  output: value,
});

describe("turns", () => {
  test("a text is the user's, instructions lead", () => {
    expect(decode({ input: "Hi é", instructions: "Be kind" }).turns).toEqual([
      { role: "system", parts: [{ type: "text", text: "Be kind" }] },
      { role: "user", parts: [{ type: "text", text: "Hi é" }] },
    ]);
  });

  test("what the model said in a row is one turn, results in a row are one", () => {
    const turns = turnsOf(
      { role: "developer", content: "D" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "U" }] },
      {
        type: "reasoning",
        summary: [
          { type: "summary_text", text: "a" },
          { type: "summary_text", text: "b" },
        ],
        encrypted_content: "gAA",
      },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "A", annotations: [] }] },
      call("c1"),
      call("c2", "g"),
      output("c1"),
      output("c2"),
      { role: "user", content: "U2" },
      { role: "user", content: "U3" },
    );
    expect(turns.map(({ role, parts }) => [role, parts.map(({ type }) => type)])).toEqual([
      ["developer", ["text"]],
      ["user", ["text"]],
      ["assistant", ["reasoning", "text", "tool_call", "tool_call"]],
      ["tool", ["tool_result", "tool_result"]],
      ["user", ["text"]],
      ["user", ["text"]],
    ]);
    expect(turns[2]?.parts[0]).toEqual({
      type: "reasoning",
      text: "a\n\nb",
      isSummary: true,
      opaque: [{ origin: "", kind: "openai-encrypted", data: "gAA" }],
    });
  });

  test("parts of every kind", () => {
    const png = "data:image/png;base64,iVBORw0KGgo=";
    const [turn] = turnsOf({
      role: "user",
      content: [
        { type: "input_text", text: "t", prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } },
        { type: "input_image", image_url: png, detail: "high" },
        { type: "input_image", image_url: "https://x/y.png" },
        { type: "input_image", file_id: "file-1" },
        { type: "input_file", file_data: "data:application/pdf;base64,JVBERi0=", filename: "a.pdf" },
        { type: "input_file", file_data: "JVBERi0=" },
        { type: "input_file", file_url: "https://x/y.pdf" },
        { type: "input_file", file_id: "file-2" },
        { type: "input_audio", input_audio: { data: "AAA", format: "mp3" } },
        { type: "input_text", text: "" },
        "bare",
      ],
    });
    expect(turn?.parts).toEqual([
      { type: "text", text: "t", cache: { ttl: "30m" } },
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" }, detail: "high" },
      { type: "image", source: { kind: "url", url: "https://x/y.png" }, detail: undefined },
      { type: "image", source: { kind: "file-id", id: "file-1" }, detail: undefined },
      { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" }, name: "a.pdf" },
      { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" }, name: undefined },
      { type: "file", source: { kind: "url", url: "https://x/y.pdf" }, name: undefined },
      { type: "file", source: { kind: "file-id", id: "file-2" }, name: undefined },
      { type: "audio", source: { kind: "base64", mediaType: "audio/mpeg", data: "AAA" } },
      { type: "text", text: "bare" },
    ]);
  });

  test("results may be pictures, objects or nothing", () => {
    const image = { type: "input_image", image_url: "https://x/y.png" };
    const turns = turnsOf(
      call("a"),
      call("b"),
      call("c"),
      output("a", [{ type: "input_text", text: "see" }, image]),
      output("b", { ok: true }),
      output("c", null),
    );
    expect(turns[1]?.parts).toMatchObject([
      { callId: "a", parts: [{ type: "text", text: "see" }, { type: "image" }], isError: false },
      { callId: "b", parts: [{ type: "text", text: '{"ok":true}' }] },
      { callId: "c", parts: [] },
    ]);
  });

  test("a result without the id of its call answers the oldest call of its name", () => {
    const turns = turnsOf(
      call("a", "f"),
      call("b", "g"),
      call("c", "g"),
      { ...output(undefined), name: "g" },
      output(undefined),
      { ...output(undefined), name: "g" },
    );
    expect(turns[1]?.parts).toMatchObject([{ callId: "b", name: "g" }, { callId: "a" }, { callId: "c" }]);
    expect(refusalOf({ input: [output(undefined)] }).param).toBe("input[0].call_id");
  });

  test("custom tools, thoughts without a summary, pictures the model made", () => {
    const turns = turnsOf(
      { type: "custom_tool_call", call_id: "c", name: "apply_patch", input: "*** é" },
      { type: "custom_tool_call_output", call_id: "c", output: "Done" },
      { type: "reasoning", id: "rs", summary: [], content: [{ type: "reasoning_text", text: "raw" }] },
      { type: "image_generation_call", id: "ig", result: "AAAA", output_format: "webp" },
      { type: "reasoning", id: "rs2", summary: [] },
    );
    expect(turns).toEqual([
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "c", name: "apply_patch", kind: "custom", input: "*** é" }],
      },
      {
        role: "tool",
        parts: [{ type: "tool_result", callId: "c", parts: [{ type: "text", text: "Done" }], isError: false }],
      },
      {
        role: "assistant",
        parts: [
          { type: "reasoning", text: "raw", isSummary: false, opaque: [] },
          { type: "image", source: { kind: "base64", mediaType: "image/webp", data: "AAAA" } },
        ],
      },
    ]);
  });

  test("reasoning that the gateway sealed is opened", () => {
    const opaque = [{ origin: "claude", kind: "anthropic-signature", data: "sig" }] as const;
    const [turn] = turnsOf({ type: "reasoning", summary: [], encrypted_content: sealOpaque(opaque) });
    expect(turn?.parts).toEqual([{ type: "reasoning", text: "", isSummary: true, opaque: [...opaque] }]);
  });

  test("items that only OpenAI knows are losses, told once for each kind", () => {
    const { turns, losses } = decode({
      input: [
        { type: "web_search_call", id: "ws_1", status: "completed" },
        { type: "web_search_call", id: "ws_2", status: "completed" },
        { type: "compaction", encrypted_content: "x" },
        { type: "something_new", a: 1 },
        { role: "user", content: [{ type: "input_hologram" }, { type: "input_text", text: "x" }] },
      ],
    });
    expect(turns).toEqual([{ role: "user", parts: [{ type: "text", text: "x" }] }]);
    expect(losses.map(({ field }) => field)).toEqual(["input[0]", "input[2]", "input[3]", "input[4].content[0]"]);
  });
});

const inner = (namespace: string, name: string) => ({
  type: "namespace",
  name: namespace,
  tools: [{ type: "function", name }],
});

describe("tools", () => {
  const codex = [
    { type: "function", name: "exec_command", description: "Run", parameters: { type: "object" }, strict: false },
    {
      type: "namespace",
      name: "multi_agent_v1",
      description: "Agents",
      tools: [
        { type: "function", name: "spawn", parameters: {} },
        { type: "function", name: "exec_command" },
        { type: "mcp" },
      ],
    },
    {
      type: "custom",
      name: "apply_patch",
      description: "Patch",
      format: { type: "grammar", syntax: "lark", definition: "start: x" },
    },
    { type: "web_search", external_web_access: true },
    { type: "tool_search" },
    { type: "local_shell" },
  ];

  test("of Codex: namespaces are flattened, hosted tools are losses and never a refusal", () => {
    const { tools, losses } = decode({ input: "x", tools: codex });
    expect(tools).toEqual([
      { name: "exec_command", kind: "function", description: "Run", parameters: { type: "object" }, strict: false },
      {
        name: "spawn",
        kind: "function",
        description: undefined,
        parameters: {},
        strict: undefined,
        namespace: { namespace: "multi_agent_v1", name: "spawn" },
      },
      {
        name: "multi_agent_v1__exec_command",
        kind: "function",
        description: undefined,
        parameters: undefined,
        strict: undefined,
        namespace: { namespace: "multi_agent_v1", name: "exec_command" },
      },
      {
        name: "apply_patch",
        kind: "custom",
        description: "Patch",
        format: { type: "grammar", syntax: "lark", definition: "start: x" },
      },
    ]);
    expect(losses.map(({ field, reason }) => `${field}: ${reason}`)).toEqual([
      "tools[1].tools[2]: tools of type mcp run at OpenAI only",
      "tools[3]: tools of type web_search run at OpenAI only",
      "tools[4]: tools of type tool_search run at OpenAI only",
      "tools[5]: tools of type local_shell run at OpenAI only",
    ]);
  });

  test("of Codex in its input join the others", () => {
    const { tools, turns } = decode({
      input: [
        { type: "additional_tools", role: "developer", tools: codex.slice(1, 2) },
        { role: "user", content: "x" },
      ],
    });
    expect(tools.map(({ name }) => name)).toEqual(["spawn", "exec_command"]);
    expect(turns).toHaveLength(1);
  });

  test("calls of the history are known by their flat names", () => {
    const nested = { ...call("c1", "exec_command"), namespace: "multi_agent_v1" };
    const { turns } = decode({
      tools: codex,
      input: [nested, call("c2", "exec_command"), call("c3", "spawn"), { ...call("c4", "gone"), namespace: "old" }],
    });
    expect(turns[0]?.parts.map((part) => part.type === "tool_call" && part.name)).toEqual([
      "multi_agent_v1__exec_command",
      "exec_command",
      "spawn",
      "old__gone",
    ]);
  });

  test("names stay unique whatever namespaces hold", () => {
    const { tools } = decode({
      input: "x",
      tools: [inner("a", "f"), inner("b", "f"), { type: "function", name: "a__f" }, inner("a", "f")],
    });
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(["a__f_2", "b__f", "a__f"]);
  });

  test("a tool nested as in chat completions is read too", () => {
    const { tools, toolChoice } = decode({
      input: "x",
      tools: [{ type: "function", function: { name: "f" } }],
      tool_choice: { type: "function", function: { name: "f" } },
    });
    expect(tools).toMatchObject([{ name: "f", kind: "function" }]);
    expect(toolChoice).toEqual({ type: "tool", name: "f" });
  });

  test.each([
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "required" }],
    [
      { type: "function", name: "spawn", namespace: "multi_agent_v1" },
      { type: "tool", name: "spawn" },
    ],
    [
      { type: "custom", name: "apply_patch" },
      { type: "tool", name: "apply_patch" },
    ],
    [
      {
        type: "allowed_tools",
        mode: "required",
        tools: [{ type: "function", name: "exec_command" }, { type: "web_search" }],
      },
      { type: "subset", mode: "required", names: ["exec_command"] },
    ],
    [{ type: "allowed_tools", mode: "auto", tools: [{ type: "web_search" }] }, { type: "none" }],
    [{ type: "web_search_preview" }, undefined],
    [{ type: "mcp", server_label: "x" }, undefined],
    [null, undefined],
  ])("tool_choice %j", (choice, expected) => {
    expect(decode({ input: "x", tools: codex, tool_choice: choice }).toolChoice).toEqual(expected as never);
  });
});

describe("settings", () => {
  test("have their places", () => {
    const conversation = decode({
      input: "x",
      stream: true,
      max_output_tokens: 100,
      temperature: 0.3,
      top_p: 0.8,
      parallel_tool_calls: false,
      top_logprobs: 2,
      include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
      text: { verbosity: "low", format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true } },
      reasoning: { effort: "xhigh", summary: "detailed", context: "all_turns" },
      metadata: { a: "b" },
      safety_identifier: "s",
      user: "u",
      prompt_cache_key: "k",
      service_tier: "flex",
      truncation: "disabled",
      store: false,
      previous_response_id: null,
      client_metadata: { x: 1 },
      stream_options: { include_obfuscation: false },
      max_tool_calls: 3,
    });
    expect(conversation).toMatchObject({
      protocol: "openai-responses",
      model: "m",
      stream: true,
      maxOutputTokens: 100,
      temperature: 0.3,
      topP: 0.8,
      parallelToolCalls: false,
      logprobs: { top: 2 },
      format: { type: "schema", name: "n", schema: { type: "object" }, strict: true },
      verbosity: "low",
      reasoning: { effort: "xhigh", summary: "detailed", isShown: true },
      metadata: { a: "b" },
      user: "s",
      cacheKey: "k",
      serviceTier: "flex",
      extra: {},
      losses: [],
    });
  });

  test("what has no place is kept for the losses, whatever its name", () => {
    const body = JSON.parse(
      `{"input":"x","truncation":"auto","context_management":[],"__proto__":{"polluted":true},"nothing":null}`,
    ) as Body;
    const { extra } = decode(body);
    expect(Object.keys(extra).toSorted()).toEqual(["__proto__", "context_management", "truncation"]);
    expect(Object.getPrototypeOf(extra)).toBe(Object.prototype);
  });

  test.each([
    [{ effort: "ultra" }, ["reasoning.effort"]],
    [{ mode: "pro", context: "current_turn" }, ["reasoning.mode", "reasoning.context"]],
    [{ effort: null, mode: "standard" }, []],
  ])("reasoning %j loses %j", (reasoning, fields) => {
    expect(decode({ input: "x", reasoning }).losses.map(({ field }) => field)).toEqual(fields);
  });

  test("a summary that is not wanted is not shown", () => {
    expect(decode({ input: "x", reasoning: { summary: "none" } }).reasoning).toEqual({ isShown: false });
    expect(decode({ input: "x", reasoning: { effort: "low" } }).reasoning).toEqual({ effort: "low" });
  });
});

describe("what cannot be read is refused with its name", () => {
  test.each([
    [{}, "input"],
    [{ input: 3 }, "input"],
    [{ input: [3] }, "input[0]"],
    [{ input: ["text"] }, "input[0]"],
    [{ input: [{ role: "boss", content: "x" }] }, "input[0].role"],
    [{ input: [{ role: "user", content: 3 }] }, "input[0].content"],
    [{ input: [{ role: "user", content: [3] }] }, "input[0].content[0]"],
    [{ input: [{ role: "user", content: [{ type: "input_image" }] }] }, "input[0].content[0].image_url"],
    [{ input: [{ role: "user", content: [{ type: "input_file" }] }] }, "input[0].content[0].file_data"],
    [{ input: [{ type: "function_call", name: "f" }] }, "input[0].call_id"],
    [{ input: [{ type: "function_call", call_id: "c" }] }, "input[0].name"],
    [{ input: [{ type: "item_reference", id: "msg_1" }] }, "input[0]"],
    [{ input: [{ id: "msg_1" }] }, "input[0]"],
    [{ input: "x", instructions: 3 }, "instructions"],
    [{ input: "x", background: true }, "background"],
    [{ input: "x", conversation: "conv_1" }, "conversation"],
    [{ input: "x", prompt: { id: "p" } }, "prompt"],
    [{ input: "x", tools: {} }, "tools"],
    [{ input: "x", tools: [3] }, "tools[0]"],
    [{ input: "x", tools: [{ type: "function" }] }, "tools[0].name"],
    [{ input: "x", tool_choice: "any" }, "tool_choice"],
    [{ input: "x", tool_choice: { type: "function" } }, "tool_choice.name"],
    [{ input: "x", text: { format: { type: "yaml" } } }, "text.format.type"],
    [{ input: "x", text: { format: { type: "json_schema", name: "n" } } }, "text.format.schema"],
    [{ input: "x", max_output_tokens: "many" }, "max_output_tokens"],
  ])("%j", (body, param) => {
    expect(refusalOf(body)).toMatchObject({ status: 400, param });
  });
});

test("the body of input_tokens needs no input, and what is stored does not matter", () => {
  expect(
    decodeInputTokensRequest({
      model: "m",
      instructions: "x",
      conversation: "c",
      tools: [{ type: "function", name: "f" }],
    }),
  ).toMatchObject({
    turns: [{ role: "system" }],
    tools: [{ name: "f" }],
  });
  expect(decodeInputTokensRequest({ input: "Hi" }).turns).toHaveLength(1);
});

test("5,000 bodies of odd values are read or refused, never a crash", () => {
  const values: unknown[] = [
    null,
    true,
    0,
    -1,
    1e308,
    "",
    "text",
    [],
    {},
    [null],
    [[]],
    { type: "function" },
    { type: "message", role: "user" },
    "\ud800",
    JSON.parse('{"__proto__":1}'),
  ];
  const fields = [
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "text",
    "reasoning",
    "include",
    "metadata",
    "stream",
    "top_logprobs",
    "temperature",
    "max_output_tokens",
    "__proto__",
  ];
  const members = [
    "type",
    "role",
    "content",
    "call_id",
    "name",
    "arguments",
    "output",
    "summary",
    "encrypted_content",
    "tools",
    "namespace",
    "input",
    "id",
    "text",
    "image_url",
  ];
  const types = [
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "custom_tool_call",
    "additional_tools",
    "input_text",
    "input_image",
    "input_file",
    "namespace",
    "custom",
  ];
  forSeeds(5000, (random) => {
    const object = (depth: number): unknown => {
      if (depth === 0 || random.chance(0.3)) return random.pick(values);
      if (random.chance(0.3)) return Array.from({ length: random.below(3) }, () => object(depth - 1));
      const entries = Array.from({ length: random.below(6) }, (): [string, unknown] => {
        const member = random.pick(members);
        return [member, member === "type" && random.chance(0.8) ? random.pick(types) : object(depth - 1)];
      });
      return Object.fromEntries(entries);
    };
    const body = Object.fromEntries(fields.filter(() => random.chance(0.4)).map((field) => [field, object(3)]));
    const input = random.chance(0.7) ? { input: Array.from({ length: random.below(4) }, () => object(3)) } : {};
    try {
      openaiResponses.codec.request.decode({ ...body, ...input }, {});
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      expect(error.status).toBe(400);
    }
  });
});
