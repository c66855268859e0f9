import { describe, expect, test } from "bun:test";
import { latin1Of, latin1OfUtf8 } from "../../src/lib/latin1.ts";
import { protocols } from "../../src/protocols/registry.ts";
import type { ProtocolId } from "../../src/protocols/protocol.ts";
import { mutations } from "../support/mutations.ts";
import { createRandom, randomText } from "../support/random.ts";
import { createRig, facts, type FactsOptions, rigOf, targetAt } from "./rig.ts";

const protocolIds = Object.keys(protocols) as ProtocolId[];

function sizeOf(body: unknown): number {
  return facts({ body }).promptTokens();
}

function ofPart(content: object): object {
  return { messages: [{ role: "user", content: [content] }] };
}

function ofSource(source: object): object {
  return ofPart({ type: "document", source });
}

function ofInline(mimeType: string, data: string): object {
  return { contents: [{ parts: [{ inlineData: { mimeType, data } }] }] };
}

describe("the size of a prompt", () => {
  test("is a quarter of its bytes", () => {
    expect(facts({ text: `{"x":"${"y".repeat(3992)}"}` }).promptTokens()).toBe(1000);
    expect(facts({ text: `{"x":"${latin1OfUtf8("ж").repeat(10_000)}"}` }).promptTokens()).toBe(5002);
  });

  test("is nothing where there is no JSON object", () => {
    for (const text of ["", "--boundary\r\n", "[1]", '"x"', "{", '{"a":'])
      expect(facts({ text, protocol: undefined }).promptTokens()).toBe(0);
  });

  const picture = "iVBORw0KGgo".repeat(30_000);
  const bodies: Record<string, unknown> = {
    "openai-chat": {
      messages: [
        { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } }] },
      ],
    },
    "openai-chat, of an earlier answer": {
      messages: [{ role: "assistant", images: [{ image_url: { url: `data:image/png;base64,${picture}` } }] }],
    },
    "openai-responses": {
      input: [{ role: "user", content: [{ type: "input_image", image_url: `data:image/png;base64,${picture}` }] }],
    },
    "anthropic-messages": {
      messages: [
        {
          role: "user",
          content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: picture } }],
        },
      ],
    },
    "gemini-generate": { contents: [{ parts: [{ inlineData: { mimeType: "image/png", data: picture } }] }] },
    "gemini-generate, in a tool's result": {
      contents: [
        { parts: [{ functionResponse: { parts: [{ inline_data: { mime_type: "image/png", data: picture } }] } }] },
      ],
    },
    "openai-responses, made there": { input: [{ type: "image_generation_call", result: picture }] },
    "ollama-chat": { messages: [{ role: "user", content: "x", images: [picture] }] },
    "ollama-generate": { prompt: "x", images: [picture] },
  };
  for (const [name, body] of Object.entries(bodies)) {
    test(`does not grow with the bytes of a picture: ${name}`, () => {
      expect(sizeOf(body)).toBeGreaterThan(1000);
      expect(sizeOf(body)).toBeLessThan(1200);
    });
  }

  const pdf = "JVBERi0xLjcK".repeat(100_000);
  const letters = "QUJDREVGR0hJSktM".repeat(30_000);
  const weights: [what: string, body: object, tokens: number][] = [
    ["a PDF", ofPart({ file: { file_data: `data:application/pdf;base64,${pdf}` } }), 18 * 1500],
    ["a bare PDF", { input: [{ content: [{ type: "input_file", file_data: pdf }] }] }, 18 * 1500],
    ["Anthropic's PDF", ofSource({ type: "base64", media_type: "application/pdf", data: pdf }), 18 * 1500],
    ["a PDF that is called a picture", ofPart({ image_url: { url: `data:image/png;base64,${pdf}` } }), 18 * 1500],
    ["a sound", ofPart({ type: "input_audio", input_audio: { data: letters, format: "wav" } }), 360],
    ["Gemini's sound", ofInline("audio/mp3", letters), 360],
    ["a text file", ofPart({ file: { file_data: `data:text/plain;base64,${letters}` } }), 90_000],
    ["a file of no known type", ofInline("application/octet-stream", letters), 90_000],
    [
      "pictures by URL",
      { messages: Array.from({ length: 10 }, () => ({ content: [{ image_url: { url: "https://a.b/c" } }] })) },
      10_000,
    ],
    ["a picture by a bare URL", { input: [{ content: [{ type: "input_image", image_url: "https://a.b/c" }] }] }, 1000],
    ["a file by URL", { input: [{ content: [{ type: "input_file", file_url: "https://a.b/c" }] }] }, 1500],
    ["a file by its id", ofPart({ type: "file", file: { file_id: "file-1" } }), 1500],
    ["Anthropic's file by URL", ofSource({ type: "url", url: "https://a.b/c" }), 1500],
    ["Gemini's file", { contents: [{ parts: [{ file_data: { file_uri: "gs://a/b" } }] }] }, 1500],
  ];
  test.each(weights)("has %s by what it is", (_, body, tokens) => {
    expect(sizeOf(body)).toBeWithin(tokens, tokens + (tokens === 10_000 ? 200 : 60));
  });

  const whole = letters.length / 4;
  const dataUrl = `data:image/png;base64,${letters}`;
  const disguised: [what: string, body: object][] = [
    ["of a user's", { messages: [{ role: "user", content: `;base64,${letters}` }] }],
    ["that is a data URL", { messages: [{ role: "user", content: dataUrl }] }],
    ["in a part", ofPart({ type: "text", text: dataUrl })],
    ["in an item", { input: dataUrl }],
    ["in a list", { input: [dataUrl] }],
    ["of the system's", { system: dataUrl, messages: [] }],
    ["in a plain document", ofSource({ type: "text", media_type: "image/png", data: letters })],
    [
      "in a plain document that is also called bytes",
      ofSource({ type: "base64", media_type: "text/plain", data: letters }),
    ],
    [
      "in a plain document that says it twice",
      { text: `{"messages":[{"content":[{"source":{"type":"base64","type":"text","data":"${letters}"}}]}]}` },
    ],
    ["in a member of no protocol", { data: letters, metadata: { images: [dataUrl] } }],
    [
      "in a call's arguments",
      ofPart({ type: "tool_use", input: { image_url: dataUrl, source: { type: "base64", data: letters } } }),
    ],
    [
      "in Gemini's arguments",
      { contents: [{ parts: [{ functionCall: { args: { inlineData: { mimeType: "image/png", data: letters } } } }] }] },
    ],
    ["in Gemini's results", { contents: [{ parts: [{ functionResponse: { response: { images: [letters] } } }] }] }],
    [
      "in a tool",
      { messages: [], tools: [{ input_schema: { images: [dataUrl], content: [{ image_url: dataUrl }] } }] },
    ],
    ["of another member", ofPart({ type: "text", text: dataUrl, images: ["aGk="] })],
  ];
  test.each(disguised)("has a text %s by its length, whatever it looks like", (_, body) => {
    const size = "text" in body ? facts({ text: String(body.text) }).promptTokens() : sizeOf(body);
    expect(size).toBeGreaterThan(whole * 0.75);
  });

  test("counts bytes whose slashes are escaped, and names in any case and escaped, as any others", () => {
    const url = `data:image/png;base64,${"iVBO/Rw+0K==".repeat(30_000)}`;
    const text = JSON.stringify(ofPart({ type: "image_url", image_url: { url } }));
    const forms = [
      text.replaceAll("/", String.raw`\/`),
      text.replaceAll("image_url", "Image_URL"),
      text.replaceAll("image_url", String.raw`image\u005furl`),
    ];
    for (const form of forms) expect(facts({ text: form }).promptTokens()).toBeWithin(1000, 1100);
  });

  test("counts each of several pictures, and no word for one", () => {
    const images = [picture, picture, picture];
    expect(sizeOf({ messages: [{ images }] })).toBeGreaterThan(3000);
    expect(sizeOf({ messages: [{ images }] })).toBeLessThan(3100);
    expect(sizeOf({ data: "many words ".repeat(1000), images: 1, x: ";base64,", y: '"data"' })).toBeGreaterThan(2700);
  });
});

describe("how long an answer may become", () => {
  const usual = 1000;
  const cases: [protocol: ProtocolId | undefined, body: object, tokens: number][] = [
    ["openai-chat", { max_tokens: 10 }, 10],
    ["openai-completions", { max_completion_tokens: 20 }, 20],
    ["openai-responses", { max_output_tokens: 30 }, 30],
    ["anthropic-messages", { max_tokens: 31 }, 31],
    ["gemini-generate", { generationConfig: { maxOutputTokens: 40 } }, 40],
    ["gemini-generate", { generation_config: { max_output_tokens: "41" } }, 41],
    ["ollama-chat", { options: { num_predict: 50 } }, 50],
    ["ollama-generate", { options: { num_predict: 51 } }, 51],
    [undefined, { options: { num_predict: 52 } }, 52],
    [undefined, { max_output_tokens: 53 }, 53],
  ];
  test.each(cases)("is what it says in its own words: %s %j", (protocol, body, tokens) =>
    expect(facts({ protocol, body }).longestAnswer(usual)).toBe(tokens),
  );

  const several: [protocol: ProtocolId | undefined, body: object | string, tokens: number][] = [
    ["openai-chat", { max_completion_tokens: 1, max_tokens: 2000 }, 2000],
    ["openai-chat", { max_completion_tokens: 2000, max_tokens: 1 }, 2000],
    ["openai-chat", { max_tokens: 1, n_predict: 2000 }, 2000],
    ["openai-chat", { max_tokens: 1, Max_Tokens: 2000 }, 2000],
    ["openai-chat", { max_tokens: 1, options: { num_predict: 2000 } }, 2000],
    ["openai-chat", '{"max_tokens":1,"max_tokens":2000}', 2000],
    ["openai-chat", '{"max_tokens":2000,"max_tokens":1}', 2000],
    ["openai-chat", String.raw`{"max_tokens":1,"max_\u0074okens":2000}`, 2000],
    ["openai-chat", `{"max_tokens":2000.${"0".repeat(200_000)}}`, 2000],
    [
      "gemini-generate",
      { generationConfig: { maxOutputTokens: 1 }, generation_config: { max_output_tokens: 2000 } },
      2000,
    ],
    ["ollama-chat", '{"options":{"num_predict":2000},"options":{"num_predict":1}}', 2000],
    [undefined, { max_tokens: 1, generationConfig: { maxOutputTokens: 2000 } }, 2000],
  ];
  test.each(several)("is the longest that it says: %s %j", (protocol, body, tokens) => {
    const said = typeof body === "string" ? { text: body } : { body };
    expect(facts({ protocol, ...said }).longestAnswer(usual)).toBe(tokens);
  });

  const foreign: [protocol: ProtocolId, body: object, tokens: number][] = [
    ["ollama-chat", { max_tokens: 1 }, usual],
    ["ollama-chat", { max_tokens: 2000 }, 2000],
    ["openai-chat", { options: { num_predict: 1 } }, usual],
    ["openai-chat", { max_output_tokens: 1 }, usual],
    ["gemini-generate", { max_tokens: 1, maxOutputTokens: 1 }, usual],
    ["openai-responses", { max_tokens: 1 }, usual],
  ];
  test.each(foreign)("is not shortened by what its upstream does not read: %s %j", (protocol, body, tokens) =>
    expect(facts({ protocol, body }).longestAnswer(usual)).toBe(tokens),
  );

  const open: [protocol: ProtocolId, body: object, tokens: number][] = [
    ["ollama-chat", { options: { num_predict: -1 } }, usual],
    ["openai-chat", { max_tokens: 1, n_predict: -1 }, usual],
    ["openai-chat", { max_tokens: 2000, n_predict: -1 }, 2000],
    ["openai-chat", { max_tokens: null }, usual],
    ["openai-chat", { max_tokens: 1, max_completion_tokens: null }, 1],
    ["openai-chat", { max_tokens: "many" }, usual],
    ["openai-chat", { max_tokens: {} }, usual],
    ["openai-chat", { max_tokens: 0 }, usual],
    ["openai-chat", { generationConfig: 7, options: "x" }, usual],
    ["openai-chat", {}, usual],
  ];
  test.each(open)("is as usual where nothing bounds it: %s %j", (protocol, body, tokens) =>
    expect(facts({ protocol, body }).longestAnswer(usual)).toBe(tokens),
  );

  const thoughtful: [protocol: ProtocolId, body: object, tokens: number][] = [
    ["openai-chat", { max_tokens: 1, reasoning: { max_tokens: 60_000 } }, 60_001],
    ["openai-chat", { max_tokens: 1, reasoning_effort: "low" }, 4097],
    ["openai-chat", { max_tokens: 1, reasoning_effort: "beyond" }, 32_001],
    ["openai-chat", { max_tokens: 1, reasoning_effort: "none" }, 1],
    ["openai-chat", { max_tokens: 5000, reasoning_effort: "low" }, 5000],
    ["openai-responses", { max_output_tokens: 1, reasoning: { effort: "high" } }, 16_385],
    ["gemini-generate", { generationConfig: { maxOutputTokens: 1, thinkingConfig: { thinkingBudget: -1 } } }, 16_385],
    ["ollama-chat", { options: { num_predict: 1 }, think: true }, 16_385],
    ["anthropic-messages", { max_tokens: 1, thinking: { type: "enabled", budget_tokens: 60_000 } }, 1],
  ];
  test.each(thoughtful)(
    "has thoughts besides where it is translated for a model that thinks: %s %j",
    (protocol, body, tokens) => {
      const provider = { type: "anthropic", baseUrl: "http://a.test", credentials: ["sk"] };
      const { stage } = createRig({
        providers: { a: provider },
        models: { m: { targets: [{ provider: "a", model: "c" }] } },
      });
      expect(facts({ protocol, body }).longestAnswer(usual, targetAt(stage("m"), "a"))).toBe(tokens);
    },
  );

  const junk = `[${"{},".repeat(1_000_000)}1]`;
  const large = ["reasoning", "reasoning_effort", "max_tokens"].flatMap((name) => [
    `{"${name}":${junk}}`,
    `{"${name}":{"effort":${junk}}}`,
  ]);
  for (const text of large) {
    test(`is known at once, for however many targets, of a body that is large for nothing: ${text.slice(0, 30)}`, () => {
      const { stage } = createRig({
        providers: { a: { type: "anthropic", baseUrl: "http://a.test", credentials: ["sk"] } },
        models: { m: { targets: [{ provider: "a", model: "c" }] } },
      });
      const about = facts({ text });
      expect(about.models()).toEqual([]);
      const target = targetAt(stage("m"), "a");
      about.longestAnswer(usual);
      const started = performance.now();
      for (let count = 0; count < 20; count += 1)
        expect(about.longestAnswer(usual, target)).toBe(text.includes("reasoning") ? usual + 32_000 : usual);
      expect(performance.now() - started).toBeLessThan(50);
    });
  }

  test("has no thoughts besides where nothing is translated", () => {
    const body = { max_tokens: 1, reasoning_effort: "high" };
    expect(facts({ body }).longestAnswer(usual, targetAt(rigOf([{}]).stage("m"), "a"))).toBe(1);
  });
});

function needsOf(protocol: ProtocolId, body: object): object {
  return facts({ protocol, body }).needs();
}

describe("what a request needs", () => {
  const none = { tools: false, vision: false, json: false };
  test("is tools where it has some", () => {
    const tool = [{ type: "function" }];
    expect(needsOf("openai-chat", { tools: tool })).toEqual({ ...none, tools: true });
    expect(needsOf("openai-chat", { functions: tool })).toEqual({ ...none, tools: true });
    for (const tools of [[], null, {}, "x", 1]) expect(needsOf("openai-chat", { tools })).toEqual(none);
    expect(facts({ text: '{"tools" : [ \n ] }' }).needs()).toEqual(none);
  });

  const pictures: [ProtocolId, object][] = [
    ["openai-chat", { messages: [{ content: [{ type: "image_url", image_url: { url: "https://x" } }] }] }],
    ["openai-responses", { input: [{ content: [{ type: "input_image", file_id: "f" }] }] }],
    [
      "anthropic-messages",
      { messages: [{ content: [{ type: "tool_result", content: [{ type: "image", source: {} }] }] }] },
    ],
    ["gemini-generate", { contents: [{ parts: [{ inline_data: { mime_type: "image/png", data: "x" } }] }] }],
    ["gemini-generate", { contents: [{ parts: [{ fileData: { mimeType: "image/jpeg", fileUri: "x" } }] }] }],
    ["ollama-chat", { messages: [{ role: "user", content: "x", images: ["aGk="] }] }],
    ["ollama-generate", { prompt: "x", images: ["aGk="] }],
  ];
  test.each(pictures)("is eyes where it has pictures: %s", (protocol, body) => {
    expect(needsOf(protocol, body)).toEqual({ ...none, vision: true });
    // The same words inside of a text are no picture.
    expect(needsOf(protocol, { messages: [{ role: "user", content: JSON.stringify(body) }] })).toEqual(none);
  });

  test("is no eyes for an empty list of pictures, or a sound", () => {
    expect(needsOf("ollama-chat", { messages: [{ images: [] }] })).toEqual(none);
    expect(needsOf("gemini-generate", { contents: [{ parts: [{ inlineData: { mimeType: "audio/wav" } }] }] })).toEqual(
      none,
    );
  });

  const formats: [ProtocolId, object][] = [
    ["openai-chat", { response_format: { type: "json_object" } }],
    ["openai-chat", { response_format: { type: "json_schema", json_schema: {} } }],
    ["openai-responses", { text: { format: { type: "json_schema", schema: {} } } }],
    ["anthropic-messages", { output_format: { type: "json_schema", schema: {} } }],
    ["anthropic-messages", { output_config: { format: { type: "json_schema" } } }],
    ["gemini-generate", { generationConfig: { responseMimeType: "application/json" } }],
    ["gemini-generate", { generation_config: { response_mime_type: "application/json" } }],
    ["ollama-chat", { format: "json" }],
    ["ollama-chat", { format: { type: "object" } }],
  ];
  test.each(formats)("is JSON where it asks for it: %s %j", (protocol, body) => {
    expect(needsOf(protocol, body)).toEqual({ ...none, json: true });
  });

  test("is nothing for other formats", () => {
    const body = {
      response_format: { type: "text" },
      text: { format: { type: "text" } },
      format: "",
      output_format: 7,
    };
    expect(needsOf("openai-chat", body)).toEqual(none);
    expect(needsOf("gemini-generate", { generationConfig: { responseMimeType: "text/plain" } })).toEqual(none);
  });
});

describe("the models of a request", () => {
  test("are the names in its list", () => {
    expect(facts({ body: { models: ["a/b", "ж", "", 1, null, "c"] } }).models()).toEqual(["a/b", "ж", "c"]);
    for (const models of ["a", {}, null, 7, []]) expect(facts({ body: { models } }).models()).toEqual([]);
    expect(facts({ body: { metadata: { models: ["a"] } } }).models()).toEqual([]);
    expect(facts().models()).toEqual([]);
  });

  test("are found however their name and the list are written", () => {
    expect(facts({ text: String.raw`{"model":"a","mod\u0065ls":["b"]}` }).models()).toEqual(["b"]);
    expect(facts({ text: `{"models":[${" ".repeat(200_000)}"b"]}` }).models()).toEqual(["b"]);
  });

  test("are odd where they are no one list of names", () => {
    for (const models of [["a", ""], [], null]) expect(facts({ body: { models } }).hasOddModels()).toBe(false);
    for (const models of ["a", {}, 7, ["a", null], [["a"]]])
      expect(facts({ body: { models } }).hasOddModels()).toBe(true);
    expect(facts({ text: String.raw`{"models":["a"],"mod\u0065ls":["b"]}` }).hasOddModels()).toBe(true);
    expect(facts({ body: { metadata: { models: "a" } } }).hasOddModels()).toBe(false);
  });

  test("are not without end", () => {
    const models = Array.from({ length: 1000 }, (_, index) => `m${index}`);
    expect(facts({ body: { models } }).models().length).toBeLessThan(100);
  });
});

test("how many answers a request wants is found however it is written", () => {
  const texts = [
    '{"n":4}',
    '{"N":"4"}',
    '{"n":4,"n":1}',
    String.raw`{"\u006e":4}`,
    String.raw`{"generationConfig":{"candidat\u0065Count":4}}`,
    '{"generation_config":{"candidate_count":4},"generationConfig":{}}',
  ];
  for (const text of texts) expect(facts({ text }).answers()).toBe(4);
  expect(facts({ text: '{"messages":[{"n":4}]}' }).answers()).toBe(1);
});

function sessionOf(options: FactsOptions): string | undefined {
  return facts(options).affinityKey("session");
}

describe("the session of a request", () => {
  const headers = [
    "x-session-id",
    "x-claude-code-session-id",
    "session-id",
    "session_id",
    "thread-id",
    "conversation_id",
    "x-session-affinity",
    "x-interaction-id",
  ];
  test.each(headers)("is in the header %s", (name) => {
    expect(sessionOf({ headers: { [name]: "s1" } })).toBeString();
    expect(sessionOf({ headers: { [name]: "s1" } })).toBe(sessionOf({ headers: { [name]: "s1" } }));
    expect(sessionOf({ headers: { [name]: "s1" } })).not.toBe(sessionOf({ headers: { [name]: "s2" } }));
    expect(sessionOf({ headers: { [name]: "" } })).toBeUndefined();
  });

  const bodies: [one: object, other: object][] = [
    [{ prompt_cache_key: "k1" }, { prompt_cache_key: "k2" }],
    [{ previous_response_id: "resp_1" }, { previous_response_id: "resp_2" }],
    [{ conversation: "conv_1" }, { conversation: "conv_2" }],
    [{ conversation: { id: "conv_1" } }, { conversation: { id: "conv_2" } }],
    [{ metadata: { user_id: '{"session_id":"a"}' } }, { metadata: { user_id: '{"session_id":"b"}' } }],
  ];
  test.each(bodies)("is in the body: %j", (one, other) => {
    expect(sessionOf({ body: one })).toBeString();
    expect(sessionOf({ body: { messages: [], ...one } })).toBe(sessionOf({ body: one }));
    expect(sessionOf({ body: one })).not.toBe(sessionOf({ body: other }));
  });

  test("is what a header says before what the body says, and either before an interaction", () => {
    const body = { prompt_cache_key: "k1" };
    expect(sessionOf({ headers: { "session-id": "s" }, body })).toBe(sessionOf({ headers: { "session-id": "s" } }));
    expect(sessionOf({ headers: { "x-interaction-id": "s" }, body })).toBe(sessionOf({ body }));
  });

  test("is unknown where nobody says it, and for values that are none", () => {
    const wrong = { prompt_cache_key: 7, previous_response_id: null, conversation: [], metadata: "x" };
    expect(sessionOf({ body: { ...wrong, messages: [{ role: "user", content: "Hello" }] } })).toBeUndefined();
    expect(sessionOf({ body: { metadata: { user_id: {} }, conversation: { id: 5 } } })).toBeUndefined();
  });

  test("is short, however long it is written", () => {
    const [one, other] = ["a", "b"].map((end) => sessionOf({ body: { prompt_cache_key: "x".repeat(50_000) + end } }));
    expect(one?.length).toBeLessThan(300);
    expect(one).not.toBe(other);
  });
});

/** A conversation's requests from its first to its last, as each protocol writes them. */
const growing: Partial<Record<ProtocolId, (system: string, texts: readonly string[]) => object>> = {
  "openai-chat": (system, texts) => ({
    messages: [
      { role: "system", content: system },
      ...texts.map((text, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content: text })),
    ],
  }),
  "openai-responses": (system, texts) => ({
    instructions: system,
    input:
      texts.length === 1
        ? texts[0]
        : texts.map((text, index) => ({
            role: index % 2 === 0 ? "user" : "assistant",
            content: [{ type: index % 2 === 0 ? "input_text" : "output_text", text }],
          })),
  }),
  "anthropic-messages": (system, texts) => ({
    system: [
      { type: "text", text: `x-anthropic-billing-header: ${texts.length}` },
      { type: "text", text: system, ...(texts.length > 1 && { cache_control: { type: "ephemeral" } }) },
    ],
    messages: texts.map((text, index) => {
      const role = index % 2 === 0 ? "user" : "assistant";
      // The mark moves to the newest message, and what was a text becomes a block with it.
      if (index < texts.length - 1) return { role, content: text };
      return { role, content: [{ type: "text", text, cache_control: { type: "ephemeral" } }] };
    }),
  }),
  "gemini-generate": (system, texts) => ({
    systemInstruction: { parts: [{ text: system }] },
    contents: texts.map((text, index) => ({
      ...((index > 0 || texts.length > 1) && { role: index % 2 === 0 ? "user" : "model" }),
      parts: [{ text }],
    })),
  }),
  "ollama-chat": (system, texts) => ({
    messages: [
      { role: "System", content: system },
      ...texts.map((text, index) => ({ content: text, role: index % 2 === 0 ? "USER" : "assistant" })),
    ],
  }),
  "ollama-generate": (system, texts) => ({ system, prompt: "A long story. ".repeat(100) + texts.join(" ") }),
  "openai-completions": (system, texts) => ({
    prompt: `${system} ${"and so on. ".repeat(120)}${texts.slice(1).join(" ")}`,
  }),
};

describe("a conversation that grows", () => {
  for (const protocol of protocolIds) {
    const bodyOf = growing[protocol];
    if (bodyOf === undefined) throw new Error(`no conversation of ${protocol}`);
    const keyOf = (system: string, texts: readonly string[]): string | undefined =>
      facts({ protocol, body: bodyOf(system, texts) }).affinityKey("prompt");
    const hasFirstMessage = !["ollama-generate", "openai-completions"].includes(protocol);

    test(`keeps its key with every turn: ${protocol}`, () => {
      const texts = ['Say "hi" ж 😀', "hi", "again", "hi again", "bye"];
      const keys = [1, 3, 5].map((count) => keyOf("Be kind.", texts.slice(0, count)));
      expect(keys[0]).toBeString();
      expect(new Set(keys).size).toBe(1);
    });

    test(`has another key than one that begins otherwise: ${protocol}`, () => {
      const key = keyOf("Be kind.", ["Hello", "hi", "x"]);
      expect(keyOf("Be cruel.", ["Hello", "hi", "x"])).not.toBe(key);
      if (hasFirstMessage) expect(keyOf("Be kind.", ["Hallo", "hi", "x"])).not.toBe(key);
    });

    test(`needs no key where only sessions count: ${protocol}`, () => {
      expect(facts({ protocol, body: bodyOf("x", ["y"]) }).affinityKey("session")).toBeUndefined();
    });

    test(`goes by its session where it names one: ${protocol}`, () => {
      const session = facts({ protocol, headers: { "session-id": "s" }, body: bodyOf("x", ["y"]) });
      expect(session.affinityKey("prompt")).toBe(session.affinityKey("session"));
    });
  }

  test("may begin with a picture", () => {
    const keys = ["a", "a", "b"].map((url) => {
      const content = [{ type: "image_url", image_url: { url } }];
      return facts({ body: { messages: [{ role: "user", content }] } }).affinityKey("prompt");
    });
    expect(keys[0]).toBeString();
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).not.toBe(keys[2]);
  });

  test("has no key without a user's message, or with a short prompt", () => {
    const none: object[] = [
      {},
      { messages: [] },
      { messages: [{ role: "system", content: "x" }] },
      { prompt: "short" },
    ];
    none.push({ messages: [7, null, [], { role: 5 }] }, { input: [{ type: "function_call" }] });
    for (const body of none) expect(facts({ body }).affinityKey("prompt")).toBeUndefined();
    expect(facts({ body: { input: "x" }, protocol: undefined }).affinityKey("prompt")).toBeUndefined();
  });

  test("whose interaction is named goes by what it begins with", () => {
    const body = { messages: [{ role: "user", content: "Hello" }] };
    const keys = ["i1", "i2"].map((id) => facts({ body, headers: { "x-interaction-id": id } }).affinityKey("prompt"));
    expect(keys[0]).toBe(keys[1]);
    expect(facts({ headers: { "x-interaction-id": "i1" } }).affinityKey("prompt")).toBe("i1");
  });
});

/** Asks everything that can be asked. */
function askAll(options: FactsOptions): void {
  const about = facts(options);
  about.models().forEach((name) => expect(name).toBeString());
  expect(about.promptTokens()).toBeGreaterThanOrEqual(0);
  expect(about.longestAnswer(1000)).toBeGreaterThan(0);
  expect(about.answers()).toBeGreaterThan(0);
  expect(Object.values(about.needs()).every((need) => typeof need === "boolean")).toBe(true);
  for (const mode of ["session", "prompt"] as const) {
    const key = about.affinityKey(mode);
    expect((key ?? "").length).toBeLessThan(300);
    expect(about.affinityKey(mode)).toBe(key);
  }
}

describe("nothing throws", () => {
  test("for mutated bodies of any protocol", () => {
    for (const [index, bytes] of mutations(5000, 11).entries())
      askAll({ text: latin1Of(bytes), protocol: protocolIds[index % protocolIds.length] });
  });

  test("for values of any type in every field that is read", () => {
    const random = createRandom(99);
    const fields = [
      "models",
      "tools",
      "functions",
      "messages",
      "input",
      "contents",
      "prompt",
      "system",
      "instructions",
    ];
    fields.push("systemInstruction", "metadata", "conversation", "prompt_cache_key", "previous_response_id", "options");
    fields.push(
      "generationConfig",
      "max_tokens",
      "response_format",
      "text",
      "format",
      "output_config",
      "images",
      "data",
    );
    const inner = ["role", "content", "parts", "text", "type", "user_id", "id", "num_predict", "maxOutputTokens"];
    const anyValue = (depth: number): unknown => {
      const kind = Math.floor(random() * (depth > 3 ? 6 : 9));
      if (kind === 0) return null;
      if (kind === 1) return random() < 0.5;
      if (kind === 2) return (random() - 0.5) * 1e6;
      if (kind === 3) return randomText(random);
      if (kind === 4) return "user";
      if (kind === 5) return "x".repeat(Math.floor(random() * 3000));
      if (kind === 6) return Array.from({ length: Math.floor(random() * 4) }, () => anyValue(depth + 1));
      const names = [...inner, "__proto__", "constructor"];
      return Object.fromEntries(
        Array.from({ length: Math.floor(random() * 4) }, () => [
          names[Math.floor(random() * names.length)] ?? "x",
          anyValue(depth + 1),
        ]),
      );
    };
    for (let round = 0; round < 4000; round += 1) {
      const chosen = fields.filter(() => random() < 0.3).map((name) => [name, anyValue(0)] as const);
      askAll({ body: Object.fromEntries(chosen), protocol: protocolIds[round % protocolIds.length] });
    }
  });

  test("for text that is no JSON, cut JSON, and depths without end", () => {
    const whole = JSON.stringify(growing["anthropic-messages"]?.("Be kind.", ["a", "b", "c"]));
    for (let end = 0; end <= whole.length; end += 1) askAll({ text: whole.slice(0, end) });
    const deep = 200_000;
    for (const text of [
      "",
      " ",
      "null",
      "\u0000\u00ff",
      '{"messages":'.repeat(deep),
      `{"messages":${"[".repeat(deep)}`,
    ])
      askAll({ text });
    askAll({ text: `{"messages":${"[".repeat(900)}${"]".repeat(900)}}` });
    askAll({ text: `{"messages":[${'{"content":['.repeat(400)}${"]}".repeat(400)}]}` });
  });

  test("and a large body is read in milliseconds", () => {
    const content = [{ type: "text", text: "word ".repeat(400_000) }];
    const text = JSON.stringify({
      messages: Array.from({ length: 5 }, () => ({ role: "user", content })),
      tools: [{}],
    });
    const started = performance.now();
    askAll({ text });
    expect(performance.now() - started).toBeLessThan(500);
  });

  test("as are large pictures, and pictures, files and types without end", () => {
    const repeated = `"data":"AAAA","type":"base64","media_type":"image/png",`.repeat(100_000);
    const texts = [
      JSON.stringify(ofPart({ image_url: `data:image/png;base64,${"iVBO/Rw0KGgo".repeat(1_000_000)}` })).replaceAll(
        "/",
        String.raw`\/`,
      ),
      JSON.stringify(ofPart({ image_url: `data:image/png${";a".repeat(4_000_000)}` })),
      JSON.stringify({ images: Array(1_000_000).fill("iVBO") }),
      JSON.stringify({ messages: Array.from({ length: 100_000 }, () => ({ file_id: "file-1" })) }),
      `{"messages":[{"content":[{"source":{${repeated}"url":""}}]}]}`,
      `{"messages":${'[{"content":'.repeat(400)}[]${"}]".repeat(400)}}`,
    ];
    for (const text of texts) {
      const about = facts({ text });
      about.models();
      about.answers();
      const started = performance.now();
      about.promptTokens();
      expect(performance.now() - started).toBeLessThan(500);
    }
  });
});
