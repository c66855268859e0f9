import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import type { Exchange } from "../../src/gateway/exchange.ts";
import { createPassage, type Passage } from "../../src/gateway/passage.ts";
import { createStoredResponses } from "../../src/gateway/stored-responses.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../src/lib/latin1.ts";
import { sealOpaque } from "../../src/protocols/canonical/opaque-token.ts";
import type { PathFacts } from "../../src/protocols/canonical/codec.ts";
import type { ProtocolId } from "../../src/protocols/protocol.ts";
import { protocols } from "../../src/protocols/registry.ts";
import type { Target } from "../../src/routing/target.ts";
import { createMemoryResponseStore } from "../../src/storage/responses/memory.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { wires } from "../support/replay-wires.ts";
import { startRun } from "./rig.ts";
import { plainFacts, routed, targetOf as firstTarget } from "./routed.ts";

type Fields = Record<string, unknown>;

const providers = {
  chat: openaiCompatibleAt("http://up.test/v1"),
  responses: openaiCompatibleAt("http://up.test/v1", { protocols: ["openai-responses"] }),
  keeper: { type: "openai", credentials: ["k"] },
  claude: { type: "anthropic", credentials: ["k"] },
  gemini: { type: "gemini", credentials: ["k"] },
  ollama: { type: "ollama", protocols: ["ollama-chat"] },
  older: openaiCompatibleAt("http://up.test/v1", { protocols: ["openai-completions"] }),
};
type ProviderName = keyof typeof providers;

const table = routed(
  configured({
    providers,
    models: Object.fromEntries(
      Object.keys(providers).map((provider) => [provider, { targets: [{ provider, model: `up-${provider}` }] }]),
    ),
  }),
);

function targetOf(name: string): Target {
  return firstTarget(table, name);
}

interface Ask {
  protocol: ProtocolId;
  body: Fields | string;
  to: ProviderName;
  path?: PathFacts;
  stored?: Exchange["translation"]["responses"];
}

function exchangeOf({ protocol: id, body, to, path, stored }: Ask): Exchange {
  const protocol = protocols[id];
  const text = latin1OfUtf8(typeof body === "string" ? body : JSON.stringify(body));
  const { exchange } = startRun({ routed: table });
  const envelope = protocol.peek(text, { maxDepth: 64 }, path);
  return {
    ...exchange,
    call: { ...exchange.call, protocol, path },
    envelope,
    route: table.table.resolve(to, plainFacts),
    editor: { modelShown: to, hideUsage: envelope.stream && !envelope.wantsUsage, textLimit: 1000 },
    translation: { ...exchange.translation, responses: stored ?? exchange.translation.responses },
  };
}

function passageOf(ask: Ask): Passage {
  return createPassage(exchangeOf(ask), targetOf(ask.to));
}

function bodyOf(passage: Passage): Fields {
  return JSON.parse(utf8OfLatin1(passage.body)) as Fields;
}

function errorOf(run: () => unknown): GatewayError | undefined {
  try {
    run();
  } catch (error) {
    return error as GatewayError;
  }
  return undefined;
}

const messages = [{ role: "user", content: "Grüße 👋🏽" }];
const usage = { input: 3, cacheRead: 0, cacheWrite: 0, output: 5, reasoning: 0 };
const script = { id: "up-1", model: "up", parts: [{ type: "text", text: "Ä" }], finish: "end", usage } as const;

describe("in the same lane", () => {
  test("only what is named changes", () => {
    const body = '{ "model":"chat",  "messages":[{"role":"user","content":"Gr\\u00fcße"}],"new":1e21,"stream":true }';
    const passage = passageOf({ protocol: "openai-chat", body, to: "chat" });
    expect(passage).toMatchObject({ lane: "same", losses: [] });
    const named = body.replace('"chat"', '"up-chat"');
    expect(utf8OfLatin1(passage.body).replace(/,?\s*"stream_options":\{"include_usage":true\}/, "")).toBe(named);
  });

  test("another upstream's state stays here", () => {
    const sealed = sealOpaque([{ origin: "gemini", kind: "gemini-signature", data: "c2ln" }]);
    const thinking = { role: "assistant", content: [{ type: "thinking", thinking: "a", signature: sealed }] };
    const claude = passageOf({
      protocol: "anthropic-messages",
      body: { model: "claude", max_tokens: 9, messages: [...messages, thinking, ...messages] },
      to: "claude",
    });
    expect(claude.body).not.toContain("orc1.");
    const reasoning = { type: "reasoning", summary: [], encrypted_content: sealed };
    const input = [...messages, reasoning, ...messages];
    for (const to of ["responses", "keeper"] as const)
      expect(passageOf({ protocol: "openai-responses", body: { model: to, input }, to }).body).not.toContain("orc1.");
  });

  test("an upstream that keeps no responses is told what went before; one that does is not", () => {
    const stored = createStoredResponses(createMemoryResponseStore());
    const sealed = sealOpaque([{ origin: "claude", kind: "anthropic-signature", data: "c2ln" }]);
    const output = [
      { type: "reasoning", summary: [{ type: "summary_text", text: "t" }], encrypted_content: sealed },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Antwort" }] },
    ];
    const request = { input: "Frage" };
    stored.keep({ id: "resp_a", keyId: "key-1", request, response: { output } });
    const body = { model: "x", previous_response_id: "resp_a", input: "Weiter", store: true };
    const expanded = passageOf({ protocol: "openai-responses", body, to: "responses", stored });
    expect(bodyOf(expanded)).toMatchObject({ model: "up-responses", store: true });
    expect(bodyOf(expanded)).not.toHaveProperty("previous_response_id");
    expect(JSON.stringify(bodyOf(expanded)["input"])).toMatch(/Frage.*Antwort.*Weiter/);
    // The history comes from another upstream than the one that is asked now.
    expect(expanded.body).not.toContain("orc1.");
    const kept = passageOf({ protocol: "openai-responses", body, to: "keeper", stored });
    expect(bodyOf(kept)).toEqual({ ...body, model: "up-keeper" });
  });

  test("its answers are kept, for upstreams that keep none", () => {
    for (const [to, isKept] of [
      ["responses", true],
      ["keeper", false],
    ] as const) {
      for (const store of [true, false]) {
        const stored = createStoredResponses(createMemoryResponseStore());
        const passage = passageOf({ protocol: "openai-responses", body: { input: "Frage", store }, to, stored });
        const shown = passage.editAnswer(latin1OfUtf8(wires["openai-responses"].whole(script).body));
        const { id } = JSON.parse(utf8OfLatin1(shown.output)) as { id: string };
        const error = errorOf(() => stored.read(id, "key-1"));
        expect([to, store, error === undefined]).toEqual([to, store, isKept && store]);
      }
    }
  });
});

describe("in translation", () => {
  const asks: Record<string, Omit<Ask, "to">> = {
    chat: { protocol: "openai-chat", body: { model: "m", messages, n: 2 } },
    gemini: {
      protocol: "gemini-generate",
      body: { contents: [{ parts: [{ text: "a" }] }], generationConfig: { candidateCount: 2 } },
      path: { model: "m" },
    },
  };

  test("more than one answer is refused, by the client's own name for it", () => {
    for (const to of ["claude", "ollama", "responses"] as const) {
      expect(errorOf(() => passageOf({ ...(asks["chat"] as Ask), to }))).toMatchObject({ status: 400, param: "n" });
      const error = errorOf(() => passageOf({ ...(asks["gemini"] as Ask), to }));
      expect(error).toMatchObject({ status: 400, param: "candidateCount" });
    }
    expect(passageOf({ ...(asks["chat"] as Ask), to: "chat" }).lane).toBe("same");
  });

  test("a provider that cannot say a conversation is named", () => {
    const error = errorOf(() =>
      passageOf({ protocol: "anthropic-messages", body: { max_tokens: 9, messages }, to: "older" }),
    );
    expect(error).toMatchObject({ status: 502 });
    expect(error?.message).toContain("older speaks openai-completions");
  });

  test("the request is read once, however many targets it is tried on", () => {
    const exchange = exchangeOf({ protocol: "anthropic-messages", body: { max_tokens: 9, messages }, to: "chat" });
    const bodies = (["chat", "gemini", "ollama"] as const).map((to) => bodyOf(createPassage(exchange, targetOf(to))));
    const { translated } = exchange;
    expect(translated).toMatchObject({ conversation: { turns: [{ role: "user" }] } });
    createPassage(exchange, targetOf("responses"));
    expect(exchange.translated).toBe(translated as never);
    for (const body of bodies) expect(JSON.stringify(body)).toContain("Grüße 👋🏽");
  });

  test("a request that cannot be read is not read again for the next target", () => {
    const exchange = exchangeOf({ protocol: "openai-chat", body: { model: "m", messages: [7] }, to: "claude" });
    const [first, second] = (["claude", "gemini"] as const).map((to) =>
      errorOf(() => createPassage(exchange, targetOf(to))),
    );
    expect(first).toMatchObject({ status: 400 });
    expect(second).toBe(first as never);
    expect(createPassage(exchange, targetOf("chat")).lane).toBe("same");
  });

  test("a stream and a whole answer are kept alike, under the id that the client got", () => {
    const stored = createStoredResponses(createMemoryResponseStore());
    const body = { model: "claude", input: "Frage" };
    const whole = passageOf({ protocol: "openai-responses", body, to: "claude", stored });
    const shown = whole.editAnswer(latin1OfUtf8(wires["anthropic-messages"].whole(script).body));
    const answer = JSON.parse(utf8OfLatin1(shown.output)) as { id: string };
    expect(stored.read(answer.id, "key-1")).toEqual(answer);
    const passage = passageOf({ protocol: "openai-responses", body: { ...body, stream: true }, to: "claude", stored });
    const editor = passage.createStreamEditor();
    const events = wires["anthropic-messages"].stream(script).events.map((event) => editor.push(latin1OfUtf8(event)));
    const last = /data: (\{"type":"response\.completed".*)/.exec(events.map(({ output }) => output).join(""))?.[1];
    const { response } = JSON.parse(utf8OfLatin1(last ?? "{}")) as { response: { id: string } };
    expect(stored.read(response.id, "key-1")).toEqual(response);
  });

  test("a client that only wants its model loaded needs no upstream", () => {
    for (const [protocol, body] of [
      ["ollama-chat", { model: "claude", messages: [], stream: false }],
      ["ollama-generate", { model: "claude", stream: false }],
    ] as const) {
      const passage = passageOf({ protocol, body, to: "claude" });
      expect(passage.immediate).toBeDefined();
      const { output } = passage.editAnswer("");
      expect(JSON.parse(utf8OfLatin1(output))).toMatchObject({ model: "claude", done: true, done_reason: "load" });
    }
    expect(passageOf({ protocol: "ollama-chat", body: { messages }, to: "claude" }).immediate).toBeUndefined();
  });

  test("an answer that is none is the upstream's failure", () => {
    const passage = passageOf({ protocol: "openai-chat", body: { messages }, to: "claude" });
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      '{"type":"message"}',
      '{"type":"error","error":{"type":"api_error","message":"m"}}',
    ])
      expect([text, errorOf(() => passage.editAnswer(text))?.status]).toEqual([text, 502]);
  });
});
