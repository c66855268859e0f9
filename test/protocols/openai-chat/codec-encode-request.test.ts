import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import type { Conversation, Effort, Part, Tool } from "../../../src/protocols/canonical/conversation.ts";
import type { Fields } from "../../../src/protocols/fields.ts";
import { thrownBy } from "../../support/thrown-by.ts";
import { bodyOf, encoded, messagesOf, openaiTarget, openrouterTarget, origin, targetOf, turn } from "./codec-rig.ts";

const picture: Part = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } };
const pictureShown = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };

function call(id: string, name = "f", input = '{"a":1}'): Part {
  return { type: "tool_call", id, name, kind: "function", input };
}

function result(callId: string, ...parts: (string | Part)[]): Part {
  const inner = parts.map((part) => (typeof part === "string" ? { type: "text" as const, text: part } : part));
  return { type: "tool_result", callId, parts: inner as never, isError: false };
}

function refusalOf(changes: Partial<Conversation>, target = targetOf()): GatewayError {
  return thrownBy(() => encoded(changes, target));
}

describe("messages", () => {
  test("a developer is a system message but where the role is known", () => {
    const turns = [turn("developer", "Be kind."), turn("user", "Hi")];
    expect(messagesOf({ turns })[0]).toEqual({ role: "system", content: "Be kind." });
    expect(messagesOf({ turns }, openaiTarget)[0]).toEqual({ role: "developer", content: "Be kind." });
  });

  test("a system message in the middle stays, or becomes the user's reminder where it is not taken", () => {
    const turns = [turn("user", "Hi"), turn("system", "Be kind.")];
    expect(messagesOf({ turns })[1]).toEqual({ role: "system", content: "Be kind." });
    expect(messagesOf({ turns }, targetOf({ systemAnywhere: false }))[1]).toEqual({
      role: "user",
      content: "<system-reminder>\nBe kind.\n</system-reminder>",
    });
  });

  test("texts are one text, and a list only where there is more than text", () => {
    expect(messagesOf({ turns: [turn("user", "a", "b")] })[0]).toEqual({ role: "user", content: "a\n\nb" });
    const pieces = { protocol: "gemini-generate" as const, turns: [turn("user", "a", "b")] };
    expect(messagesOf(pieces)[0]).toEqual({ role: "user", content: "ab" });
    expect(messagesOf({ turns: [turn("user", "a", picture)] })[0]).toEqual({
      role: "user",
      content: [{ type: "text", text: "a" }, pictureShown],
    });
  });

  test("sounds and documents", () => {
    const pdf: Part = {
      type: "file",
      source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
      name: "a.pdf",
    };
    const note: Part = {
      type: "file",
      source: { kind: "base64", mediaType: "text/plain", data: btoa("Hello") },
      name: "n.txt",
    };
    const sound: Part = { type: "audio", source: { kind: "base64", mediaType: "audio/mpeg", data: "AAAA" } };
    expect(messagesOf({ turns: [turn("user", pdf, note, sound)] })[0]?.["content"]).toEqual([
      { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } },
      { type: "text", text: "[n.txt]\nHello" },
      { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
    ]);
  });

  test("a document or a sound by URL is refused with advice, except a document at OpenRouter", () => {
    const file: Part = { type: "file", source: { kind: "url", url: "https://x/a.pdf" } };
    const sound: Part = { type: "audio", source: { kind: "url", url: "https://x/a.mp3" } };
    for (const part of [file, sound]) {
      const refusal = refusalOf({ turns: [turn("user", part)] });
      expect(refusal).toMatchObject({ status: 400, param: "messages" });
      expect(refusal.message).toContain("inline as base64");
    }
    expect(messagesOf({ turns: [turn("user", file)] }, openrouterTarget)[0]).toMatchObject({
      content: [{ file: { file_data: "https://x/a.pdf" } }],
    });
  });

  test("a file id goes to OpenAI's own protocols only, and a foreign part is told of", () => {
    const file: Part = { type: "file", source: { kind: "file-id", id: "file-1" } };
    const foreign: Part = { type: "opaque", protocol: "anthropic-messages", value: { type: "x" } };
    expect(messagesOf({ protocol: "openai-responses", turns: [turn("user", file)] })[0]).toMatchObject({
      content: [{ type: "file", file: { file_id: "file-1" } }],
    });
    expect(encoded({ turns: [turn("user", "a", file, foreign)] }).losses).toEqual([
      { field: "messages", reason: "documents kept as files cannot be named in openai-chat" },
      { field: "messages", reason: "a part that only anthropic-messages knows" },
    ]);
  });

  test("results come right behind their calls, their pictures in a message of the user's behind all of them", () => {
    const turns = [
      turn("user", "Hi"),
      turn("assistant", "Looking.", call("c1"), call("c2")),
      turn("tool", result("c1", "a", picture), result("c2", "b")),
      turn("user", "So?"),
    ];
    expect(messagesOf({ turns }).slice(1)).toEqual([
      {
        role: "assistant",
        content: "Looking.",
        tool_calls: [
          { id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
          { id: "c2", type: "function", function: { name: "f", arguments: '{"a":1}' } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "a\n\n[The attachment is in the next message.]" },
      { role: "tool", tool_call_id: "c2", content: "b" },
      { role: "user", content: [{ type: "text", text: "Attachment of the tool result c1:" }, pictureShown] },
      { role: "user", content: "So?" },
    ]);
  });

  test("a failed result begins with `Error: `, once", () => {
    const failed = (text: string): Part => ({ ...result("c1", text), isError: true }) as Part;
    const contentOf = (text: string) =>
      messagesOf({ turns: [turn("assistant", call("c1")), turn("tool", failed(text))] })[1]?.["content"];
    expect(contentOf("no file")).toBe("Error: no file");
    expect(contentOf("Error: no file")).toBe("Error: no file");
    const empty = { ...result("c1"), isError: true } as Part;
    expect(messagesOf({ turns: [turn("assistant", call("c1")), turn("tool", empty)] })[1]?.["content"]).toBe("Error: ");
  });

  test("a call without a result gets one, and a result without a call becomes text", () => {
    const turns = [turn("assistant", call("c1")), turn("user", "Stop."), turn("tool", result("c9", "late"))];
    const { body, losses, violations } = encoded({ turns });
    expect(violations).toEqual([]);
    expect(body["messages"]).toMatchObject([
      { role: "assistant" },
      { role: "tool", tool_call_id: "c1", content: "There is no result." },
      { role: "user", content: "Stop." },
      { role: "user", content: "Result of a tool:\n\nlate" },
    ]);
    expect(losses).toEqual([
      { field: "messages", reason: "a tool's result without its call is sent as the user's text" },
    ]);
  });

  test("assistant turns in a row are one message, as Responses have them one for each item", () => {
    const turns = [
      turn("user", "Hi"),
      turn("assistant", "Looking."),
      turn("assistant", call("c1")),
      turn("tool", result("c1", "x")),
    ];
    expect(messagesOf({ turns })).toHaveLength(3);
  });

  test("an assistant that only calls has no content, and a call without arguments has `{}`", () => {
    const turns = [turn("assistant", call("c1", "f", "")), turn("tool", result("c1", "x"))];
    expect(messagesOf({ turns })[0]).toEqual({
      role: "assistant",
      content: null,
      tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }],
    });
  });

  test("ids that servers refuse are changed the same way in calls and results", () => {
    const id = `call_${"x".repeat(80)}`;
    const turns = [turn("assistant", call(id)), turn("tool", result(id, "x"))];
    for (const target of [targetOf(), targetOf({ provider: "mistral" })]) {
      const [assistant, tool] = messagesOf({ turns }, target);
      const [called] = (assistant?.["tool_calls"] ?? []) as Fields[];
      expect(called?.["id"]).toBe(tool?.["tool_call_id"] as string);
      expect(String(called?.["id"])).toMatch(target.provider === "mistral" ? /^[a-z0-9]{9}$/ : /^call_[a-z0-9]{6,20}$/);
    }
  });

  test("a refusal has its own field at OpenAI and is text elsewhere", () => {
    const turns = [turn("user", "Hi"), turn("assistant", { type: "refusal", text: "No." }), turn("user", "Why?")];
    expect(messagesOf({ turns }, openaiTarget)[1]).toEqual({ role: "assistant", content: null, refusal: "No." });
    expect(messagesOf({ turns })[1]).toEqual({ role: "assistant", content: "No." });
  });

  test("an assistant at the end is followed by a word of the user's where it may not stand there", () => {
    const turns = [turn("user", "Hi"), turn("assistant", "Hel")];
    expect(messagesOf({ turns })).toHaveLength(2);
    expect(messagesOf({ turns }, targetOf({ prefill: false })).at(-1)).toEqual({ role: "user", content: "Continue." });
  });

  test("halves of characters are mended", () => {
    expect(messagesOf({ turns: [turn("user", "a\ud83d")] })[0]?.["content"]).toBe("a\ufffd");
  });
});

describe("reasoning of the history", () => {
  const own = {
    origin,
    kind: "reasoning-details" as const,
    data: '[{"type":"reasoning.text","text":"Hm","signature":"s"}]',
  };
  const foreign = { origin: "other", kind: "anthropic-signature" as const, data: "x" };
  const thoughts = (...opaque: (typeof own | typeof foreign)[]): Part => ({ type: "reasoning", text: "Hm", opaque });
  const turns = [turn("user", "Hi"), turn("assistant", thoughts(own, foreign), "Hello"), turn("user", "?")];

  test("nobody gets what is another's", () => {
    expect(messagesOf({ turns })[1]).toEqual({ role: "assistant", content: "Hello" });
  });

  test("a model that wants it gets the text on every assistant turn", () => {
    const target = targetOf({ wantsReasoningContent: true });
    const messages = messagesOf({ turns: [...turns, turn("assistant", "Bye"), turn("user", "!")] }, target);
    expect(messages[1]).toEqual({ role: "assistant", content: "Hello", reasoning_content: "Hm" });
    expect(messages[3]).toEqual({ role: "assistant", content: "Bye", reasoning_content: "" });
  });

  test("OpenRouter gets its own details back as they were", () => {
    expect(messagesOf({ turns }, openrouterTarget)[1]).toEqual({
      role: "assistant",
      content: "Hello",
      reasoning_details: [{ type: "reasoning.text", text: "Hm", signature: "s" }],
    });
    const damaged = { ...own, data: "{" };
    expect(messagesOf({ turns: [turn("assistant", thoughts(damaged), "a")] }, openrouterTarget)[0]).toEqual({
      role: "assistant",
      content: "a",
    });
  });
});

describe("tools", () => {
  const weather: Tool = { name: "w", kind: "function", description: "d", parameters: { type: "object" }, strict: true };
  const patch: Tool = {
    name: "patch",
    kind: "custom",
    description: "Edits.",
    format: { type: "grammar", syntax: "lark", definition: "start: x" },
  };

  test("a function, and one that takes nothing", () => {
    expect(bodyOf({ tools: [weather, { name: "n", kind: "function" }] })["tools"]).toEqual([
      { type: "function", function: { name: "w", description: "d", parameters: { type: "object" }, strict: true } },
      { type: "function", function: { name: "n", parameters: { type: "object", properties: {} } } },
    ]);
  });

  test("a custom tool stays one at OpenAI and is a function with one text elsewhere", () => {
    const turns = [
      turn("assistant", { type: "tool_call", id: "c1", name: "patch", kind: "custom", input: 'a "b"' }),
      turn("tool", result("c1", "ok")),
    ];
    const changes: Partial<Conversation> = { tools: [patch], toolChoice: { type: "tool", name: "patch" }, turns };
    const atOpenai = bodyOf(changes, openaiTarget);
    expect(atOpenai["tools"]).toEqual([
      {
        type: "custom",
        custom: {
          name: "patch",
          description: "Edits.",
          format: { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } },
        },
      },
    ]);
    expect(atOpenai["tool_choice"]).toEqual({ type: "custom", custom: { name: "patch" } });
    expect(atOpenai["messages"]).toMatchObject([{ tool_calls: [{ type: "custom", custom: { input: 'a "b"' } }] }, {}]);
    const elsewhere = bodyOf(changes);
    expect(elsewhere["tools"]).toMatchObject([{ function: { name: "patch", parameters: { required: ["input"] } } }]);
    expect(JSON.stringify(elsewhere["tools"])).toContain("start: x");
    expect(elsewhere["tool_choice"]).toEqual({ type: "function", function: { name: "patch" } });
    expect(elsewhere["messages"]).toMatchObject([
      { tool_calls: [{ type: "function", function: { arguments: '{"input":"a \\"b\\""}' } }] },
      {},
    ]);
  });

  test("illegal names are changed everywhere, each to its own, and can be changed back", () => {
    const tools: Tool[] = ["mcp.server/a", "mcp_server_a", "x".repeat(70)].map((name) => ({ name, kind: "function" }));
    const turns = [turn("assistant", call("c1", "mcp.server/a")), turn("tool", result("c1", "x"))];
    const { body, toolNames, violations } = encoded({
      tools,
      turns,
      toolChoice: { type: "tool", name: "mcp.server/a" },
    });
    expect(violations).toEqual([]);
    expect(toolNames?.get("mcp_server_a_2")).toBe("mcp.server/a");
    expect(body["tool_choice"]).toEqual({ type: "function", function: { name: "mcp_server_a_2" } });
    expect(body["messages"]).toMatchObject([{ tool_calls: [{ function: { name: "mcp_server_a_2" } }] }, {}]);
    expect(encoded({ tools: [weather] }).toolNames).toBeUndefined();
  });

  test("choices", () => {
    const choice = (toolChoice: Conversation["toolChoice"], target = targetOf()) =>
      bodyOf({ tools: [weather, { name: "v", kind: "function" }], toolChoice }, target);
    expect(choice({ type: "required" })["tool_choice"]).toBe("required");
    expect(choice({ type: "none" })["tool_choice"]).toBe("none");
    const subset = { type: "subset", mode: "required", names: ["v"] } as const;
    expect(choice(subset)).toMatchObject({ tools: [{ function: { name: "v" } }], tool_choice: "required" });
    expect(choice(subset, openaiTarget)).toMatchObject({
      tools: [{}, {}],
      tool_choice: { type: "allowed_tools", allowed_tools: { mode: "required", tools: [{ function: { name: "v" } }] } },
    });
    expect(refusalOf({ tools: [weather], toolChoice: { type: "tool", name: "q" } })).toMatchObject({
      status: 400,
      param: "tool_choice",
    });
  });

  test("one call at a time is said only where there are tools", () => {
    expect(bodyOf({ tools: [weather], parallelToolCalls: false })["parallel_tool_calls"]).toBe(false);
    expect(bodyOf({ tools: [weather], parallelToolCalls: true })).not.toContainKey("parallel_tool_calls");
    expect(bodyOf({ parallelToolCalls: false })).not.toContainKey("parallel_tool_calls");
  });
});

const nearest = (effort: Effort, efforts: readonly Effort[]) =>
  bodyOf({ reasoning: { effort } }, targetOf({ efforts }))["reasoning_effort"];

const wish = (reasoning: Conversation["reasoning"]) => bodyOf({ reasoning }, openrouterTarget)["reasoning"];

const wishOfDeepSeek = (reasoning: Conversation["reasoning"], efforts: readonly Effort[]) => {
  const { thinking, reasoning_effort } = bodyOf({ reasoning }, targetOf({ chatReasoning: "thinking", efforts }));
  return { thinking, reasoning_effort };
};

describe("settings", () => {
  test("the stream always asks for usage", () => {
    expect(bodyOf({ stream: true })).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(bodyOf({})).not.toContainAnyKeys(["stream", "stream_options"]);
  });

  test("the limit of the answer, under the model's name and within its own", () => {
    expect(bodyOf({ maxOutputTokens: 9 })["max_tokens"]).toBe(9);
    expect(bodyOf({ maxOutputTokens: 9 }, openaiTarget)["max_completion_tokens"]).toBe(9);
    expect(bodyOf({ maxOutputTokens: 0 })["max_tokens"]).toBe(1);
    const { body, losses } = encoded({ maxOutputTokens: 9000 }, targetOf({ maxOutputTokens: 4096 }));
    expect(body["max_tokens"]).toBe(4096);
    expect(losses).toEqual([{ field: "max_tokens", reason: "brought down to the model's own limit of 4096" }]);
  });

  test("sampling as the model takes it", () => {
    const sampling = { temperature: 0.2, topP: 0.9, topK: 40, minP: 0.1, repetitionPenalty: 1.1 };
    expect(bodyOf(sampling)).toMatchObject({
      temperature: 0.2,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.1,
      repetition_penalty: 1.1,
    });
    const none = encoded(sampling, openaiTarget);
    expect(none.body).not.toContainAnyKeys(["temperature", "top_p", "top_k", "min_p", "repetition_penalty"]);
    expect(none.losses.map(({ field }) => field)).toEqual([
      "temperature",
      "top_p",
      "top_k",
      "min_p",
      "repetition_penalty",
    ]);
    expect(encoded({ temperature: 1, topP: 1 }, openaiTarget)).toMatchObject({ losses: [] });
    const one = encoded({ temperature: 0.2, topP: 0.9 }, targetOf({ sampling: "one" }));
    expect(one.body).toMatchObject({ temperature: 0.2 });
    expect(one.losses).toEqual([{ field: "top_p", reason: "not taken by this model" }]);
    expect(encoded({ temperature: 2 }, targetOf({ highestTemperature: 1.5 })).body["temperature"]).toBe(1.5);
  });

  test("losses are told in the client's own words", () => {
    const changes = { protocol: "gemini-generate", topK: 40, maxOutputTokens: 9000 } as const;
    const { losses } = encoded(changes, targetOf({ extraSampling: false, maxOutputTokens: 100 }));
    expect(losses.map(({ field }) => field)).toEqual(["generationConfig.maxOutputTokens", "generationConfig.topK"]);
  });

  test("four stop texts are taken", () => {
    const { body, losses } = encoded({ stop: ["a", "", "b", "c", "d", "e"] });
    expect(body["stop"]).toEqual(["a", "b", "c", "d"]);
    expect(losses).toEqual([{ field: "stop_sequences", reason: "only the first 4 are taken" }]);
  });

  test("efforts are brought to the nearest that is taken; thinking is not turned off by rounding", () => {
    expect(nearest("xhigh", ["low", "medium", "high"])).toBe("high");
    expect(nearest("none", ["minimal", "low"])).toBe("minimal");
    expect(nearest("minimal", ["none", "high"])).toBe("high");
    expect(nearest("medium", ["low", "high"])).toBe("low");
    expect(nearest("none", ["none", "high"])).toBe("none");
  });

  test("budgets become efforts", () => {
    const buckets: [number, Effort][] = [
      [0, "none"],
      [1999, "minimal"],
      [2000, "low"],
      [5000, "medium"],
      [9999, "medium"],
      [10_000, "high"],
    ];
    for (const [budget, effort] of buckets) expect(bodyOf({ reasoning: { budget } })["reasoning_effort"]).toBe(effort);
    expect(bodyOf({ reasoning: { budget: "dynamic" } })).not.toContainKey("reasoning_effort");
  });

  test("OpenRouter's object has an effort or a budget, never both", () => {
    expect(wish({ effort: "high", budget: 2000, isShown: true })).toEqual({ effort: "high" });
    expect(wish({ budget: 2000, isShown: false })).toEqual({ max_tokens: 2000, exclude: true });
    expect(wish({ budget: "dynamic", summary: "auto" })).toEqual({ enabled: true, summary: "auto" });
    expect(wish({ budget: 0 })).toEqual({ effort: "none" });
  });

  test("DeepSeek's switch, with an effort only where there is a choice", () => {
    expect(wishOfDeepSeek({ effort: "low" }, ["none", "high", "max"])).toEqual({
      thinking: { type: "enabled" },
      reasoning_effort: "high",
    });
    expect(wishOfDeepSeek({ effort: "none" }, ["none", "high", "max"])).toEqual({
      thinking: { type: "disabled" },
      reasoning_effort: undefined,
    });
    expect(wishOfDeepSeek({ effort: "low" }, ["none", "high"])).toEqual({
      thinking: { type: "enabled" },
      reasoning_effort: undefined,
    });
    expect(wishOfDeepSeek({ isShown: true }, ["none", "high"])).toEqual({
      thinking: undefined,
      reasoning_effort: undefined,
    });
  });

  test("a model that does not think is not asked to, and that is told", () => {
    const target = targetOf({ chatReasoning: "none" });
    expect(encoded({ reasoning: { effort: "high" } }, target).losses).toEqual([
      { field: "thinking", reason: "not taken by this model" },
    ]);
    expect(encoded({ reasoning: { effort: "none", isShown: true } }, target).losses).toEqual([]);
  });

  test("a schema is enforced, or told in words where it cannot be", () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    const format = { type: "schema", name: "my answer!", description: undefined, schema, strict: true } as const;
    expect(bodyOf({ format })["response_format"]).toEqual({
      type: "json_schema",
      json_schema: { name: "my_answer_", schema, strict: true },
    });
    const told = encoded(
      { format, turns: [turn("system", "Be kind."), turn("user", "Hi")] },
      targetOf({ structuredOutput: false }),
    );
    expect(told.body["response_format"]).toEqual({ type: "json_object" });
    expect((told.body["messages"] as Fields[])[0]?.["content"]).toStartWith(
      "Be kind.\n\nAnswer with nothing but a JSON object that follows",
    );
    expect(told.losses).toHaveLength(1);
    expect(told.violations).toEqual([]);
  });

  test("words are added behind a system message that is a list", () => {
    const marked: Part = { type: "text", text: "long", cache: { ttl: undefined } };
    const changes = { format: { type: "json" } as const, turns: [turn("system", marked), turn("user", "Hi")] };
    expect(messagesOf(changes, openrouterTarget)[0]?.["content"]).toEqual([
      { type: "text", text: "long", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Answer with nothing but a JSON object." },
    ]);
  });

  test("JSON mode is mentioned in words where the messages do not", () => {
    expect(messagesOf({ format: { type: "json" } })[0]).toEqual({
      role: "system",
      content: "Answer with nothing but a JSON object.",
    });
    expect(messagesOf({ format: { type: "json" }, turns: [turn("user", "As JSON, please.")] })).toHaveLength(1);
  });

  test("marks for a cache in the target's spelling, and silently none where it has none", () => {
    const marked: Part = { type: "text", text: "long", cache: { ttl: "1h" } };
    const turns = [turn("system", marked, "x"), turn("user", "Hi")];
    expect(messagesOf({ turns }, openrouterTarget)[0]?.["content"]).toEqual([
      { type: "text", text: "long", cache_control: { type: "ephemeral", ttl: "1h" } },
      { type: "text", text: "x" },
    ]);
    const explicit = targetOf({ chatCache: "prompt_cache_breakpoint" });
    expect(messagesOf({ turns }, explicit)[0]?.["content"]).toMatchObject([
      { prompt_cache_breakpoint: { mode: "explicit" } },
      {},
    ]);
    expect(messagesOf({ turns })[0]?.["content"]).toBe("long\n\nx");
    expect(encoded({ turns, cache: { ttl: undefined } }).losses).toEqual([]);
    expect(bodyOf({ cache: { ttl: undefined } }, openrouterTarget)["cache_control"]).toEqual({ type: "ephemeral" });
    const result: Part = {
      type: "tool_result",
      callId: "c1",
      parts: [{ type: "text", text: "r" }],
      isError: false,
      cache: { ttl: undefined },
    };
    expect(
      messagesOf({ turns: [turn("assistant", call("c1")), turn("tool", result)] }, openrouterTarget)[1]?.["content"],
    ).toEqual([{ type: "text", text: "r", cache_control: { type: "ephemeral" } }]);
  });

  test("who asks is told in the field each provider knows, shortened where it is long", () => {
    const user = '{"device_id":"abc","session":"def"}';
    expect(bodyOf({ user: "ann", cacheKey: "k" }, openaiTarget)).toMatchObject({
      safety_identifier: "ann",
      prompt_cache_key: "k",
    });
    expect(String(bodyOf({ user }, openaiTarget)["safety_identifier"])).toMatch(/^[0-9a-f]{64}$/);
    expect(bodyOf({ user }, openrouterTarget)["user"]).toMatch(/^[0-9a-f]{64}$/);
    expect(encoded({ user: "ann", cacheKey: "k", metadata: { a: "b" } })).toMatchObject({ losses: [] });
    expect(bodyOf({ user: "ann", cacheKey: "k" })).not.toContainAnyKeys([
      "user",
      "safety_identifier",
      "prompt_cache_key",
    ]);
  });

  test("tiers and verbosity go to those that know them", () => {
    const openai = { protocol: "openai-responses", serviceTier: "flex", verbosity: "low" } as const;
    expect(bodyOf(openai, openaiTarget)).toMatchObject({ service_tier: "flex", verbosity: "low" });
    expect(encoded(openai).losses.map(({ field }) => field)).toEqual(["text.verbosity", "service_tier"]);
    expect(encoded({ serviceTier: "auto" }).losses).toEqual([]);
  });

  test("fields of another protocol are told of, those of this one go on", () => {
    const extra = { container: "c", store: false, metadata: { a: 1 }, mcp_servers: [] };
    expect(encoded({ extra }).losses).toEqual([
      { field: "container", reason: "container is not known to openai-chat" },
    ]);
    const own = encoded({ protocol: "openai-chat", extra: { web_search_options: { a: 1 } } });
    expect(own.body["web_search_options"]).toEqual({ a: 1 });
    expect(own.losses).toEqual([]);
  });

  test("more than one answer is not asked for: nobody could give them to the client", () => {
    expect(bodyOf({ count: 3 })).not.toContainKey("n");
  });
});
