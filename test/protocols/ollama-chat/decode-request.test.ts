import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type {
  Conversation,
  Part,
  ToolCallPart,
  ToolResultPart,
} from "../../../src/protocols/canonical/conversation.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { options, settings } from "./rig.ts";

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

function decode(body: Record<string, unknown>): Conversation {
  return ollamaChat.codec.request.decode(body, {});
}

function refusal(body: Record<string, unknown>): { message: string; param: string | undefined } {
  try {
    decode(body);
  } catch (error) {
    if (error instanceof GatewayError && error.status === 400) return { message: error.message, param: error.param };
    throw error;
  }
  throw new Error("it was taken");
}

function partsOf<T extends Part["type"]>({ turns }: Conversation, type: T): Extract<Part, { type: T }>[] {
  return turns.flatMap(({ parts }) => parts).filter((part): part is Extract<Part, { type: T }> => part.type === type);
}

function call(name: string, input: unknown = {}, id?: string): Record<string, unknown> {
  return { ...(id === undefined ? {} : { id }), function: { name, arguments: input } };
}

describe("messages", () => {
  test("become turns in their order, whatever the case of their roles", () => {
    const { turns, protocol, model, stream } = decode({
      model: "m",
      messages: [
        { role: "system", content: "Be brief – 世界" },
        { role: "USER", content: "Hi 👋🏽" },
        { role: "assistant", content: "Hello", thinking: "greet back" },
        { role: "system", content: "now French" },
      ],
    });
    expect({ protocol, model, stream }).toEqual({ protocol: "ollama-chat", model: "m", stream: true });
    expect(turns).toEqual([
      { role: "system", parts: [{ type: "text", text: "Be brief – 世界" }] },
      { role: "user", parts: [{ type: "text", text: "Hi 👋🏽" }] },
      {
        role: "assistant",
        parts: [
          { type: "reasoning", text: "greet back", opaque: [] },
          { type: "text", text: "Hello" },
        ],
      },
      { role: "system", parts: [{ type: "text", text: "now French" }] },
    ]);
  });

  test("that are missing or none leave no turns: the model shall be loaded", () => {
    for (const body of [{}, { messages: [] }, { messages: null }])
      expect(decode({ model: "m", ...body }).turns).toEqual([]);
  });

  test("without content hold an empty text", () => {
    for (const content of ["", null, undefined])
      expect(decode({ messages: [{ role: "user", content }] }).turns).toEqual([
        { role: "user", parts: [{ type: "text", text: "" }] },
      ]);
  });

  test("with pictures have them before the text, each with the type of its bytes", () => {
    const { turns } = decode({
      messages: [{ role: "user", content: "What?", images: [png, "/9j/4AAQ", `data:image/webp;base64,UklGRg==`] }],
    });
    expect(turns[0]?.parts).toEqual([
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: png } },
      { type: "image", source: { kind: "base64", mediaType: "image/jpeg", data: "/9j/4AAQ" } },
      { type: "image", source: { kind: "base64", mediaType: "image/webp", data: "UklGRg==" } },
      { type: "text", text: "What?" },
    ]);
  });

  const faults: [string, unknown, string][] = [
    ["no list", "Hi", "messages"],
    ["one that is no object", ["Hi"], "messages[0]"],
    ["a role nobody knows", [{ role: "robot", content: "" }], "messages[0].role"],
    ["no role", [{ content: "" }], "messages[0].role"],
    ["content in parts", [{ role: "user", content: [{ type: "text", text: "x" }] }], "messages[0].content"],
    ["pictures that are no list", [{ role: "user", content: "", images: png }], "messages[0].images"],
    ["a picture's URL", [{ role: "user", content: "", images: [png, "https://x.org/a.png"] }], "messages[0].images[1]"],
    ["an empty picture", [{ role: "user", content: "", images: [""] }], "messages[0].images[0]"],
    [
      "a call without a name",
      [{ role: "assistant", tool_calls: [{ function: {} }] }],
      "messages[0].tool_calls[0].function.name",
    ],
  ];
  for (const [name, messages, param] of faults)
    test(`with ${name} are refused by name`, () => {
      const refused = refusal({ messages });
      expect(refused.param).toBe(param);
      expect(refused.message).toContain(`\`${param}\``);
    });
});

function round(text: string): Record<string, unknown>[] {
  return [
    { role: "assistant", tool_calls: [call("f", {}, "call_0")] },
    { role: "tool", content: text, tool_call_id: "call_0" },
  ];
}

describe("calls and results", () => {
  const two = {
    role: "assistant",
    content: "",
    tool_calls: [call("get_weather", { city: "Zürich" }), call("get_time")],
  };

  test("without ids are paired by name, first come first served", () => {
    const decoded = decode({
      messages: [
        { role: "assistant", content: "", tool_calls: [call("f", { n: 1 }), call("g"), call("f", { n: 2 })] },
        { role: "tool", content: "g's", tool_name: "g" },
        { role: "tool", content: "first", tool_name: "f" },
        { role: "tool", content: "second", tool_name: "f" },
      ],
    });
    const calls = partsOf(decoded, "tool_call");
    const results = partsOf(decoded, "tool_result");
    expect(new Set(calls.map(({ id }) => id)).size).toBe(3);
    expect(calls.map(({ input }) => input)).toEqual(['{"n":1}', "{}", '{"n":2}']);
    expect(results.map(({ callId }) => callId)).toEqual([1, 0, 2].map((index) => calls[index]!.id));
    expect(results.map(({ name }) => name)).toEqual(["g", "f", "f"]);
  });

  test("without ids and names are paired in order", () => {
    const decoded = decode({ messages: [two, { role: "tool", content: "12°" }, { role: "tool", content: "noon" }] });
    expect(partsOf(decoded, "tool_result").map(({ callId }) => callId)).toEqual(
      partsOf(decoded, "tool_call").map(({ id }) => id),
    );
  });

  test("with ids are paired by them", () => {
    const decoded = decode({
      messages: [
        { role: "assistant", tool_calls: [call("f", {}, "call_1"), call("f", {}, "call_2")] },
        { role: "tool", content: "2", tool_call_id: "call_2", tool_name: "f" },
        { role: "tool", content: "1", tool_call_id: "call_1", tool_name: "f" },
      ],
    });
    expect(partsOf(decoded, "tool_call").map(({ id }) => id)).toEqual(["call_1", "call_2"]);
    expect(partsOf(decoded, "tool_result").map(({ callId }) => callId)).toEqual(["call_2", "call_1"]);
  });

  test("keep their made-up ids when the conversation grows", () => {
    const messages = [
      { role: "user", content: "?" },
      two,
      { role: "tool", content: "12°", tool_name: "get_weather" },
      { role: "tool", content: "noon", tool_name: "get_time" },
    ];
    const before = decode({ messages });
    const after = decode({
      messages: [
        ...messages,
        { role: "assistant", content: "…" },
        { role: "user", content: "again" },
        two,
        { role: "tool", content: "13°", tool_name: "get_weather" },
      ],
    });
    expect(after.turns.slice(0, before.turns.length)).toEqual([...before.turns]);
    const ids = partsOf(after, "tool_call").map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expect(partsOf(after, "tool_result").at(-1)?.callId).toBe(ids[2] ?? "");
  });

  test("never share a made-up id with one that the client wrote, whichever comes first", () => {
    const written = partsOf(decode({ messages: [two] }), "tool_call")[0]!.id;
    const own = { role: "assistant", tool_calls: [call("h", {}, written)] };
    const answered = { role: "tool", content: "h's", tool_call_id: written };
    for (const messages of [
      [two, { role: "tool", content: "" }, { role: "tool", content: "" }, own, answered],
      [own, answered, two],
    ]) {
      const decoded = decode({ messages });
      const calls = partsOf(decoded, "tool_call");
      expect(new Set(calls.map(({ id }) => id)).size).toBe(3);
      const result = partsOf(decoded, "tool_result").find((part) =>
        part.parts.some((piece) => "text" in piece && piece.text === "h's"),
      );
      expect(result?.callId).toBe(calls.find(({ name }) => name === "h")!.id);
    }
  });

  test("whose ids begin anew in each answer stay apart", () => {
    const decoded = decode({ messages: [...round("a"), ...round("b")] });
    const ids = partsOf(decoded, "tool_call").map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(partsOf(decoded, "tool_result").map(({ callId }) => callId)).toEqual(ids);
  });

  test("a result that answers nothing keeps an id of its own", () => {
    const decoded = decode({
      messages: [
        { role: "tool", content: "x", tool_name: "f" },
        { role: "tool", content: "y", tool_call_id: "z" },
      ],
    });
    const [first, second] = partsOf(decoded, "tool_result");
    expect(first?.callId).not.toBe("");
    expect(second?.callId).toBe("z");
  });

  test("results hold their text and pictures, and take the tool's name as older clients wrote it", () => {
    const decoded = decode({ messages: [two, { role: "tool", name: "get_time", content: "see", images: [png] }] });
    const [, second] = partsOf(decoded, "tool_call");
    expect(partsOf(decoded, "tool_result")[0]).toEqual({
      type: "tool_result",
      callId: second!.id,
      name: "get_time",
      parts: [
        { type: "text", text: "see" },
        { type: "image", source: { kind: "base64", mediaType: "image/png", data: png } },
      ],
      isError: false,
    } satisfies ToolResultPart);
  });

  test("that a client kept line by line are one turn", () => {
    const { turns } = decode({
      messages: [
        { role: "assistant", content: "Looking.", tool_calls: [call("f")] },
        { role: "assistant", content: "", tool_calls: [call("g")] },
        { role: "tool", content: "f's", tool_name: "f" },
        { role: "tool", content: "g's", tool_name: "g" },
      ],
    });
    expect(turns.map(({ role, parts }) => [role, ...parts.map(({ type }) => type)])).toEqual([
      ["assistant", "text", "tool_call", "tool_call"],
      ["tool", "tool_result"],
      ["tool", "tool_result"],
    ]);
  });

  test("have their arguments as JSON text, also where a client sends the text", () => {
    const inputs = ['{"a": 1.0}', null, undefined, { __proto__: 1, n: [1] }].map((input) => {
      const made = JSON.parse(JSON.stringify(call("f"))) as { function: Record<string, unknown> };
      made.function["arguments"] = input;
      return (
        partsOf(decode({ messages: [{ role: "assistant", tool_calls: [made] }] }), "tool_call")[0] as ToolCallPart
      ).input;
    });
    expect(inputs).toEqual(['{"a": 1.0}', "", "", '{"n":[1]}']);
  });
});

describe("tools", () => {
  test("are read in OpenAI's shape", () => {
    const parameters = { type: "object", properties: { city: { type: "string" } }, $defs: {} };
    const { tools, losses } = decode({
      messages: [],
      tools: [
        { type: "function", function: { name: "f", description: "does f", parameters } },
        { function: { name: "g" } },
        { type: "web_search" },
        { type: "function", function: { name: "f" } },
      ],
    });
    expect(tools).toEqual([
      { name: "f", kind: "function", description: "does f", parameters, strict: undefined },
      { name: "g", kind: "function", description: undefined, parameters: undefined, strict: undefined },
    ]);
    expect(losses.map(({ field }) => field)).toEqual(["tools[2]", "tools[3]"]);
  });

  test("without a name, or that are no list, are refused by name", () => {
    expect(refusal({ tools: {} }).param).toBe("tools");
    expect(refusal({ tools: [5] }).param).toBe("tools[0]");
    expect(refusal({ tools: [{ type: "function", function: {} }] }).param).toBe("tools[0].function.name");
  });
});

describe("settings", () => {
  test("B45: all options with a place elsewhere survive", () => {
    expect(decode({ messages: [], options, logprobs: true, top_logprobs: 3 })).toMatchObject({
      ...settings,
      extra: {},
    });
  });

  test('that say "no limit" or "the default" say nothing', () => {
    const options = { num_predict: -1, top_k: 0, seed: -1, min_p: 0, temperature: null, stop: [""] };
    const { maxOutputTokens, topK, seed, minP, temperature, stop } = decode({ messages: [], options });
    expect([maxOutputTokens, topK, seed, minP, temperature, stop]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      [],
    ]);
  });

  test("of the machine vanish, others and unknown fields are kept for whoever reports them", () => {
    const options = { num_ctx: 8192, num_gpu: 1, use_mmap: true, mirostat: 2, typical_p: 0.7, nothing: null };
    const { extra } = decode({ messages: [], keep_alive: "5m", truncate: true, options, temperature: 0.5 });
    expect(extra).toEqual({ temperature: 0.5, "options.mirostat": 2, "options.typical_p": 0.7 });
  });

  const thinking: [unknown, unknown][] = [
    [true, { budget: "dynamic", isShown: true }],
    [false, { effort: "none" }],
    ["low", { effort: "low", isShown: true }],
    ["max", { effort: "max", isShown: true }],
    [null, undefined],
    [undefined, undefined],
  ];
  for (const [think, reasoning] of thinking)
    test(`think ${JSON.stringify(think)} is a wish for reasoning`, () =>
      expect(decode({ messages: [], think }).reasoning).toEqual(reasoning as never));

  test("the format is JSON or a schema", () => {
    const schema = { type: "object", properties: { a: { type: "integer" } } };
    expect(decode({ format: "json" }).format).toEqual({ type: "json" });
    expect(decode({ format: schema }).format).toEqual({
      type: "schema",
      name: undefined,
      description: undefined,
      schema,
      strict: undefined,
    });
    expect(decode({ format: "" }).format).toBeUndefined();
  });

  const faults: [Record<string, unknown>, string][] = [
    [{ options: [] }, "options"],
    [{ options: { temperature: "hot" } }, "options.temperature"],
    [{ options: { stop: [1] } }, "options.stop"],
    [{ format: "xml" }, "format"],
    [{ format: [] }, "format"],
    [{ think: "very" }, "think"],
    [{ think: 5 }, "think"],
  ];
  for (const [body, param] of faults)
    test(`${JSON.stringify(body)} is refused by name`, () =>
      expect(refusal({ messages: [], ...body }).param).toBe(param));

  test("one text to stop at is as good as a list", () => {
    expect(decode({ options: { stop: "END" } }).stop).toEqual(["END"]);
  });
});

test("keys that objects inherit do no harm", () => {
  const body = JSON.parse(
    '{"messages":[{"role":"user","content":"x","__proto__":{"images":["a"]}}],"__proto__":{"model":"evil"},"options":{"__proto__":{"seed":1},"constructor":2}}',
  ) as Record<string, unknown>;
  const { model, extra, turns } = decode(body);
  expect(model).toBeUndefined();
  expect(turns[0]?.parts).toEqual([{ type: "text", text: "x" }]);
  expect(Object.keys(extra)).toEqual(["__proto__", "options.__proto__", "options.constructor"]);
});

test("any value anywhere is read or refused with 400", () => {
  const values = [null, true, 0, -1.5, "", "x", [], [null], {}, { role: "user" }, [[]], "json"];
  const fields = [
    "model",
    "messages",
    "tools",
    "format",
    "options",
    "think",
    "logprobs",
    "top_logprobs",
    "stream",
    "keep_alive",
  ];
  const inMessage = ["role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"];
  const bodies = values.flatMap((value) => [
    ...fields.map((field) => ({ messages: [], [field]: value })),
    ...["user", "assistant", "tool"].flatMap((role) =>
      inMessage.map((field) => ({ messages: [{ role, content: "x", [field]: value }] })),
    ),
    { messages: [{ role: "assistant", tool_calls: [value] }] },
    { messages: [{ role: "assistant", tool_calls: [{ id: value, function: { name: "f", arguments: value } }] }] },
    { tools: [value] },
    { tools: [{ type: value, function: { name: "f", parameters: value, description: value } }] },
    { options: Object.fromEntries(["temperature", "stop", "seed", "top_k", "x"].map((key) => [key, value])) },
  ]);
  for (const body of bodies) {
    try {
      decode(body);
    } catch (error) {
      expect(error).toMatchObject({ name: "GatewayError", status: 400 });
    }
  }
});
