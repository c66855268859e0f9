import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/errors.ts";
import { applyEdits } from "../../../src/lib/json-edit.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { decodeRequest } from "../../../src/protocols/anthropic-messages/decode-request.ts";
import { encodeError } from "../../../src/protocols/anthropic-messages/error.ts";
import { anthropicMessages } from "../../../src/protocols/anthropic-messages/index.ts";
import type { Opaque } from "../../../src/protocols/canonical/conversation.ts";
import { sealOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import { mutations } from "../../support/mutations.ts";
import { violationsOf } from "./samples.ts";

const limits = { maxDepth: 100 };

function peek(body: unknown) {
  return anthropicMessages.peek(latin1OfUtf8(typeof body === "string" ? body : JSON.stringify(body)), limits);
}

function edited(body: string, model = "claude-ü"): string {
  const text = latin1OfUtf8(body);
  return utf8OfLatin1(applyEdits(text, anthropicMessages.peek(text, limits).edits({ model, injectUsage: true })));
}

const message = (content: unknown, role = "user") => ({ role, content });

describe("the envelope", () => {
  test("has the model, the stream and the wish for usage that every stream fulfils", () => {
    expect(peek({ model: "m", messages: [], stream: true })).toMatchObject({
      model: "m",
      stream: true,
      wantsUsage: true,
    });
    expect(peek({ messages: [] })).toMatchObject({ model: undefined, stream: false });
    expect(peek({ model: "", stream: "true", messages: [] })).toMatchObject({ model: undefined, stream: false });
  });

  test.each([
    ["", "empty"],
    ["[]", "JSON object"],
    ["{", "not valid JSON"],
    ["{}", "`messages` is missing"],
    ['{"model":1,"messages":[]}', "`model` must be a string"],
    [`{"messages":${"[".repeat(200)}${"]".repeat(200)}}`, "nested deeper than 100 levels"],
  ])("of %p is refused: %s", (body, said) => {
    expect(() => peek(body)).toThrow(said);
  });
});

const words = (...messages: unknown[]): string | undefined => peek({ messages }).lastUserText(100);

describe("the last words of the user", () => {
  test("are text, or text blocks", () => {
    expect(words(message("Grüße 👋"))).toBe("Grüße 👋");
    expect(words(message([{ type: "text", text: "a" }, { type: "image" }, null]))).toBe("a [image] [part]");
    expect(words(message("x".repeat(500)))).toHaveLength(100);
  });

  test("are not what a tool, the assistant or the system says", () => {
    const result = { type: "tool_result", tool_use_id: "t", content: "sunny" };
    expect(words(message("Hi"), message("a", "assistant"), message([result]), message("s", "system"))).toBe("Hi");
    expect(words(message("Hi"), message([result, { type: "text", text: "And?" }]))).toBe("And?");
    expect(words(message([result]))).toBeUndefined();
    expect(words()).toBeUndefined();
    expect(words(message({}), 7, "user")).toBe("");
  });
});

describe("edits", () => {
  test("change the model's name and not a byte more", () => {
    expect(
      edited(
        '{ "model" : "a" , "max_tokens":1.0e3,"messages":[ {"role":"user","content":"é\\u00e9"} ],"x":12345678901234567890 }',
      ),
    ).toBe(
      '{ "model" : "claude-ü" , "max_tokens":1.0e3,"messages":[ {"role":"user","content":"é\\u00e9"} ],"x":12345678901234567890 }',
    );
    expect(edited('{"messages":[]}')).toBe('{"messages":[],"model":"claude-ü"}');
  });
});

const thinking = (states: Opaque[]) => ({ type: "thinking", thinking: "hm", signature: sealOpaque(states) });

const redacted = (states: Opaque[]) => ({ type: "redacted_thinking", data: sealOpaque(states) });

const sent = (body: Record<string, unknown>) =>
  JSON.parse(
    edited(
      JSON.stringify({
        model: "a",
        max_tokens: 5000,
        tools: [{ name: "f", input_schema: { type: "object" } }],
        ...body,
      }),
      "m",
    ),
  ) as {
    messages: { role: string; content: Record<string, unknown>[] }[];
    thinking?: unknown;
  };

const contentOf = (...blocks: unknown[]) =>
  sent({ messages: [message("Hi"), message(blocks, "assistant"), message("x")] }).messages[1]?.content;

describe("sealed reasoning", () => {
  const own: Opaque = { origin: "claude", kind: "anthropic-signature", data: "EqoB+/==" };
  const ownRedacted: Opaque = { origin: "claude", kind: "anthropic-redacted", data: "xyz" };
  const foreign: Opaque = { origin: "router", kind: "reasoning-details", data: "[]" };
  const say = { type: "text", text: "ok" };
  const use = { type: "tool_use", id: "t", name: "f", input: {} };
  const result = { type: "tool_result", tool_use_id: "t", content: "1" };

  test("B51: a signature that another upstream made is taken out, with its thoughts", () => {
    expect(contentOf(thinking([foreign]), say)).toEqual([say]);
    expect(contentOf(say, redacted([foreign]), say)).toEqual([say, say]);
    expect(contentOf(say, thinking([]))).toEqual([say]);
    expect(contentOf(thinking([foreign]), thinking([foreign]), say, thinking([foreign]), say, thinking([]))).toEqual([
      say,
      say,
    ]);
  });

  test("B51: Anthropic's own is given back as it was", () => {
    expect(contentOf(thinking([own]), say)).toEqual([{ type: "thinking", thinking: "hm", signature: "EqoB+/==" }, say]);
    expect(contentOf(redacted([ownRedacted]), say)).toEqual([{ type: "redacted_thinking", data: "xyz" }, say]);
    expect(contentOf(thinking([foreign, own]), thinking([foreign]), say)).toHaveLength(2);
  });

  test("of another kind than its block is taken out", () => {
    expect(contentOf(thinking([ownRedacted]), say)).toEqual([say]);
    expect(contentOf(redacted([own]), say)).toEqual([say]);
  });

  test("that was all of a message takes the message with it", () => {
    const body = { messages: [message("Hi"), message([thinking([foreign])], "assistant"), message("x")] };
    expect(sent(body).messages).toEqual([message("Hi"), message("x")] as never);
    expect(sent({ messages: [message([thinking([])], "assistant")] }).messages).toEqual([]);
  });

  test("leaves raw signatures, and words that look like tokens, alone", () => {
    const raw = { type: "thinking", thinking: "", signature: "EqoB" };
    expect(contentOf(raw, { type: "text", text: '"orc1.x' }, say)).toEqual([
      raw,
      { type: "text", text: '"orc1.x' },
      say,
    ]);
    expect(contentOf({ type: "text", text: "orc1.abc" })).toEqual([{ type: "text", text: "orc1.abc" }]);
    expect(contentOf({ type: "text", signature: sealOpaque([]) })).toHaveLength(1);
  });

  test("that is damaged is taken out", () => {
    expect(contentOf({ type: "thinking", thinking: "", signature: "orc1.%%%" }, say)).toEqual([say]);
  });

  test("keeps the spacing of everything else", () => {
    const token = sealOpaque([foreign]);
    const body = `{"model":"a","messages":[ {"role":"user","content":"x"} , { "role" : "assistant" , "content" : [ {"type":"thinking","thinking":"é","signature":"${token}"} , {"type":"text","text":"ü"} ] } ]}`;
    expect(edited(body, "a")).toBe(
      '{"model":"a","messages":[ {"role":"user","content":"x"} , { "role" : "assistant" , "content" : [ {"type":"text","text":"ü"} ] } ]}',
    );
  });

  test("turns thinking by a budget off where the running turn has lost its thoughts, for Anthropic wants them first", () => {
    const budget = { type: "enabled", budget_tokens: 2000 };
    const running = (...blocks: unknown[]) => ({
      thinking: budget,
      messages: [message("Hi"), message(blocks, "assistant"), message([result])],
    });
    const off = sent(running(thinking([foreign]), use));
    expect(off.thinking).toEqual({ type: "disabled" });
    expect(violationsOf(off)).toEqual([]);
    const on = sent(running(thinking([own]), use));
    expect(on.thinking).toEqual(budget);
    expect(violationsOf(on)).toEqual([]);
    const over = {
      thinking: budget,
      messages: [...running(thinking([foreign]), use).messages, message("ok", "assistant"), message("Next")],
    };
    expect(sent(over).thinking).toEqual(budget);
    expect(sent({ ...running(thinking([foreign]), use), thinking: { type: "adaptive" } }).thinking).toEqual({
      type: "adaptive",
    });
  });

  test("in a body of odd shapes breaks nothing", () => {
    const token = sealOpaque([foreign]);
    for (const messages of [
      [token],
      [{ content: token }],
      [{ role: "assistant", content: { signature: token } }],
      [{ role: 7, content: [token, [token], { type: ["thinking"], signature: token }] }],
      { role: token },
      token,
    ]) {
      const body = JSON.stringify({ model: "m", messages, thinking: token });
      expect(edited(body, "m")).toBe(body);
    }
  });
});

test("damaged bodies are refused in words, or edited into JSON", () => {
  for (const bytes of mutations(5000, 11)) {
    const text = Buffer.from(bytes).toString("latin1");
    try {
      const envelope = anthropicMessages.peek(text, limits);
      envelope.lastUserText(50);
      JSON.parse(utf8OfLatin1(applyEdits(text, envelope.edits({ model: "m", injectUsage: false }))));
    } catch (error) {
      expect(error).toMatchObject({ name: "GatewayError", status: 400 });
    }
  }
});

test("a thread is refused in the words upon which Anthropic's SDKs send everything", () => {
  const body = { max_tokens: 5, messages: [{ role: "user", content: "Hi" }], thread: { type: "create" } };
  let refused: unknown;
  try {
    decodeRequest(body);
  } catch (error) {
    refused = error;
  }
  const { status, body: told } = encodeError(refused as GatewayError);
  expect(status).toBe(400);
  expect((JSON.parse(told) as { error: { details: unknown } }).error.details).toEqual({
    error_code: "thread_unsupported_request",
    unsupported: ["thread"],
  });
  expect(decodeRequest({ ...body, thread: null }).turns).toHaveLength(1);
});
