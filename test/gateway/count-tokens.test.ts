import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { readCountRequest, type CountRequest } from "../../src/gateway/count-tokens.ts";
import { sealOpaque } from "../../src/protocols/canonical/opaque-token.ts";
import type { PathFacts } from "../../src/protocols/canonical/codec.ts";
import { listOf, type Fields } from "../../src/protocols/fields.ts";
import type { ProtocolId } from "../../src/protocols/protocol.ts";
import { protocols } from "../../src/protocols/registry.ts";
import type { Target } from "../../src/routing/target.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { callOf } from "./rig.ts";
import { routed, targetOf as firstTarget } from "./routed.ts";

const table = routed(
  configured({
    providers: {
      claude: { type: "anthropic", credentials: ["k"] },
      openai: { type: "openai", credentials: ["k"] },
      gemini: { type: "gemini", credentials: ["k"] },
      chat: openaiCompatibleAt("http://up.test/v1"),
      messages: openaiCompatibleAt("http://up.test/v1", { protocols: ["anthropic-messages"] }),
    },
    models: Object.fromEntries(
      ["claude", "openai", "gemini", "chat", "messages"].map((provider) => [
        provider,
        { targets: [{ provider, model: `up ${provider}` }] },
      ]),
    ),
  }),
);

function targetOf(name: string): Target {
  return firstTarget(table, name);
}

const before = { role: "user", content: "what went before" };

function read(protocol: ProtocolId, body: unknown, path?: PathFacts): CountRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const call = { ...callOf(text, new AbortController().signal), protocol: protocols[protocol], path };
  return readCountRequest(call, {
    maxDepth: 16,
    expanded: (own: Fields) => ({ ...own, input: [before, ...listOf(own["input"])] }),
  });
}

function sent(request: CountRequest, name: string): { url: string; body: Fields } | undefined {
  const found = request.requestFor(targetOf(name));
  if (found === undefined) return undefined;
  return { url: found.url.href, body: JSON.parse(Buffer.from(found.body ?? []).toString()) as Fields };
}

const messages = [{ role: "user", content: "Grüße" }];

function sealed(origin: string): string {
  return sealOpaque([{ origin, kind: "anthropic-signature", data: "sig" }]);
}

describe("a count is asked of the upstream", () => {
  test("where it counts in the client's protocol, under its own name", () => {
    const anthropic = read("anthropic-messages", { model: "claude", messages });
    expect(anthropic.model).toBe("claude");
    expect(sent(anthropic, "claude")).toEqual({
      url: "https://api.anthropic.com/v1/messages/count_tokens",
      body: { model: "up claude", messages },
    });
    expect(sent(read("openai-responses", { model: "openai", input: "a" }), "openai")).toEqual({
      url: "https://api.openai.com/v1/responses/input_tokens",
      body: { model: "up openai", input: "a" },
    });
    // Nothing to count is the upstream's to answer.
    expect(sent(read("openai-responses", { model: "openai" }), "openai")?.body).toEqual({ model: "up openai" });
  });

  test("at Gemini's with the name in the URL, and wherever else the client wrote it", () => {
    const path = { model: "gemini" };
    const contents = [{ parts: [{ text: "a" }] }];
    const plain = read("gemini-generate", { contents }, path);
    expect(plain.model).toBe("gemini");
    expect(sent(plain, "gemini")).toEqual({
      url: "https://generativelanguage.googleapis.com/v1beta/models/up%20gemini:countTokens",
      body: { contents },
    });
    for (const name of ["generateContentRequest", "generate_content_request"]) {
      const wrapped = read("gemini-generate", { [name]: { model: "models/gemini", contents } }, path);
      expect(sent(wrapped, "gemini")?.body).toEqual({ [name]: { model: "models/up gemini", contents } });
    }
  });

  test("without another upstream's state, as the conversation would be sent", () => {
    const own = { type: "thinking", thinking: "a", signature: "" };
    const turns = (origin: string) => [
      ...messages,
      {
        role: "assistant",
        content: [
          { ...own, signature: sealed(origin) },
          { type: "text", text: "b" },
        ],
      },
      ...messages,
    ];
    const foreign = sent(read("anthropic-messages", { model: "claude", messages: turns("gemini") }), "claude");
    expect(JSON.stringify(foreign)).not.toContain("orc1.");
    expect(JSON.stringify(foreign)).not.toContain("thinking");
    const restored = sent(read("anthropic-messages", { model: "claude", messages: turns("claude") }), "claude");
    expect(JSON.stringify(restored)).toContain('"signature":"sig"');
  });

  test("nowhere else", () => {
    const anthropic = read("anthropic-messages", { model: "claude", messages });
    for (const name of ["chat", "messages", "gemini", "openai"]) expect(sent(anthropic, name)).toBeUndefined();
    expect(sent(read("openai-responses", { input: "a" }), "chat")).toBeUndefined();
  });
});

describe("an estimate", () => {
  test("is in the client's words", async () => {
    const anthropic = await read("anthropic-messages", { messages }).estimate();
    expect(Object.keys(anthropic)).toEqual(["input_tokens"]);
    const responses = await read("openai-responses", { input: "a" }).estimate();
    expect(responses).toMatchObject({ object: "response.input_tokens" });
    const gemini = await read("gemini-generate", { contents: [{ parts: [{ text: "a" }] }] }, { model: "m" }).estimate();
    expect(Object.keys(gemini)).toEqual(["totalTokens"]);
  });

  test("counts what Gemini's clients wrap", async () => {
    const contents = [{ role: "user", parts: [{ text: "word ".repeat(300) }] }];
    const path = { model: "m" };
    const plain = await read("gemini-generate", { contents }, path).estimate();
    expect(await read("gemini-generate", { generateContentRequest: { contents } }, path).estimate()).toEqual(plain);
  });

  test("counts what a Responses client only names", async () => {
    const [short, long] = await Promise.all(
      ["a", "b ".repeat(200)].map((input) =>
        read("openai-responses", { input: [{ role: "user", content: input }] }).estimate(),
      ),
    );
    expect(short).toMatchObject({ input_tokens: 16 });
    expect((long as { input_tokens: number }).input_tokens).toBeGreaterThan(200);
  });

  test("of nothing is refused", async () => {
    const error = await read("gemini-generate", {}, { model: "m" })
      .estimate()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "invalid_request", status: 400 });
  });
});

function errorOf(call: () => unknown): GatewayError | undefined {
  try {
    call();
  } catch (error) {
    return error as GatewayError;
  }
  return undefined;
}

test("only three protocols count, and only JSON objects", () => {
  expect(errorOf(() => read("ollama-chat", {}))).toMatchObject({ status: 404 });
  for (const body of ["", "{", "[]", "null", '{"a":'.repeat(40)])
    expect(errorOf(() => read("anthropic-messages", body))).toMatchObject({ code: "invalid_request", status: 400 });
});
