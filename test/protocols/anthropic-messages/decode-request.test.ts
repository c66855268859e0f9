import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { sealOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import { safeCallId } from "../../../src/protocols/canonical/call-ids.ts";
import { codec } from "./samples.ts";

const decode = (body: Record<string, unknown>) => codec.request.decode({ max_tokens: 10, messages: [], ...body }, {});
const turnsOf = (...messages: unknown[]) => decode({ messages }).turns;
const message = (content: unknown, role = "user") => ({ role, content });

test("a request of Claude Code's is read", () => {
  const conversation = decode({
    model: "smart",
    max_tokens: 32_000,
    stream: true,
    system: [
      { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.328; cch=abc" },
      { type: "text", text: "You are Claude Code.", cache_control: { type: "ephemeral", ttl: "1h" } },
    ],
    messages: [
      message([{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }]),
      message("Context: é", "system"),
    ],
    tools: [
      { name: "Bash", description: "Runs", input_schema: { $schema: "x", type: "object", properties: {} } },
      {
        name: "later",
        description: "d",
        input_schema: { type: "object" },
        defer_loading: true,
        eager_input_streaming: true,
      },
    ],
    thinking: { type: "adaptive", display: "omitted" },
    output_config: { effort: "high" },
    context_management: { edits: [] },
    metadata: { user_id: '{"session":"x"}' },
    temperature: 1,
    container: null,
  });
  expect(conversation).toMatchObject({
    protocol: "anthropic-messages",
    model: "smart",
    stream: true,
    maxOutputTokens: 32_000,
    turns: [
      { role: "system", parts: [{ type: "text", text: "You are Claude Code.", cache: { ttl: "1h" } }] },
      { role: "user", parts: [{ type: "text", text: "Hi", cache: { ttl: undefined } }] },
      { role: "system", parts: [{ type: "text", text: "Context: é" }] },
    ],
    tools: [
      { name: "Bash", kind: "function", parameters: { $schema: "x", type: "object", properties: {} } },
      { name: "later", kind: "function" },
    ],
    reasoning: { effort: "high", budget: "dynamic", isShown: false },
    user: '{"session":"x"}',
    temperature: 1,
    losses: [],
  });
  expect(conversation.extra).toEqual({ context_management: { edits: [] } });
});

describe("messages", () => {
  test("of a user with tool results become a tool turn and then the user's own", () => {
    expect(
      turnsOf(
        message([
          { type: "text", text: "And now?" },
          { type: "tool_result", tool_use_id: safeCallId("call|1"), content: "sunny" },
          { type: "tool_result", tool_use_id: "t2", is_error: true, cache_control: { type: "ephemeral" } },
          { type: "tool_result", tool_use_id: "t3", content: "" },
        ]),
      ),
    ).toEqual([
      {
        role: "tool",
        parts: [
          { type: "tool_result", callId: "call|1", parts: [{ type: "text", text: "sunny" }], isError: false },
          { type: "tool_result", callId: "t2", parts: [], isError: true, cache: { ttl: undefined } },
          { type: "tool_result", callId: "t3", parts: [], isError: false },
        ],
      },
      { role: "user", parts: [{ type: "text", text: "And now?" }] },
    ] as never);
  });

  test("of the assistant keep thoughts, words and calls in order", () => {
    const state = { origin: "router", kind: "reasoning-details", data: "[]" } as const;
    expect(
      turnsOf(
        message(
          [
            { type: "thinking", thinking: "hm", signature: sealOpaque([state]) },
            { type: "thinking", thinking: "raw", signature: "EqoB" },
            { type: "thinking", thinking: "bare", signature: "" },
            { type: "thinking", thinking: "", signature: "" },
            { type: "redacted_thinking", data: "xyz" },
            { type: "redacted_thinking" },
            { type: "text", text: "ok", citations: [{ cited_text: "c" }] },
            { type: "tool_use", id: safeCallId("call|1"), name: "f", input: { a: [1, "é"] } },
            { type: "tool_use", id: "t2", name: "f" },
            { type: "server_tool_use", id: "s" },
          ],
          "assistant",
        ),
      )[0]?.parts,
    ).toEqual([
      { type: "reasoning", text: "hm", opaque: [state] },
      { type: "reasoning", text: "raw", opaque: [{ origin: "", kind: "anthropic-signature", data: "EqoB" }] },
      { type: "reasoning", text: "bare", opaque: [] },
      { type: "reasoning", text: "", opaque: [{ origin: "", kind: "anthropic-redacted", data: "xyz" }] },
      { type: "text", text: "ok", citations: [{ cited_text: "c" }] },
      { type: "tool_call", id: "call|1", name: "f", kind: "function", input: '{"a":[1,"é"]}' },
      { type: "tool_call", id: "t2", name: "f", kind: "function", input: "" },
      { type: "opaque", protocol: "anthropic-messages", value: { type: "server_tool_use", id: "s" } },
    ] as never);
  });

  test("hold pictures and documents of every kind", () => {
    const content = [
      { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBOR" } },
      { type: "image", source: { type: "url", url: "https://x/y.png" } },
      { type: "image", source: { type: "url", url: "data:image/gif;base64,R0lG" } },
      { type: "image", source: { type: "file", file_id: "file_1" } },
      { type: "document", title: "T.pdf", source: { type: "base64", media_type: "application/pdf", data: "JVBERi" } },
      {
        type: "document",
        title: "Notes",
        context: "private",
        source: { type: "text", media_type: "text/plain", data: "a" },
      },
      { type: "document", title: "C", source: { type: "content", content: [{ type: "text", text: "b" }] } },
      { type: "document", context: "old", source: { type: "url", url: "https://x/y.pdf" } },
      { type: "search_result", title: "S", source: "https://s", content: [{ type: "text", text: "found" }] },
      { type: "tool_reference", tool_name: "later" },
      { type: "container_upload", file_id: "f" },
    ];
    const expected = [
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBOR" } },
      { type: "image", source: { kind: "url", url: "https://x/y.png" } },
      { type: "image", source: { kind: "base64", mediaType: "image/gif", data: "R0lG" } },
      { type: "image", source: { kind: "file-id", id: "file_1" } },
      { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi" }, name: "T.pdf" },
      { type: "text", text: "[Notes · private]\na" },
      { type: "text", text: "[C]\n" },
      { type: "text", text: "b" },
      { type: "text", text: "[old]" },
      { type: "file", source: { kind: "url", url: "https://x/y.pdf" } },
      { type: "text", text: "[S · https://s]\nfound" },
      { type: "text", text: "The tool later is available." },
      { type: "opaque", protocol: "anthropic-messages", value: { type: "container_upload", file_id: "f" } },
    ];
    expect(turnsOf(message(content))[0]?.parts).toEqual(expected as never);
    const [tool] = turnsOf(message([{ type: "tool_result", tool_use_id: "t", content }]));
    expect(tool?.parts[0]).toMatchObject({ parts: expected });
  });

  test("of the system may tell of tools", () => {
    expect(
      turnsOf(
        message(
          [
            { type: "tool_removal", tool: { name: "f" } },
            { type: "tool_addition", tool: { name: "g" } },
          ],
          "system",
        ),
      ),
    ).toEqual([
      {
        role: "system",
        parts: [
          { type: "text", text: "The tool f is no longer available." },
          { type: "text", text: "The tool g is available from now on." },
        ],
      },
    ]);
  });

  test("of nothing are none", () => {
    expect(turnsOf(message([]), message([{ type: "thinking", thinking: "" }], "assistant"))).toEqual([]);
  });
});

describe("settings", () => {
  test.each([
    [{ thinking: { type: "enabled", budget_tokens: 4000 } }, { budget: 4000, isShown: true }],
    [{ thinking: { type: "adaptive" } }, { budget: "dynamic" }],
    [{ thinking: { type: "between_tools", display: "summarized" } }, { budget: "dynamic", isShown: true }],
    [{ thinking: { type: "disabled" }, output_config: { effort: "high" } }, { effort: "none" }],
    [{ output_config: { effort: "max" } }, { effort: "max" }],
    [{}, undefined],
  ] as const)("%j asks for %j", (body, reasoning) => {
    expect(decode(body).reasoning).toEqual(reasoning as never);
  });

  test("of the output are a schema, in both spellings", () => {
    const format = { type: "json_schema", schema: { type: "object" } };
    const wish = { type: "schema", schema: { type: "object" } };
    expect(decode({ output_config: { format } }).format).toMatchObject(wish);
    expect(decode({ output_format: format }).format).toMatchObject(wish);
    expect(decode({ output_config: { format: null } }).format).toBeUndefined();
  });

  test("of every other kind are kept", () => {
    expect(
      decode({
        top_p: 0.5,
        top_k: 40,
        stop_sequences: ["a", " "],
        service_tier: "standard_only",
        cache_control: { type: "ephemeral" },
      }),
    ).toMatchObject({ topP: 0.5, topK: 40, stop: ["a", " "], serviceTier: "default", cache: {} });
    expect(decode({ max_tokens: 0 }).maxOutputTokens).toBe(0);
    expect(decode({ __proto__x: 1, speed: "fast" }).extra).toEqual({ __proto__x: 1, speed: "fast" });
    const extra = decode(JSON.parse('{"__proto__":{"a":1}}') as Record<string, unknown>).extra;
    expect(Object.keys(extra)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
  });

  test("that only Anthropic knows are losses", () => {
    const losses = decode({
      output_config: { effort: "colossal", task_budget: {} },
      tools: [
        { name: "f", input_schema: { type: "object" }, input_examples: [], allowed_callers: null },
        { type: "web_search_20260318", name: "web_search" },
      ],
      messages: [message([{ type: "document", citations: { enabled: true }, source: { type: "text", data: "a" } }])],
    }).losses;
    expect(losses.map(({ field }) => field)).toEqual([
      "output_config.task_budget",
      "messages[0].content[0].citations",
      "tools[0].input_examples",
      "tools[1]",
      "output_config.effort",
    ]);
  });
});

const one = [{ name: "f", input_schema: { type: "object" } }];

const choice = (isSingle: boolean) =>
  decode({ tools: one, tool_choice: { type: "auto", disable_parallel_tool_use: isSingle } }).parallelToolCalls;

describe("tools", () => {
  test("that Anthropic defines and the client runs are plain functions", () => {
    const { tools, losses } = decode({
      tools: [
        { type: "bash_20250124", name: "bash", cache_control: { type: "ephemeral" } },
        { type: "text_editor_20250728", name: "str_replace_based_edit_tool" },
        { type: "memory_20250818", name: "memory" },
        { type: "custom", name: "mine", input_schema: { type: "object" }, strict: true },
        { type: null, name: "bare" },
      ],
    });
    expect(losses).toEqual([]);
    expect(tools.map(({ name, kind }) => [name, kind])).toEqual([
      ["bash", "function"],
      ["str_replace_based_edit_tool", "function"],
      ["memory", "function"],
      ["mine", "function"],
      ["bare", "function"],
    ]);
    expect(tools[0]).toMatchObject({ cache: {}, parameters: { properties: { command: { type: "string" } } } });
    expect(tools[3]?.strict).toBe(true);
    expect(tools[4]?.parameters).toBeUndefined();
  });

  test.each([
    [{ type: "auto" }, { type: "auto" }],
    [{ type: "any" }, { type: "required" }],
    [{ type: "none" }, { type: "none" }],
    [
      { type: "tool", name: "f" },
      { type: "tool", name: "f" },
    ],
  ] as const)("chosen by %j are chosen by %j", (choice, expected) => {
    expect(decode({ tools: one, tool_choice: choice }).toolChoice).toEqual(expected);
  });

  test("one at a time", () => {
    expect([choice(true), choice(false)]).toEqual([false, undefined]);
  });

  test("B43: without any, a choice among them is left out as well", () => {
    for (const tools of [[], null, [{ type: "web_search_20250305", name: "web_search" }]]) {
      const conversation = decode({ tools, tool_choice: { type: "any", disable_parallel_tool_use: true } });
      expect([conversation.tools, conversation.toolChoice, conversation.parallelToolCalls]).toEqual([
        [],
        undefined,
        undefined,
      ]);
    }
  });

  test("of which the chosen one could not be carried leave the choice to the model", () => {
    const tools = [...one, { type: "web_search_20250305", name: "web_search" }];
    const { toolChoice, losses } = decode({ tools, tool_choice: { type: "tool", name: "web_search" } });
    expect(toolChoice).toBeUndefined();
    expect(losses.map(({ field }) => field)).toEqual(["tools[1]", "tool_choice"]);
  });
});

test.each([
  [{ messages: {} }, "messages"],
  [{ messages: undefined }, "messages"],
  [{ messages: [7] }, "messages[0]"],
  [{ messages: [message("x", "tool")] }, "messages[0].role"],
  [{ messages: [message(7)] }, "messages[0].content"],
  [{ messages: [message(["x"])] }, "messages[0].content[0]"],
  [{ messages: [message([{ type: "image" }])] }, "messages[0].content[0].source"],
  [{ messages: [message([{ type: "document", source: { type: "base64" } }])] }, "messages[0].content[0].source"],
  [{ messages: [message([{ type: "tool_result" }])] }, "messages[0].content[0].tool_use_id"],
  [{ messages: [message([{ type: "tool_result", tool_use_id: "t", content: 7 }])] }, "messages[0].content[0].content"],
  [{ messages: [message([{ type: "tool_use", id: "t" }], "assistant")] }, "messages[0].content[0].name"],
  [{ messages: [message([{ type: "tool_use", id: "", name: "f" }], "assistant")] }, "messages[0].content[0].id"],
  [{ system: 7 }, "system"],
  [{ tools: {} }, "tools"],
  [{ tools: ["x"] }, "tools[0]"],
  [{ tools: [{ input_schema: {} }] }, "tools[0].name"],
  [{ tools: [{ name: "f" }], tool_choice: "auto" }, "tool_choice"],
  [{ tools: [{ name: "f" }], tool_choice: { type: "function" } }, "tool_choice.type"],
  [{ tools: [{ name: "f" }], tool_choice: { type: "tool" } }, "tool_choice.name"],
  [{ max_tokens: "10" }, "max_tokens"],
  [{ temperature: "0" }, "temperature"],
  [{ stop_sequences: "x" }, "stop_sequences"],
  [{ stop_sequences: [7] }, "stop_sequences[0]"],
  [{ thinking: "on" }, "thinking"],
  [{ thinking: { type: "enabled", budget_tokens: "x" } }, "budget_tokens"],
  [{ output_config: { format: { type: "json_schema" } } }, "output_config.format"],
])("%j is refused, naming %p", (body, param) => {
  try {
    decode(body);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "invalid_request", status: 400, param });
  }
});
