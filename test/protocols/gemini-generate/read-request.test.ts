import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Opaque, Part, Turn } from "../../../src/protocols/canonical/conversation.ts";
import { conversationToCount } from "../../../src/protocols/gemini-generate/index.ts";
import { signatureOf, skipSignature } from "../../../src/protocols/gemini-generate/signature.ts";
import { codec, type Json } from "./samples.ts";

const decode = (body: Json, path = {}) => codec.request.decode(body, path);
const contents = [{ role: "user", parts: [{ text: "Hi" }] }];
const turnsOf = (...list: readonly unknown[]): readonly Turn[] => decode({ contents: list }).turns;
const partsOf = (...parts: readonly unknown[]): readonly Part[] | undefined =>
  turnsOf({ role: "user", parts })[0]?.parts;
const call = (name: string, more: Json = {}) => ({ functionCall: { name, args: {}, ...more } });
const result = (name: string, more: Json = {}) => ({ functionResponse: { name, response: { result: name }, ...more } });
const model = (...parts: readonly unknown[]) => ({ role: "model", parts });
const user = (...parts: readonly unknown[]) => ({ role: "user", parts });

function refused(body: Json): string | undefined {
  try {
    decode(body);
    return "not refused";
  } catch (error) {
    if (!(error instanceof GatewayError) || error.status !== 400) throw error;
    return error.param;
  }
}

/** Ids of calls and of what they are answered by, in order. */
function idsOf(turns: readonly Turn[]): string[] {
  return turns.flatMap(({ parts }) =>
    parts.flatMap((part) =>
      part.type === "tool_call" ? [part.id] : part.type === "tool_result" ? [`> ${part.callId}`] : [],
    ),
  );
}

describe("the conversation", () => {
  test("has model and stream from the URL", () => {
    expect(decode({ contents, model: "models/inner" }, { model: "smart", stream: true })).toMatchObject({
      protocol: "gemini-generate",
      model: "smart",
      stream: true,
      turns: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }],
    });
    expect(decode({ contents, model: "models/inner" })).toMatchObject({ model: "inner", stream: false });
  });

  test("begins with the instruction, however it is written", () => {
    const system = { role: "system", parts: [{ type: "text", text: "Be brief" }] } as const;
    const spellings = [
      "Be brief",
      { parts: [{ text: "Be brief" }], role: "user" },
      { parts: { text: "Be brief" } },
      [{ text: "Be brief" }],
      { text: "Be brief" },
    ];
    for (const systemInstruction of spellings) expect(decode({ contents, systemInstruction }).turns[0]).toEqual(system);
    expect(decode({ contents, system_instruction: { parts: [{ text: "" }] } }).turns).toHaveLength(1);
  });

  test("takes both spellings of every name, a role that is absent, and one content for a list", () => {
    const camel = {
      parts: [
        { inlineData: { mimeType: "image/png", data: "aGk" } },
        { fileData: { mimeType: "application/pdf", fileUri: "gs://b/x" } },
      ],
    };
    const snake = {
      parts: [
        { inline_data: { mime_type: "image/png", data: "aGk" } },
        { file_data: { mime_type: "application/pdf", file_uri: "gs://b/x" } },
      ],
    };
    expect(turnsOf(camel)).toEqual(turnsOf({ role: "user", ...snake }));
    expect(decode({ contents: camel }).turns).toEqual(turnsOf(camel));
    expect(decode({ contents: "Hi" }).turns).toEqual(decode({ contents }).turns);
  });

  test("has pictures, sounds, documents and files of Google's in their places", () => {
    expect(
      partsOf(
        { inlineData: { mimeType: "image/PNG", data: "-_8=" } },
        { inlineData: { mimeType: "audio/wav", data: "UklG" } },
        { inlineData: { mimeType: "application/pdf", data: "JVBE", displayName: "a.pdf" } },
        { fileData: { mimeType: "image/jpeg", fileUri: "https://generativelanguage.googleapis.com/v1beta/files/abc" } },
        { fileData: { mimeType: "image/jpeg", fileUri: "https://example.com/a.jpg" } },
      ),
    ).toEqual([
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "+/8=" } },
      { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "UklG" } },
      { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "JVBE" }, name: "a.pdf" },
      { type: "image", source: { kind: "file-id", id: "https://generativelanguage.googleapis.com/v1beta/files/abc" } },
      { type: "image", source: { kind: "url", url: "https://example.com/a.jpg" } },
    ]);
  });

  test("keeps parts that only this protocol knows, and says which settings of parts it leaves out", () => {
    const executableCode = { language: "PYTHON", code: "1+1" };
    const read = decode({ contents: [model({ executableCode }), user({ text: "Hi", videoMetadata: { fps: 1 } })] });
    expect(read.turns[0]?.parts).toEqual([{ type: "opaque", protocol: "gemini-generate", value: { executableCode } }]);
    expect(read.losses.map(({ field }) => field)).toEqual(["contents[1].parts[0].videoMetadata"]);
  });

  test("a stream that a client kept in its pieces is one turn again", () => {
    expect(
      turnsOf(
        user({ text: "Hi" }),
        model({ text: "Hel" }),
        model({ text: "lo" }),
        model({ text: "" }),
        model(call("f", { id: "c1" })),
      ),
    ).toEqual([
      { role: "user", parts: [{ type: "text", text: "Hi" }] },
      {
        role: "assistant",
        parts: [
          { type: "text", text: "Hello" },
          { type: "tool_call", id: "c1", name: "f", kind: "function", input: "{}" },
        ],
      },
    ]);
  });

  test("results stand in a turn of their own, before what the user says with them", () => {
    expect(turnsOf(model(call("f", { id: "c1" })), user({ text: "and?" }, result("f", { id: "c1" })))).toEqual([
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "f", kind: "function", input: "{}" }] },
      {
        role: "tool",
        parts: [{ type: "tool_result", callId: "c1", name: "f", parts: [{ type: "text", text: "f" }], isError: false }],
      },
      { role: "user", parts: [{ type: "text", text: "and?" }] },
    ]);
  });

  test("a result is a text, an object or an error, with pictures", () => {
    const texts = [
      { result: "plain" },
      { output: "plain" },
      { name: "f", content: "plain" },
      { temperature: 7 },
      { result: { deep: [1] } },
      { error: "no" },
      { error: "no", code: 1 },
      {},
    ].map((response) => {
      const [, turn] = turnsOf(model(call("f")), {
        role: "function",
        parts: [{ functionResponse: { name: "f", response } }],
      });
      const [part] = turn?.parts ?? [];
      if (part?.type !== "tool_result") return undefined;
      return [part.isError, ...part.parts.map((inner) => (inner.type === "text" ? inner.text : inner.type))];
    });
    expect(texts).toEqual([
      [false, "plain"],
      [false, "plain"],
      [false, "plain"],
      [false, '{"temperature":7}'],
      [false, '{"result":{"deep":[1]}}'],
      [true, "no"],
      [false, '{"error":"no","code":1}'],
      [false, "{}"],
    ]);
    const parts = [{ inlineData: { mimeType: "image/png", data: "aa" } }, { odd: 1 }];
    expect(turnsOf(model(call("f")), user(result("f", { parts })))[1]?.parts[0]).toMatchObject({
      parts: [
        { type: "text", text: "f" },
        { type: "image", source: { kind: "base64", mediaType: "image/png", data: "aa" } },
        { type: "opaque" },
      ],
    });
  });
});

describe("calls without ids", () => {
  test("are answered by name, first come first served", () => {
    expect(idsOf(turnsOf(model(call("f"), call("g"), call("f")), user(result("f"), result("f"), result("g"))))).toEqual(
      ["call_gen_0", "call_gen_1", "call_gen_2", "> call_gen_0", "> call_gen_2", "> call_gen_1"],
    );
  });

  test("have ids that never start again, and the same history gives the same ones", () => {
    const history = [model(call("f")), user(result("f")), model(call("f")), user(result("f"))];
    const ids = ["call_gen_0", "> call_gen_0", "call_gen_1", "> call_gen_1"];
    expect(idsOf(turnsOf(...history))).toEqual(ids);
    expect(idsOf(turnsOf(...history, model(call("f"))))).toEqual([...ids, "call_gen_2"]);
  });

  test("of the latest turn are meant, not one that was never answered", () => {
    expect(idsOf(turnsOf(model(call("f")), user({ text: "stop" }), model(call("f")), user(result("f"))))).toEqual([
      "call_gen_0",
      "call_gen_1",
      "> call_gen_1",
    ]);
  });

  test("are found without a name too, and a result without a call keeps an id of its own", () => {
    expect(
      idsOf(
        turnsOf(
          model(call("f")),
          user({ functionResponse: { response: {} } }, result("other"), result("x", { id: "own" })),
        ),
      ),
    ).toEqual(["call_gen_0", "> call_gen_0", "> call_gen_1", "> own"]);
  });

  test("ids of the client's count, also where they come in another order or twice", () => {
    expect(
      idsOf(
        turnsOf(
          model(call("f", { id: "a" }), call("f", { id: "b" })),
          user(result("f", { id: "b" }), result("f", { id: "a" })),
          model(call("f", { id: "a" })),
          user(result("f", { id: "a" })),
        ),
      ),
    ).toEqual(["a", "b", "> b", "> a", "a_2", "> a_2"]);
  });
});

const assistant = (...parts: readonly unknown[]) => turnsOf(model(...parts))[0]?.parts;

describe("signatures", () => {
  const google: Opaque = { origin: "google", kind: "gemini-signature", data: "CiQ=" };
  const claude: Opaque = { origin: "claude", kind: "anthropic-signature", data: "s1" };
  const redacted: Opaque = { origin: "claude", kind: "anthropic-redacted", data: "r1" };
  const bare: Opaque = { origin: "", kind: "gemini-signature", data: "AB+/" };

  test("as the upstream made them are kept on the call, or behind the text", () => {
    expect(assistant({ text: "a", thoughtSignature: "AB+/" }, { ...call("f"), thought_signature: "AB+/" })).toEqual([
      { type: "text", text: "a" },
      { type: "reasoning", text: "", opaque: [bare] },
      { type: "tool_call", id: "call_gen_0", name: "f", kind: "function", input: "{}", opaque: [bare] },
    ]);
    expect(assistant({ text: "hm", thought: true, thoughtSignature: "AB+/" })).toEqual([
      { type: "reasoning", text: "hm", isSummary: true, opaque: [bare] },
    ]);
  });

  test("that stand for none are none", () => {
    const spellings = [
      skipSignature,
      Buffer.from(skipSignature).toString("base64"),
      "context_engineering_is_the_way_to_go",
    ];
    for (const thoughtSignature of spellings)
      expect(assistant({ ...call("f"), thoughtSignature })?.[0]).not.toHaveProperty("opaque");
  });

  test("of ours are opened: a call's own stays, others' reasoning goes back before it", () => {
    const thoughtSignature = signatureOf([claude, google]);
    expect(assistant({ text: "hm", thought: true }, { text: "I look." }, { ...call("f"), thoughtSignature })).toEqual([
      { type: "reasoning", text: "hm", isSummary: true, opaque: [claude] },
      { type: "text", text: "I look." },
      { type: "tool_call", id: "call_gen_0", name: "f", kind: "function", input: "{}", opaque: [google] },
    ]);
  });

  test("of ours find their place where the thoughts did not come back, every call its own", () => {
    const parts = assistant(
      { text: "a" },
      { ...call("f"), thoughtSignature: signatureOf([claude]) },
      { ...call("g"), thoughtSignature: signatureOf([redacted, { ...claude, data: "s2" }]) },
      { text: "", thoughtSignature: signatureOf([{ ...claude, data: "s3" }]) },
    );
    expect(parts?.map((part) => (part.type === "reasoning" ? part.opaque.map(({ data }) => data) : part.type))).toEqual(
      [["s1"], "text", "tool_call", ["r1"], ["s2"], "tool_call", ["s3"]],
    );
  });

  test("that are damaged hold nothing, and break nothing", () => {
    expect(assistant({ ...call("f"), thoughtSignature: "b3JjMS5ub25zZW5zZQ==" })).toHaveLength(1);
    expect(assistant({ text: "x", thoughtSignature: 7 })).toEqual([{ type: "text", text: "x" }]);
  });
});

const read = (tools: unknown, toolConfig?: unknown) =>
  decode({ contents, tools, ...(toolConfig === undefined ? {} : { toolConfig }) });

describe("tools", () => {
  test("have parameters as JSON Schema, from the API's own kind too", () => {
    const parameters = {
      type: "OBJECT",
      properties: {
        city: { type: "STRING", nullable: true, description: "where" },
        unit: { type: "STRING", format: "enum", enum: ["c", "f"], nullable: true },
        days: { type: "ARRAY", items: { type: "INTEGER" }, minItems: "1", max_items: "5" },
        any: { anyOf: [{ type: "NUMBER" }, { type: "BOOLEAN" }], nullable: true },
        plain: { type: "TYPE_UNSPECIFIED", example: 1 },
      },
      required: ["city"],
      propertyOrdering: ["city"],
    };
    const { tools } = read([
      {
        functionDeclarations: [
          { name: "f", description: "d", parameters },
          { name: "g", parametersJsonSchema: { type: "object", $defs: {} } },
        ],
      },
    ]);
    expect(tools).toEqual([
      {
        name: "f",
        kind: "function",
        description: "d",
        parameters: {
          type: "object",
          properties: {
            city: { type: ["string", "null"], description: "where" },
            unit: { type: ["string", "null"], format: "enum", enum: ["c", "f", null] },
            days: { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 5 },
            any: { anyOf: [{ type: "number" }, { type: "boolean" }, { type: "null" }] },
            plain: { examples: [1] },
          },
          required: ["city"],
        },
      },
      { name: "g", kind: "function", parameters: { type: "object", $defs: {} } },
    ]);
  });

  test("of Google's servers are losses, by their place", () => {
    const { tools, losses } = read([
      { google_search: {} },
      { functionDeclarations: { name: "f", behavior: "NON_BLOCKING" }, codeExecution: {} },
      { urlContext: {} },
    ]);
    expect(tools.map(({ name }) => name)).toEqual(["f"]);
    expect(losses.map(({ field }) => field)).toEqual([
      "tools[0].google_search",
      "tools[1].functionDeclarations[0].behavior",
      "tools[1].codeExecution",
      "tools[2].urlContext",
    ]);
  });

  test("are chosen from as the config says", () => {
    const choice = (functionCallingConfig: unknown) => read([], { functionCallingConfig }).toolChoice;
    expect(choice({ mode: "AUTO" })).toEqual({ type: "auto" });
    expect(choice({ mode: "none" })).toEqual({ type: "none" });
    expect(choice({ mode: "ANY" })).toEqual({ type: "required" });
    expect(choice({ mode: "ANY", allowed_function_names: ["f"] })).toEqual({ type: "tool", name: "f" });
    expect(choice({ mode: "ANY", allowedFunctionNames: ["f", "g"] })).toEqual({
      type: "subset",
      mode: "required",
      names: ["f", "g"],
    });
    expect(choice({ mode: "VALIDATED", allowedFunctionNames: ["f"] })).toEqual({
      type: "subset",
      mode: "auto",
      names: ["f"],
    });
    expect(choice({ mode: "MODE_UNSPECIFIED" })).toBeUndefined();
    expect(
      read([], { retrievalConfig: {}, functionCallingConfig: { mode: "VALIDATED" } }).losses.map(({ field }) => field),
    ).toEqual(["toolConfig.retrievalConfig", "toolConfig.functionCallingConfig.mode"]);
  });
});

const readConfig = (generationConfig: Json) => decode({ contents, generationConfig });
const thinking = (thinkingConfig: Json) => readConfig({ thinkingConfig }).reasoning;

describe("settings", () => {
  test("are read in both spellings, numbers as texts too", () => {
    const settings = {
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      count: 2,
      maxOutputTokens: 100,
      stop: ["a"],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      logprobs: { top: 3 },
    };
    const camel = {
      temperature: 0.5,
      topP: "0.9",
      topK: 40,
      candidateCount: 2,
      maxOutputTokens: "100",
      stopSequences: ["a", ""],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      responseLogprobs: true,
      logprobs: 3,
    };
    const snake = Object.fromEntries(
      Object.entries(camel).map(([key, value]) => [
        key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value,
      ]),
    );
    expect(readConfig(camel)).toMatchObject(settings);
    expect(decode({ contents, generation_config: snake })).toMatchObject(settings);
    expect(readConfig({}).stop).toEqual([]);
  });

  test("the form of the answer is read in its three spellings", () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    const wanted = { type: "schema", name: undefined, description: undefined, schema, strict: undefined };
    const openApi = { type: "OBJECT", properties: { a: { type: "STRING" } } };
    const json = "application/json";
    expect(readConfig({ responseMimeType: json, responseJsonSchema: schema }).format).toEqual(wanted as never);
    expect(readConfig({ response_mime_type: json, response_schema: openApi }).format).toEqual(wanted as never);
    expect(readConfig({ responseMimeType: json, _responseJsonSchema: schema }).format).toEqual(wanted as never);
    expect(
      readConfig({ responseFormat: [{ image: {} }, { text: { mimeType: json, schema: openApi } }] }).format,
    ).toEqual(wanted as never);
    expect(readConfig({ responseMimeType: json }).format).toEqual({ type: "json" });
    expect(readConfig({ responseMimeType: "text/plain" }).format).toEqual({ type: "text" });
    expect(readConfig({ responseMimeType: "text/x.enum", responseSchema: openApi })).toMatchObject({
      losses: [{ field: "generationConfig.responseMimeType" }],
    });
  });

  test("thinking is an effort, a budget, or a wish to see it", () => {
    expect(thinking({ thinkingLevel: "HIGH", includeThoughts: true })).toEqual({ effort: "high", isShown: true });
    expect(thinking({ thinkingLevel: "THINKING_LEVEL_LOW" })).toEqual({ effort: "low" });
    expect(thinking({ thinkingBudget: 0 })).toEqual({ effort: "none" });
    expect(thinking({ thinking_budget: 2048 })).toEqual({ budget: 2048 });
    expect(thinking({ thinkingBudget: -1, includeThoughts: false })).toEqual({ budget: "dynamic", isShown: false });
    expect(thinking({})).toBeUndefined();
  });

  test("what only Gemini knows comes along as extra", () => {
    expect(
      decode({
        contents,
        safetySettings: [1],
        cachedContent: "c",
        labels: { a: "b" },
        store: false,
        serviceTier: "FLEX",
        generationConfig: { mediaResolution: "LOW", responseModalities: ["TEXT", "IMAGE"], speech_config: null },
      }),
    ).toMatchObject({
      serviceTier: "flex",
      extra: {
        safetySettings: [1],
        cachedContent: "c",
        labels: { a: "b" },
        store: false,
        "generationConfig.mediaResolution": "LOW",
        "generationConfig.responseModalities": ["IMAGE"],
      },
    });
    expect(readConfig({ responseModalities: ["TEXT"] }).extra).toEqual({});
  });
});

test("what cannot be read is refused by name", () => {
  expect(refused({})).toBe("contents");
  expect(refused({ contents: [] })).toBe("contents");
  expect(refused({ contents: 5 })).toBe("contents");
  expect(refused({ contents: [5] })).toBe("contents[0]");
  expect(refused({ contents: [{ parts: [5] }] })).toBe("contents[0].parts[0]");
  expect(refused({ contents: [model({ functionCall: "f" })] })).toBe("contents[0].parts[0].functionCall");
  expect(refused({ contents: [model({ functionCall: { name: "f", args: "x" } })] })).toBe(
    "contents[0].parts[0].functionCall.args",
  );
  expect(refused({ contents: [user({ functionResponse: { name: "f", response: "x" } })] })).toBe(
    "contents[0].parts[0].functionResponse.response",
  );
  expect(refused({ contents, tools: [5] })).toBe("tools[0]");
  expect(refused({ contents, tools: [{ functionDeclarations: [{}] }] })).toBe("tools[0].functionDeclarations[0].name");
  expect(refused({ contents, toolConfig: [] })).toBe("toolConfig");
  expect(refused({ contents, generationConfig: 1 })).toBe("generationConfig");
  expect(refused({ contents, generationConfig: { temperature: "hot" } })).toBe("generationConfig.temperature");
  expect(refused({ contents, systemInstruction: 5 })).toBe("systemInstruction");
});

test("countTokens' body is read with contents, or with a whole request", () => {
  const request = { model: "models/x", contents, systemInstruction: { parts: [{ text: "S" }] } };
  expect(conversationToCount({ contents }).turns).toHaveLength(1);
  expect(conversationToCount({ generateContentRequest: request }, { model: "smart", stream: true })).toMatchObject({
    model: "smart",
    stream: false,
    turns: [{ role: "system" }, { role: "user" }],
  });
});
