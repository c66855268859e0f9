import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import type { Target } from "../../../src/protocols/canonical/codec.ts";
import type {
  Conversation,
  Opaque,
  Part,
  Tool,
  ToolCallPart,
  Turn,
} from "../../../src/protocols/canonical/conversation.ts";
import { skipSignature } from "../../../src/protocols/gemini-generate/signature.ts";
import { conversationOf } from "../../support/conversation.ts";
import { thrownBy } from "../../support/thrown-by.ts";
import { codec, gemini2, gemini3, targetWith, wire, type Json } from "./samples.ts";

/** The body, which the real API would take. */
function encode(changes: Partial<Conversation>, target: Target = gemini3) {
  const encoded = codec.request.encode(conversationOf(changes), target);
  const body = JSON.parse(JSON.stringify(encoded.body)) as Json;
  const path = `/v1beta/models/${target.model}:generateContent`;
  expect(wire.violationsOf({ method: "POST", path, headers: new Headers(), body })).toEqual([]);
  return { ...encoded, body, lost: encoded.losses.map(({ field }) => field) };
}

interface Content {
  role: string;
  parts: Json[];
}

const contentsOf = (turns: readonly Turn[], target?: Target) => encode({ turns }, target).body["contents"] as Content[];
const configOf = (changes: Partial<Conversation>, target?: Target) => encode(changes, target).body["generationConfig"];

const user = (...parts: Part[]): Turn => ({ role: "user", parts });
const assistant = (...parts: Part[]): Turn => ({ role: "assistant", parts });
const text = (value: string): Part => ({ type: "text", text: value });
const call = (id: string, name: string, more: Partial<ToolCallPart> = {}): ToolCallPart => ({
  type: "tool_call",
  id,
  name,
  kind: "function",
  input: "{}",
  ...more,
});
const answered = (callId: string, ...parts: readonly Part[]): Turn => ({
  role: "tool",
  parts: [{ type: "tool_result", callId, parts: parts as never, isError: false }],
});

function refusal(changes: Partial<Conversation>): GatewayError {
  return thrownBy(() => encode(changes));
}

describe("turns", () => {
  test("that are alike follow each other in one content, and empty texts fall away", () => {
    expect(
      contentsOf([
        user(text("a")),
        user(text(""), text("b")),
        assistant(text("c")),
        assistant(text("d")),
        user(text("e")),
      ]),
    ).toEqual([
      { role: "user", parts: [{ text: "a" }, { text: "b" }] },
      { role: "model", parts: [{ text: "c" }, { text: "d" }] },
      { role: "user", parts: [{ text: "e" }] },
    ]);
  });

  test("of the system lead as instruction; later ones are marked where they stand", () => {
    const { body } = encode({
      turns: [
        { role: "system", parts: [text("one")] },
        { role: "developer", parts: [text("two"), text("")] },
        user(text("Hi")),
        { role: "system", parts: [text("three")] },
      ],
    });
    expect(body["systemInstruction"]).toEqual({ parts: [{ text: "one" }, { text: "two" }] });
    expect(body["contents"]).toEqual([
      { role: "user", parts: [{ text: "Hi" }, { text: "<system-reminder>\nthree\n</system-reminder>" }] },
    ]);
  });

  test("of the system alone are what the user says", () => {
    const { body } = encode({ turns: [{ role: "system", parts: [text("Tell a joke")] }] });
    expect(body).toEqual({ contents: [{ role: "user", parts: [{ text: "Tell a joke" }] }] });
  });

  test("begin with the user, which is said", () => {
    const { body, lost } = encode({ turns: [assistant(text("Hello!")), user(text("Hi"))] });
    expect((body["contents"] as Content[]).map(({ role }) => role)).toEqual(["user", "model", "user"]);
    expect(lost).toEqual(["the first turn"]);
  });

  test("that say nothing at all are refused", () => {
    expect(refusal({ turns: [user(text(""))] })).toMatchObject({ status: 400, param: "messages" });
    expect(refusal({ turns: [], protocol: "openai-responses" }).param).toBe("input");
  });

  test("keep refusals as text, and drop what is not Gemini's", () => {
    const { body, lost } = encode({
      turns: [
        user(text("Hi"), { type: "opaque", protocol: "anthropic-messages", value: { type: "x" } }),
        assistant({ type: "refusal", text: "No." }, { type: "opaque", protocol: "openai-responses", value: {} }),
        user(text("Why?"), { type: "opaque", protocol: "gemini-generate", value: { executableCode: {} } }),
      ],
    });
    expect((body["contents"] as Content[]).map(({ parts }) => parts)).toEqual([
      [{ text: "Hi" }],
      [{ text: "No." }],
      [{ text: "Why?" }, { executableCode: {} }],
    ]);
    expect(lost).toEqual(["messages (opaque)", "messages (opaque)"]);
  });
});

describe("calls and results", () => {
  const twoCalls = assistant(text("I look."), call("c1", "f", { input: '{"a":"ü"}' }), call("c2", "g"));

  test("B31: results of one turn stand in one content, in the order of the calls, named by their calls", () => {
    expect(
      contentsOf([
        user(text("Hi")),
        twoCalls,
        answered("c2", text("two")),
        user(text("well?")),
        answered("c1", text('{"n":1}')),
      ]).slice(1),
    ).toEqual([
      {
        role: "model",
        parts: [
          { text: "I look." },
          { functionCall: { id: "c1", name: "f", args: { a: "ü" } }, thoughtSignature: skipSignature },
          { functionCall: { id: "c2", name: "g", args: {} } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "c1", name: "f", response: { n: 1 } } },
          { functionResponse: { id: "c2", name: "g", response: { result: "two" } } },
          { text: "well?" },
        ],
      },
    ]);
  });

  test("ids that start again with every answer stay with their own turns", () => {
    const contents = contentsOf([
      user(text("Hi")),
      assistant(call("call_0", "f")),
      answered("call_0", text("1")),
      assistant(call("call_0", "g")),
      answered("call_0", text("2")),
    ]);
    expect(
      contents.flatMap(({ parts }) =>
        parts.flatMap((part) => (part["functionResponse"] as Json | undefined)?.["response"] ?? []),
      ),
    ).toEqual([{ result: "1" }, { result: "2" }]);
  });

  test("results without a call, or a second one, are lost; a call without a result is given one", () => {
    const { body, lost } = encode({
      turns: [
        user(text("Hi")),
        answered("x", text("?")),
        twoCalls,
        answered("c1", text("1")),
        answered("c1", text("again")),
        user(text("go on")),
      ],
    });
    expect(lost).toEqual(["tool result x", "tool result c1", "tool call c2"]);
    expect((body["contents"] as Content[])[2]?.parts[1]).toEqual({
      functionResponse: { id: "c2", name: "g", response: { error: "There is no result of this call." } },
    });
  });

  test("a response is an object always", () => {
    const responses = ["plain", '{"a":1}', "[1]", '{"id":12345678901234567890}', "{broken", ""].map((value) => {
      const contents = contentsOf([
        user(text("Hi")),
        assistant(call("1", "f")),
        answered("1", ...(value === "" ? [] : [text(value)])),
      ]);
      return (contents[2]?.parts[0]?.["functionResponse"] as Json | undefined)?.["response"];
    });
    expect(responses).toEqual([
      { result: "plain" },
      { a: 1 },
      { result: "[1]" },
      { result: '{"id":12345678901234567890}' },
      { result: "{broken" },
      { result: "" },
    ]);
    const failed: Turn = {
      role: "tool",
      parts: [{ type: "tool_result", callId: "1", parts: [{ type: "text", text: "no" }], isError: true }],
    };
    expect(contentsOf([user(text("Hi")), assistant(call("1", "f")), failed])[2]?.parts[0]).toMatchObject({
      functionResponse: { response: { error: "no" } },
    });
  });

  test("pictures in results are parts of the response for Gemini 3, and stand behind it for Gemini 2", () => {
    const picture: Part = { type: "image", source: { kind: "base64", mediaType: "image/jpeg", data: "iVBORw0KGgo=" } };
    const inlineData = { mimeType: "image/png", data: "iVBORw0KGgo=" };
    const turns = [user(text("Hi")), assistant(call("1", "f")), answered("1", text("see"), picture)];
    const functionResponse = { id: "1", name: "f", response: { result: "see" } };
    expect(contentsOf(turns)[2]?.parts).toEqual([
      { functionResponse: { ...functionResponse, parts: [{ inlineData }] } },
    ]);
    expect(contentsOf(turns, gemini2)[2]?.parts).toEqual([
      { functionResponse },
      { text: "What the tool f returned besides its text:" },
      { inlineData },
    ]);
  });

  test("arguments are an object always", () => {
    const { body, lost } = encode({
      turns: [
        user(text("Hi")),
        assistant(
          call("1", "f", { input: "" }),
          call("2", "f", { input: "[1]" }),
          call("3", "p", { kind: "custom", input: "*** Begin" }),
        ),
      ],
    });
    const args = (body["contents"] as Content[])[1]?.parts.map((part) => (part["functionCall"] as Json)["args"]);
    expect(args).toEqual([{}, { _raw: "[1]" }, { input: "*** Begin" }]);
    expect(lost).toEqual(["tool call 2"]);
  });
});

const turns = (...parts: Part[]) => [user(text("Hi")), assistant(...parts)];
const signaturesOf = (list: readonly Turn[], target?: Target) =>
  contentsOf(list, target).flatMap(({ parts }) =>
    parts.flatMap((part) => ("functionCall" in part || "thoughtSignature" in part ? [part["thoughtSignature"]] : [])),
  );
const thoughts = (opaque: readonly Opaque[]): Part => ({ type: "reasoning", text: "hm", opaque });

describe("signatures", () => {
  const own: Opaque = { origin: "google", kind: "gemini-signature", data: "CiQB+/w==" };

  test("B49: a call without one carries the value that skips the check, beside the call and not in it", () => {
    expect(contentsOf(turns(call("1", "f")))[1]?.parts).toEqual([
      { functionCall: { id: "1", name: "f", args: {} }, thoughtSignature: skipSignature },
    ]);
  });

  test("B49: its own goes back byte for byte, as it does when a client sent it as it came", () => {
    expect(signaturesOf(turns(call("1", "f", { opaque: [own] })))).toEqual(["CiQB+/w=="]);
    expect(signaturesOf(turns(call("1", "f", { opaque: [{ ...own, origin: "" }] })))).toEqual(["CiQB+/w=="]);
    expect(signaturesOf(turns(call("1", "f", { opaque: [own] })), gemini2)).toEqual(["CiQB+/w=="]);
  });

  test("B51: another upstream's is not given away", () => {
    const foreign = [
      { ...own, origin: "elsewhere" },
      { ...own, kind: "anthropic-signature" as const },
    ];
    expect(signaturesOf(turns(call("1", "f", { opaque: foreign })))).toEqual([skipSignature]);
    expect(signaturesOf(turns(call("1", "f", { opaque: foreign })), gemini2)).toEqual([undefined]);
  });

  test("of calls side by side only the first needs one, of every step", () => {
    const steps = [
      ...turns(call("1", "f"), call("2", "f")),
      answered("1", text("a")),
      answered("2", text("b")),
      assistant(call("3", "f"), call("4", "f", { opaque: [own] })),
    ];
    expect(signaturesOf(steps)).toEqual([skipSignature, undefined, skipSignature, "CiQB+/w=="]);
  });

  test("behind a text stand on that text again, or on the next part that says something", () => {
    const state: Part = { type: "reasoning", text: "", opaque: [own] };
    expect(contentsOf(turns(text("4"), state))[1]?.parts).toEqual([{ text: "4", thoughtSignature: "CiQB+/w==" }]);
    expect(contentsOf(turns(state, text("4")))[1]?.parts).toEqual([{ text: "4", thoughtSignature: "CiQB+/w==" }]);
    expect(contentsOf(turns(state, call("1", "f")))[1]?.parts[0]).toMatchObject({ thoughtSignature: "CiQB+/w==" });
  });

  test("thoughts go back only when they are signed by this upstream", () => {
    expect(contentsOf(turns(thoughts([]), thoughts([{ ...own, origin: "x" }]), text("a")))[1]?.parts).toEqual([
      { text: "a" },
    ]);
    expect(contentsOf(turns(thoughts([own]), text("a")))[1]?.parts).toEqual([
      { text: "hm", thought: true, thoughtSignature: "CiQB+/w==" },
      { text: "a" },
    ]);
  });
});

const image = (source: Extract<Part, { type: "image" }>["source"]): Part => ({ type: "image", source });
const partOf = (part: Part) => contentsOf([user(part)])[0]?.parts[0];

describe("pictures, sounds and files", () => {
  test("stand inline, of the type that their first bytes tell", () => {
    expect(partOf(image({ kind: "base64", mediaType: "image/png", data: "/9j/4AA=" }))).toEqual({
      inlineData: { mimeType: "image/jpeg", data: "/9j/4AA=" },
    });
    const audio: Part = { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "UklGRg==" } };
    expect(partOf(audio)).toEqual({ inlineData: { mimeType: "audio/wav", data: "UklGRg==" } });
    const pdf: Part = {
      type: "file",
      name: "a.pdf",
      source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
    };
    expect(partOf(pdf)).toEqual({ inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } });
  });

  test("that Google keeps are named", () => {
    const uri = "https://generativelanguage.googleapis.com/v1beta/files/abc";
    expect(partOf(image({ kind: "url", url: "gs://bucket/a.png" }))).toEqual({
      fileData: { mimeType: "image/png", fileUri: "gs://bucket/a.png" },
    });
    expect(partOf(image({ kind: "url", url: uri }))).toEqual({ fileData: { fileUri: uri } });
    expect(partOf({ type: "file", source: { kind: "file-id", id: "files/abc" } })).toEqual({
      fileData: { fileUri: uri },
    });
    const video = "https://www.youtube.com/watch?v=x";
    expect(partOf({ type: "file", source: { kind: "url", url: video } })).toEqual({ fileData: { fileUri: video } });
  });

  test("that are links, or other providers' files, are refused with what to do instead", () => {
    const link = refusal({ turns: [user(image({ kind: "url", url: "https://example.com/cat.png" }))] });
    expect([link.status, link.param]).toEqual([400, "messages"]);
    expect(link.message).toContain("https://example.com/cat.png");
    expect(link.message).toContain("data: URL");
    expect(refusal({ turns: [user({ type: "file", source: { kind: "file-id", id: "file-1" } })] }).message).toContain(
      "base64",
    );
    const result = answered("1", image({ kind: "url", url: "http://e.com/a.png" }));
    expect(refusal({ turns: [user(text("Hi")), assistant(call("1", "f")), result] }).status).toBe(400);
  });

  test("how finely to look is lost", () => {
    const part: Part = {
      type: "image",
      detail: "low",
      source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" },
    };
    expect(encode({ turns: [user(part)] }).lost).toEqual(["messages (detail of an image)"]);
  });
});

const tool = (name: string, more: Partial<Tool> = {}): Tool => ({ name, kind: "function", ...more });

const config = (changes: Partial<Conversation>) =>
  (encode({ tools: [tool("f"), tool("g")], ...changes }).body["toolConfig"] as Json | undefined)?.[
    "functionCallingConfig"
  ];

describe("tools", () => {
  test("B43: a choice without tools is left out with them", () => {
    expect(Object.keys(encode({ tools: [], toolChoice: { type: "required" } }).body)).toEqual(["contents"]);
  });

  test("are declared with JSON Schema, custom ones with one text", () => {
    const parameters = {
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      properties: { a: { const: "x" } },
    };
    const { body } = encode({
      tools: [
        tool("f", { description: "d", parameters }),
        tool("n"),
        {
          name: "patch",
          kind: "custom",
          description: "Patches",
          format: { type: "grammar", syntax: "lark", definition: "start: x" },
        },
      ],
    });
    expect(body["tools"]).toEqual([
      {
        functionDeclarations: [
          { name: "f", description: "d", parametersJsonSchema: { type: "object", properties: { a: { enum: ["x"] } } } },
          { name: "n" },
          {
            name: "patch",
            description: "Patches\n\n`input` must follow this lark grammar:\nstart: x",
            parametersJsonSchema: {
              type: "object",
              properties: { input: { type: "string", description: "The text for the tool" } },
              required: ["input"],
            },
          },
        ],
      },
    ]);
    expect(body["toolConfig"]).toBeUndefined();
  });

  test("are chosen from in Gemini's modes", () => {
    expect(config({ toolChoice: { type: "auto" } })).toEqual({ mode: "AUTO" });
    expect(config({ toolChoice: { type: "none" } })).toEqual({ mode: "NONE" });
    expect(config({ toolChoice: { type: "required" } })).toEqual({ mode: "ANY" });
    expect(config({ toolChoice: { type: "tool", name: "g" } })).toEqual({ mode: "ANY", allowedFunctionNames: ["g"] });
    expect(config({ toolChoice: { type: "subset", mode: "auto", names: ["f"] } })).toEqual({
      mode: "VALIDATED",
      allowedFunctionNames: ["f"],
    });
    expect(config({ toolChoice: { type: "subset", mode: "required", names: ["f", "g"] } })).toEqual({
      mode: "ANY",
      allowedFunctionNames: ["f", "g"],
    });
    expect(config({ tools: [tool("f", { strict: true })] })).toEqual({ mode: "VALIDATED" });
    expect(encode({ tools: [tool("f")], parallelToolCalls: false }).lost).toEqual(["parallel_tool_calls"]);
  });

  test("have names that are legal and do not meet, in the history and the choice too", () => {
    const names = [
      "mcp/files read",
      "mcp_files_read",
      "9lives",
      "x".repeat(70),
      `${"x".repeat(70)}y`,
      "ünï",
      "ok.a:b-c",
    ];
    const { body, toolNames } = encode({
      tools: names.map((name) => tool(name)),
      toolChoice: { type: "tool", name: "9lives" },
      turns: [
        user(text("Hi")),
        assistant(call("1", "mcp/files read"), call("2", "gone away")),
        answered("1", text("a")),
        answered("2", text("b")),
      ],
    });
    const declared = (body["tools"] as { functionDeclarations: { name: string }[] }[])[0]?.functionDeclarations.map(
      ({ name }) => name,
    );
    expect(declared).toEqual([
      "mcp_files_read_2",
      "mcp_files_read",
      "_9lives",
      "x".repeat(64),
      `${"x".repeat(62)}_2`,
      "_n_",
      "ok.a:b-c",
    ]);
    expect([...(toolNames ?? [])]).toEqual([
      ["mcp_files_read_2", "mcp/files read"],
      ["_9lives", "9lives"],
      ["x".repeat(64), "x".repeat(70)],
      [`${"x".repeat(62)}_2`, `${"x".repeat(70)}y`],
      ["_n_", "ünï"],
      ["gone_away", "gone away"],
    ]);
    expect((body["contents"] as Content[])[2]?.parts).toMatchObject([
      { functionResponse: { name: "mcp_files_read_2" } },
      { functionResponse: { name: "gone_away" } },
    ]);
    expect(encode({ tools: [tool("f")] }).toolNames).toBeUndefined();
  });
});

const level = (reasoning: Conversation["reasoning"], target = gemini3) =>
  (configOf({ reasoning }, target) as Json | undefined)?.["thinkingConfig"];
const budget = (reasoning: Conversation["reasoning"], target = gemini2) =>
  (configOf({ reasoning }, target) as Json | undefined)?.["thinkingConfig"];

describe("settings", () => {
  test("have Gemini's names", () => {
    expect(
      configOf({
        maxOutputTokens: 10,
        temperature: 0.5,
        topP: 0.9,
        topK: 4,
        presencePenalty: 1,
        frequencyPenalty: -1,
        seed: 7,
        stop: ["a", ""],
        count: 2,
        logprobs: { top: 3 },
      }),
    ).toEqual({
      maxOutputTokens: 10,
      temperature: 0.5,
      topP: 0.9,
      topK: 4,
      presencePenalty: 1,
      frequencyPenalty: -1,
      seed: 7,
      stopSequences: ["a"],
      candidateCount: 2,
      responseLogprobs: true,
      logprobs: 3,
    });
    expect(configOf({})).toBeUndefined();
    expect(configOf({ count: 1, logprobs: { top: 0 } })).toEqual({ responseLogprobs: true });
  });

  test("are brought into their limits", () => {
    const target = targetWith({ maxOutputTokens: 100, highestTemperature: 1 });
    const { body, lost } = encode(
      { maxOutputTokens: 500, temperature: 1.5, seed: 2 ** 32 + 5, stop: ["1", "2", "3", "4", "5", "6"] },
      target,
    );
    expect(body["generationConfig"]).toEqual({
      maxOutputTokens: 100,
      temperature: 1,
      seed: 5,
      stopSequences: ["1", "2", "3", "4", "5"],
    });
    expect(lost).toEqual(["max_tokens", "temperature", "stop"]);
    const { body: none, lost: sampling } = encode({ temperature: 0, topP: 1 }, targetWith({ sampling: "none" }));
    expect([none["generationConfig"], sampling]).toEqual([undefined, ["temperature", "top_p"]]);
  });

  test("Gemini 2.5 refuses penalties: they are lost there", () => {
    const { body, lost } = encode({ presencePenalty: 0.5, frequencyPenalty: 0 }, gemini2);
    expect([body["generationConfig"], lost]).toEqual([undefined, ["presence_penalty"]]);
  });

  test("what Gemini has no word for is lost by name, what means nothing to the answer in silence", () => {
    const { lost } = encode({
      minP: 0.1,
      repetitionPenalty: 1.1,
      logitBias: { "5": 1 },
      verbosity: "low",
      count: 3,
      user: "u",
      cacheKey: "k",
      metadata: {},
      serviceTier: "scale",
      extra: {
        web_search_options: {},
        store: false,
        stream_options: {},
        metadata: {},
        service_tier: "auto",
        prompt_cache_key: "k",
        safety_identifier: "s",
        logit: 1,
      },
    });
    expect(lost).toEqual([
      "web_search_options",
      "logit",
      "min_p",
      "repetition_penalty",
      "logit_bias",
      "verbosity",
      "n",
      "service_tier",
    ]);
    expect(encode({ serviceTier: "flex" }).body["serviceTier"]).toBe("flex");
    expect(encode({ serviceTier: "default" }).body["serviceTier"]).toBeUndefined();
  });

  describe("the form of the answer", () => {
    const schema = { type: "object", properties: { a: { type: "string", minLength: 2 } }, additionalProperties: false };
    const format = { type: "schema", name: "n", description: undefined, schema, strict: true } as const;
    const json = { responseMimeType: "application/json" };
    const cleaned = { ...schema, properties: { a: { type: "string", description: "(minLength: 2)" } } };
    const tools: Tool[] = [{ name: "f", kind: "function" }];

    test("is JSON, by schema where the model takes one", () => {
      expect(configOf({ format: { type: "json" } })).toEqual(json);
      expect(configOf({ format: { type: "text" } })).toBeUndefined();
      expect(configOf({ format })).toEqual({ ...json, responseJsonSchema: cleaned });
      expect(configOf({ format, tools })).toEqual({ ...json, responseJsonSchema: cleaned });
      const { body, lost } = encode({ format }, targetWith({ structuredOutput: false }));
      expect([body["generationConfig"], lost]).toEqual([json, ["response_format"]]);
    });

    test("is only told to the model beside tools of Gemini 2, or a forced call", () => {
      for (const { body, lost } of [
        encode({ format, tools }, gemini2),
        encode({ format, tools, toolChoice: { type: "required" } }),
      ]) {
        expect(body["generationConfig"]).toBeUndefined();
        expect(JSON.stringify(body["systemInstruction"])).toContain("nothing but JSON");
        expect(JSON.stringify(body["systemInstruction"])).toContain("minLength");
        expect(lost).toEqual(["response_format"]);
      }
      expect(configOf({ format }, gemini2)).toMatchObject(json);
    });
  });

  test("effort is a level for Gemini 3", () => {
    const efforts = (["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const).map(
      (effort) => (level({ effort }) as Json)["thinkingLevel"],
    );
    expect(efforts).toEqual(["MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"]);
    const budgets = [0, 1000, 2000, 5000, 10_000].map((budget) => (level({ budget }) as Json)["thinkingLevel"]);
    expect(budgets).toEqual(["MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH"]);
    expect(level({ budget: "dynamic" })).toBeUndefined();
    expect(level({ effort: "high", isShown: true })).toEqual({ thinkingLevel: "HIGH", includeThoughts: true });
    expect(level({ effort: "none" }, targetWith({ geminiThinking: "level", efforts: ["low", "high"] }))).toEqual({
      thinkingLevel: "LOW",
    });
  });

  test("effort is a budget for Gemini 2.5", () => {
    const efforts = (["none", "minimal", "low", "medium", "high", "max"] as const).map(
      (effort) => (budget({ effort }) as Json)["thinkingBudget"],
    );
    expect(efforts).toEqual([0, 512, 1024, 8192, 24_576, 24_576]);
    expect(budget({ budget: 777, isShown: false })).toEqual({ thinkingBudget: 777, includeThoughts: false });
    expect(budget({ budget: "dynamic" })).toEqual({ thinkingBudget: -1 });
  });

  test("a model that does not think is not asked to", () => {
    const target = targetWith({ geminiThinking: "none" });
    expect(encode({ reasoning: { effort: "high" } }, target)).toMatchObject({ lost: ["reasoning_effort"] });
    expect(encode({ reasoning: { effort: "none", isShown: true } }, target).lost).toEqual([]);
  });
});

test("a request of Gemini's own says the same when it has gone through the form between", () => {
  const body = {
    contents: [
      { role: "user", parts: [{ text: "Grüße 👋" }, { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }] },
      {
        role: "model",
        parts: [
          { text: "I look." },
          { functionCall: { id: "a", name: "f", args: { q: "ü" } }, thoughtSignature: "CiQ=" },
        ],
      },
      { role: "user", parts: [{ functionResponse: { id: "a", name: "f", response: { n: 1 } } }, { text: "and?" }] },
      { role: "model", parts: [{ text: "4", thoughtSignature: "Q2k=" }] },
      { role: "user", parts: [{ text: "Draw it" }] },
      {
        role: "model",
        parts: [
          { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" }, thoughtSignature: "AAA=" },
          { executableCode: { language: "PYTHON", code: "1" }, thoughtSignature: "BBB=" },
          { codeExecutionResult: { outcome: "OUTCOME_OK" } },
        ],
      },
      { role: "user", parts: [{ text: "Thanks" }] },
    ],
    systemInstruction: { parts: [{ text: "Be brief" }] },
    tools: [
      {
        functionDeclarations: [
          { name: "f", description: "d", parametersJsonSchema: { type: "object", properties: {} } },
        ],
      },
    ],
    toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] } },
    generationConfig: {
      mediaResolution: "MEDIA_RESOLUTION_LOW",
      maxOutputTokens: 100,
      temperature: 0.5,
      stopSequences: ["x"],
      thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true },
    },
    safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
    labels: { a: "b" },
  };
  const { body: again, losses } = codec.request.encode(codec.request.decode(body, {}), gemini3);
  expect(again).toEqual(body);
  expect(losses).toEqual([]);
});
