import { describe, expect, test } from "bun:test";
import { ordinaryTraits } from "../../../src/protocols/canonical/model-traits.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { ollamaGenerate } from "../../../src/protocols/ollama-generate/index.ts";
import { ollamaChatWire } from "../../support/wire/ollama-chat.ts";
import { ollamaGenerateWire } from "../../support/wire/ollama-generate.ts";

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const target = { model: "llama3.2", provider: "ollama", origin: "ollama:local", traits: ordinaryTraits };
const headers = new Headers({ "content-type": "application/json" });

function decode(body: Record<string, unknown>) {
  return ollamaGenerate.codec.request.decode(body, {});
}

function paramOf(body: Record<string, unknown>): string | undefined {
  try {
    decode(body);
  } catch (error) {
    expect(error).toMatchObject({ name: "GatewayError", status: 400 });
    return (error as { param?: string }).param;
  }
  throw new Error("it was taken");
}

test("a prompt becomes a user's turn behind the system's, pictures first", () => {
  const decoded = decode({ model: "m", system: "Be brief", prompt: "Was ist das? 世界", images: [png] });
  expect(decoded).toMatchObject({
    protocol: "ollama-generate",
    model: "m",
    stream: true,
    tools: [],
    losses: [],
    extra: {},
  });
  expect(decoded.turns).toEqual([
    { role: "system", parts: [{ type: "text", text: "Be brief" }] },
    {
      role: "user",
      parts: [
        { type: "image", source: { kind: "base64", mediaType: "image/png", data: png } },
        { type: "text", text: "Was ist das? 世界" },
      ],
    },
  ]);
});

test("a request without a prompt, which loads the model, has no turns", () => {
  for (const body of [{}, { prompt: "" }, { prompt: null, system: "x", keep_alive: 0 }])
    expect(decode({ model: "m", ...body }).turns).toEqual([]);
});

test("settings are those of chat", () => {
  expect(
    decode({
      prompt: "x",
      stream: false,
      format: "json",
      think: false,
      options: { temperature: 0, num_ctx: 1, typical_p: 0.5 },
    }),
  ).toMatchObject({
    stream: false,
    format: { type: "json" },
    reasoning: { effort: "none" },
    temperature: 0,
    extra: { "options.typical_p": 0.5 },
  });
});

describe("what only the model's own machine can do", () => {
  test("is lost by name", () => {
    const { losses, extra } = decode({ prompt: "x", raw: true, template: "{{ .Prompt }}", context: [1, 2] });
    expect(losses.map(({ field }) => field)).toEqual(["raw", "template", "context"]);
    expect(extra).toEqual({});
  });

  test("says nothing when it is off", () => {
    expect(decode({ prompt: "x", raw: false, template: "", context: [], suffix: "" }).losses).toEqual([]);
  });

  test("is refused where the answer would be another one: a suffix", () => {
    expect(paramOf({ prompt: "def f():", suffix: "return x" })).toBe("suffix");
  });
});

test("values of odd types are refused by name", () => {
  expect(paramOf({ prompt: 5 })).toBe("prompt");
  expect(paramOf({ prompt: "x", system: ["y"] })).toBe("system");
  expect(paramOf({ prompt: "x", images: "y" })).toBe("images");
  expect(paramOf({ prompt: "x", images: [5] })).toBe("images[0]");
});

test("a conversation is never said as a prompt", () => {
  expect(() => ollamaGenerate.codec.request.encode(decode({ prompt: "x" }), target)).toThrow("ollama-chat");
});

test("a prompt for a provider that speaks chat alone becomes a valid chat", () => {
  const decoded = decode({
    prompt: "x",
    system: "s",
    images: [png],
    options: { seed: 1, typical_p: 0.5 },
    think: "low",
  });
  const { body, losses } = ollamaChat.codec.request.encode(decoded, target);
  expect(losses).toEqual([]);
  expect(ollamaChatWire.violationsOf({ method: "POST", path: "/api/chat", headers, body })).toEqual([]);
  expect(body["options"]).toEqual({ typical_p: 0.5, seed: 1 });
});

test("what tests take for a request of generate is one", () => {
  const body = { model: "m", prompt: "x", images: [png], raw: true, stream: false };
  expect(ollamaGenerateWire.violationsOf({ method: "POST", path: "/api/generate", headers, body })).toEqual([]);
  const bad = { prompt: 5, messages: [], options: { temperature: "x" } };
  expect(ollamaGenerateWire.violationsOf({ method: "POST", path: "/api/chat", headers, body: bad })).toHaveLength(5);
});
