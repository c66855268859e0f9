import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import type { Conversation, Effort, ImagePart, Part, Turn } from "../../../src/protocols/canonical/conversation.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { ollamaChatWire } from "../../support/wire/ollama-chat.ts";
import { conversationOf } from "../../support/conversation.ts";
import { thrownBy } from "../../support/thrown-by.ts";
import { options, played, settings, target } from "./rig.ts";

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const image: ImagePart = { type: "image", source: { kind: "base64", mediaType: "image/png", data: png } };

function encode(changes: Partial<Conversation> = {}, traits: Parameters<typeof target>[0] = {}) {
  const encoded = ollamaChat.codec.request.encode(conversationOf(changes), target(traits));
  const body = JSON.parse(JSON.stringify(encoded.body)) as Record<string, unknown>;
  expect(ollamaChatWire.violationsOf(played(body))).toEqual([]);
  return { body, losses: encoded.losses, fields: encoded.losses.map(({ field }) => field) };
}

function messagesOf(turns: readonly Turn[]): unknown {
  return encode({ turns }).body["messages"];
}

function refusal(changes: Partial<Conversation>): GatewayError {
  return thrownBy(() => ollamaChat.codec.request.encode(conversationOf(changes), target()));
}

function user(...parts: readonly Part[]): Turn {
  return { role: "user", parts };
}

function text(value: string): Part {
  return { type: "text", text: value };
}

test("a plain conversation names the upstream's model and always says whether it streams", () => {
  for (const stream of [true, false])
    expect(encode({ stream })).toEqual({
      body: { model: "gpt-oss:20b", messages: [{ role: "user", content: "Hi" }], stream },
      losses: [],
      fields: [],
    });
});

function made(id: string, input: string, kind: "function" | "custom" = "function"): Part {
  return { type: "tool_call", id, name: "f", kind, input };
}

function thinkOf(reasoning: Conversation["reasoning"], taken?: Effort[]): unknown {
  return encode({ reasoning }, { efforts: taken }).body["think"];
}

describe("turns", () => {
  test("of system and developer are system messages wherever they stand", () => {
    const turns: Turn[] = [
      { role: "developer", parts: [text("a"), text("b")] },
      user(text("Hi")),
      { role: "system", parts: [text("c – 世界 👋🏽")] },
    ];
    expect(messagesOf(turns)).toEqual([
      { role: "system", content: "a\n\nb" },
      { role: "user", content: "Hi" },
      { role: "system", content: "c – 世界 👋🏽" },
    ]);
  });

  test("have one text for content and pictures as raw base64", () => {
    expect(messagesOf([user(text("What"), image, text("is it?"))])).toEqual([
      { role: "user", content: "What\n\nis it?", images: [png] },
    ]);
  });

  test("of the model have thoughts, text and calls whose arguments are objects", () => {
    const parts: Part[] = [
      { type: "reasoning", text: "hm", opaque: [{ origin: "x", kind: "anthropic-signature", data: "s" }] },
      { type: "reasoning", text: "", opaque: [{ origin: "x", kind: "anthropic-redacted", data: "s" }] },
      { type: "reasoning", text: "so", opaque: [] },
      text("I "),
      text("look."),
      { type: "refusal", text: " No." },
      { type: "tool_call", id: "c1", name: "f", kind: "function", input: '{"city":"Zürich","n":1.0}' },
      { type: "tool_call", id: "c2", name: "g", kind: "function", input: "" },
    ];
    expect(messagesOf([user(text("?")), { role: "assistant", parts }])).toEqual([
      { role: "user", content: "?" },
      {
        role: "assistant",
        content: "I look. No.",
        thinking: "hm\n\nso",
        tool_calls: [
          { id: "c1", function: { index: 0, name: "f", arguments: { city: "Zürich", n: 1 } } },
          { id: "c2", function: { index: 1, name: "g", arguments: {} } },
        ],
      },
    ]);
  });

  test("B41: a call without content has an empty text, and arguments that are no object are kept as text", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const parts = [
      made("1", '{"a":'),
      made("2", "[1]"),
      made("3", "*** Begin", "custom"),
      made("4", " "),
      made("5", `{"a":${deep}}`),
    ];
    const [message] = messagesOf([{ role: "assistant", parts }]) as {
      content: string;
      tool_calls: { function: { arguments: unknown } }[];
    }[];
    expect(message?.content).toBe("");
    expect(message?.tool_calls.map((made) => made.function.arguments)).toEqual([
      { _raw: '{"a":' },
      { _raw: "[1]" },
      { input: "*** Begin" },
      {},
      { _raw: `{"a":${deep}}` },
    ]);
  });

  test("of results name their tool by the id of the call, and hold their pictures", () => {
    const turns: Turn[] = [
      {
        role: "assistant",
        parts: [
          { type: "tool_call", id: "c1", name: "f", kind: "function", input: "{}" },
          { type: "tool_call", id: "c2", name: "g", kind: "function", input: "{}" },
        ],
      },
      {
        role: "tool",
        parts: [
          {
            type: "tool_result",
            callId: "c2",
            parts: [{ type: "text", text: "a" }, image, { type: "text", text: "b" }],
            isError: false,
          },
          { type: "tool_result", callId: "c1", name: "f", parts: [text("not found") as never], isError: true },
        ],
      },
      user(text("and?")),
    ];
    expect((messagesOf(turns) as unknown[]).slice(1)).toEqual([
      { role: "tool", content: "a\nb", images: [png], tool_name: "g", tool_call_id: "c2" },
      { role: "tool", content: "Error: not found", tool_name: "f", tool_call_id: "c1" },
      { role: "user", content: "and?" },
    ]);
  });

  test("that hold results beside other parts put the results first", () => {
    const turns: Turn[] = [
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "f", kind: "function", input: "{}" }] },
      user(text("now"), { type: "tool_result", callId: "c1", parts: [], isError: false }),
    ];
    expect(
      (messagesOf(turns) as { role: string; content: string }[]).map(({ role, content }) => [role, content]),
    ).toEqual([
      ["assistant", ""],
      ["tool", ""],
      ["user", "now"],
    ]);
  });

  test("with parts of another protocol alone lose them by name", () => {
    const opaque: Part = { type: "opaque", protocol: "anthropic-messages", value: { type: "search_result" } };
    const turns = [
      user(text("x"), opaque),
      {
        role: "tool" as const,
        parts: [{ type: "tool_result" as const, callId: "c", parts: [opaque], isError: false }],
      },
    ];
    const { losses } = ollamaChat.codec.request.encode(
      conversationOf({ turns, protocol: "openai-responses" }),
      target(),
    );
    expect(losses.map(({ field }) => field)).toEqual(["input[0].content[1]", "input[1].content[0]"]);
  });

  test("with a text file hold its text", () => {
    const source = {
      kind: "base64" as const,
      mediaType: "text/markdown",
      data: Buffer.from("# Größe").toString("base64"),
    };
    expect(messagesOf([user({ type: "file", source, name: "a.md" }, text("?"))])).toEqual([
      { role: "user", content: "a.md:\n# Größe\n\n?" },
    ]);
  });

  test("an empty list of turns stays one", () => {
    expect(ollamaChat.codec.request.encode(conversationOf({ turns: [] }), target()).body["messages"]).toEqual([]);
  });
});

describe("what Ollama cannot take is refused with what to send instead", () => {
  const pdf = { kind: "base64" as const, mediaType: "application/pdf", data: "JVBERi0=" };
  const cases: [string, Part, string][] = [
    ["a picture's URL", { type: "image", source: { kind: "url", url: "https://x.org/a.png" } }, "base64"],
    ["a stored picture", { type: "image", source: { kind: "file-id", id: "file-1" } }, "base64"],
    ["a PDF", { type: "file", source: pdf }, "text"],
    ["a stored file", { type: "file", source: { kind: "file-id", id: "file-1" } }, "text"],
    ["audio", { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "UklGRg==" } }, "transcript"],
    [
      "a PDF in a result",
      { type: "tool_result", callId: "c", parts: [{ type: "file", source: pdf }], isError: false },
      "text",
    ],
  ];
  for (const [name, part, advice] of cases)
    test(name, () => {
      const error = refusal({ turns: [user(part)], protocol: "gemini-generate" });
      expect(error).toMatchObject({ code: "invalid_request", status: 400, param: "contents" });
      expect(error.message).toContain(advice);
    });

  test("several answers", () => {
    expect(refusal({ count: 2 }).param).toBe("n");
    expect(refusal({ count: 2, protocol: "gemini-generate" }).param).toBe("generationConfig.candidateCount");
    expect(encode({ count: 1 }).losses).toEqual([]);
  });
});

describe("tools", () => {
  const parameters = { type: "object", properties: { city: { type: "string" } }, $defs: { a: {} } };
  const tools: Conversation["tools"] = [
    { name: "f", kind: "function", description: "does f", parameters },
    { name: "g.h/1", kind: "function" },
  ];

  test("go in OpenAI's shape, with parameters also where there are none", () => {
    expect(encode({ tools }).body["tools"]).toEqual([
      { type: "function", function: { name: "f", description: "does f", parameters } },
      { type: "function", function: { name: "g.h/1", parameters: { type: "object", properties: {} } } },
    ]);
  });

  test("B43: no tools are no list, and a choice among none is none", () => {
    const { body, losses } = encode({ tools: [], toolChoice: { type: "required" }, parallelToolCalls: false });
    expect(body).not.toContainKey("tools");
    expect(losses).toEqual([]);
  });

  test("that shall not be called are not sent", () => {
    expect(encode({ tools, toolChoice: { type: "none" } })).toMatchObject({
      losses: [],
      body: expect.not.objectContaining({ tools: expect.anything() }) as never,
    });
  });

  test("of which some may be called are those alone", () => {
    const sent = encode({ tools, toolChoice: { type: "subset", mode: "auto", names: ["g.h/1"] } });
    expect((sent.body["tools"] as { function: { name: string } }[]).map((tool) => tool.function.name)).toEqual([
      "g.h/1",
    ]);
    expect(sent.losses).toEqual([]);
  });

  test("that must be called, one at a time, and strictly, are so much lost", () => {
    for (const toolChoice of [
      { type: "required" },
      { type: "tool", name: "f" },
      { type: "subset", mode: "required", names: ["f"] },
    ] as const)
      expect(encode({ tools, toolChoice }).fields).toEqual(["tool_choice"]);
    expect(encode({ tools, parallelToolCalls: false }).fields).toEqual(["parallel_tool_calls"]);
    expect(encode({ tools: [{ ...tools[0]!, strict: true }] }).fields).toEqual(["tools[].strict"]);
    expect(encode({ tools, toolChoice: { type: "auto" }, parallelToolCalls: true }).fields).toEqual([]);
  });

  test("that take free text become functions with one text, and tell of their grammar", () => {
    const grammar = { type: "grammar", syntax: "lark", definition: 'start: "x"' };
    for (const format of [grammar, { type: "grammar", grammar }]) {
      const sent = encode({ tools: [{ name: "apply_patch", kind: "custom", description: "Patches.", format }] }).body[
        "tools"
      ];
      expect(sent).toMatchObject([
        {
          function: {
            name: "apply_patch",
            parameters: { properties: { input: { type: "string" } }, required: ["input"] },
          },
        },
      ]);
      expect(JSON.stringify(sent)).toContain("lark grammar");
    }
    expect(encode({ tools: [{ name: "t", kind: "custom" }] }).body["tools"]).toBeDefined();
  });
});

describe("settings", () => {
  test("B45: go to options under Ollama's names", () => {
    const { body, losses } = encode(settings);
    expect(losses).toEqual([]);
    expect(body).toMatchObject({ logprobs: true, top_logprobs: 3 });
    expect(body["options"]).toEqual(options);
  });

  test("log probabilities without alternatives ask for no number of them", () => {
    const { body } = encode({ logprobs: { top: 0 } });
    expect([body["logprobs"], body["top_logprobs"]]).toEqual([true, undefined]);
  });

  test("the format is JSON or the schema itself", () => {
    const schema = { type: "object", properties: {} };
    expect(encode({ format: { type: "json" } }).body["format"]).toBe("json");
    expect(encode({ format: { type: "schema", name: "a", description: "b", schema, strict: true } })).toMatchObject({
      body: { format: schema },
      losses: [],
    });
    expect(encode({ format: { type: "text" } }).body).not.toContainKey("format");
  });

  const efforts: [Effort, unknown][] = [
    ["none", false],
    ["minimal", "low"],
    ["low", "low"],
    ["medium", "medium"],
    ["high", "high"],
    ["xhigh", "max"],
    ["max", "max"],
  ];
  for (const [effort, think] of efforts)
    test(`effort ${effort} is think ${String(think)}`, () =>
      expect(encode({ reasoning: { effort } }).body["think"]).toBe(think));

  test("a budget is an effort", () => {
    expect([0, 1, 1999, 2000, 5000, 9999, 10_000, 100_000].map((budget) => thinkOf({ budget, isShown: true }))).toEqual(
      [false, "low", "low", "low", "medium", "medium", "high", "high"],
    );
  });

  test("a level goes to gpt-oss only: Ollama refuses it for all other models", () => {
    const hard = conversationOf({ reasoning: { effort: "high" } });
    const levels = ["gpt-oss:120b", "qwen3:8b"].map(
      (model) => ollamaChat.codec.request.encode(hard, { ...target(), model }).body["think"],
    );
    expect(levels).toEqual(["high", undefined]);
  });

  test("a wish to think as much as is right, or to see it, is what Ollama does anyway", () => {
    for (const reasoning of [{ budget: "dynamic" as const }, { isShown: true }, { isShown: false }, {}])
      expect(encode({ reasoning }).body).not.toContainKey("think");
  });

  test("an effort that the model does not take becomes the nearest that it takes", () => {
    expect(thinkOf({ effort: "xhigh" }, ["low", "medium", "high"])).toBe("high");
    expect(thinkOf({ effort: "medium" }, ["low", "high"])).toBe("low");
    expect(thinkOf({ effort: "minimal" }, ["low", "high"])).toBe("low");
    expect(thinkOf({ effort: "none" }, ["low", "high"])).toBe(false);
    expect(thinkOf({ effort: "high" }, [])).toBe("high");
  });

  test("without a place are lost by the client's names, and what means nothing goes in silence", () => {
    expect(encode({ logitBias: { "50256": -100 }, verbosity: "low", serviceTier: "priority" }).fields).toEqual([
      "logit_bias",
      "verbosity",
      "service_tier",
    ]);
    expect(encode({ verbosity: "low", protocol: "openai-responses" }).fields).toEqual(["text.verbosity"]);
    const silent = {
      logitBias: {},
      serviceTier: "auto",
      user: "u",
      cacheKey: "k",
      cache: { ttl: "5m" },
      metadata: { a: 1 },
    };
    expect(encode(silent).losses).toEqual([]);
  });

  test("extra fields are lost by name, those without meaning in silence", () => {
    const extra = { prediction: { type: "content" }, store: true, "options.seed": 1 };
    expect(encode({ extra }).fields).toEqual(["prediction", "store", "options.seed"]);
    const silent = {
      store: false,
      stream_options: {},
      metadata: {},
      user: "u",
      safety_identifier: "s",
      prompt_cache_key: "k",
      prompt_cache_retention: "24h",
      service_tier: "auto",
      nothing: null,
    };
    expect(encode({ extra: silent }).losses).toEqual([]);
  });

  test("an Ollama client's further options go on", () => {
    const { body, fields } = encode({
      protocol: "ollama-generate",
      extra: { "options.typical_p": 0.7, width: 512 },
      temperature: 1,
    });
    expect(body["options"]).toEqual({ typical_p: 0.7, temperature: 1 });
    expect(fields).toEqual(["width"]);
  });
});

test("a request is the same again after it was read", () => {
  const body = {
    model: "gpt-oss:20b",
    messages: [
      { role: "system", content: "Be brief – 世界" },
      { role: "user", content: "What?", images: [png] },
      {
        role: "assistant",
        content: "I look.",
        thinking: "hm",
        tool_calls: [{ id: "c1", function: { index: 0, name: "f", arguments: { a: [1, null, "é"] } } }],
      },
      { role: "tool", content: "12°", images: [png], tool_name: "f", tool_call_id: "c1" },
    ],
    stream: false,
    tools: [
      { type: "function", function: { name: "f", description: "d", parameters: { type: "object", properties: {} } } },
    ],
    format: { type: "object" },
    options: { num_predict: 5, temperature: 0.5, stop: ["x"], typical_p: 0.7 },
    think: "high",
    logprobs: true,
    top_logprobs: 2,
  };
  const { request } = ollamaChat.codec;
  const encoded = request.encode(request.decode(body, {}), target());
  expect(encoded).toEqual({ body, losses: [] });
  expect(request.decode(encoded.body, {})).toEqual(request.decode(body, {}));
});
