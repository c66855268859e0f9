import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { applyEdits } from "../../../src/lib/json-edit.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import type { PathFacts } from "../../../src/protocols/canonical/codec.ts";
import type { Opaque } from "../../../src/protocols/canonical/conversation.ts";
import { sealOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import { peekGeminiRequest } from "../../../src/protocols/gemini-generate/peek.ts";
import { signatureOf, skipSignature } from "../../../src/protocols/gemini-generate/signature.ts";
import { mutations } from "../../support/mutations.ts";

function peek(body: unknown, path: PathFacts = { model: "smart", stream: false }) {
  const text = typeof body === "string" ? body : latin1OfUtf8(JSON.stringify(body));
  return peekGeminiRequest(text, { maxDepth: 100 }, path);
}

const user = (text: string) => ({ role: "user", parts: [{ text }] });

test("model and stream come from the URL, whatever the body says of them", () => {
  const envelope = peek(
    { contents: [user("Hi")], model: "models/other", stream: true },
    { model: "a/b:c", stream: false },
  );
  expect([envelope.model, envelope.stream, envelope.wantsUsage]).toEqual(["a/b:c", false, true]);
  expect(peek({ contents: [] }, { model: "", stream: true }).model).toBeUndefined();
  expect(peekGeminiRequest('{"contents":[]}', { maxDepth: 10 }).stream).toBe(false);
});

test("a body without contents is refused by name", () => {
  expect(() => peek({ messages: [] })).toThrow("`contents` is missing");
  expect(() => peek("")).toThrow("send a JSON object with `contents`");
  expect(() => peek("[1]")).toThrow("must be a JSON object");
});

describe("the text of the last user message", () => {
  test("is the last content that brings words, and not results of functions", () => {
    const contents = [
      user("first"),
      user("Grüße 👋"),
      { role: "model", parts: [{ functionCall: { name: "f" } }] },
      { role: "user", parts: [{ functionResponse: { name: "f", response: {} } }] },
    ];
    expect(peek({ contents }).lastUserText(100)).toBe("Grüße 👋");
    expect(peek({ contents }).lastUserText(3)).toBe("Grü");
  });

  test("counts contents without a role, and names what is no text", () => {
    const inline_data = { mime_type: "image/png", data: "aGk=" };
    expect(peek({ contents: [{ parts: [{ inline_data }, { text: "what is it?" }] }] }).lastUserText(100)).toBe(
      "[inline_data] what is it?",
    );
    expect(peek({ contents: { parts: { text: "alone" } } }).lastUserText(100)).toBe("alone");
    expect(peek({ contents: ["plain"] }).lastUserText(100)).toBe("plain");
    expect(peek({ contents: [{ role: "model", parts: [] }] }).lastUserText(100)).toBeUndefined();
    expect(peek({ contents: 7 }).lastUserText(100)).toBeUndefined();
  });
});

describe("edits of the same lane", () => {
  const target = { model: "gemini-3.8-flash", injectUsage: true, origin: "google" };
  const own: Opaque = { origin: "google", kind: "gemini-signature", data: "CiQB+/==" };
  const foreign: Opaque = { origin: "claude", kind: "anthropic-signature", data: "abc" };

  function edited(signature: string, to: typeof target | Omit<typeof target, "origin"> = target): string {
    const part = `{ "functionCall":{"name":"ü"},"thoughtSignature" : ${JSON.stringify(signature)}}`;
    const text = latin1OfUtf8(`{"contents":[ {"parts":[${part}]}, {"parts":{"text":"b3JjMS"}} ], "x":1.0}`);
    const envelope = peek(text);
    const output = utf8OfLatin1(applyEdits(text, envelope.edits(to)));
    const [before, after] = utf8OfLatin1(text).split(JSON.stringify(signature));
    if (!output.startsWith(before ?? "") || !output.endsWith(after ?? "")) throw new Error(`changed more: ${output}`);
    return String(JSON.parse(output.slice(before?.length, output.length - (after?.length ?? 0))));
  }

  test("nothing is changed in a body without sealed tokens, the model's name neither", () => {
    expect(peek({ contents: [user("orc1. b3JjMS4x")], model: "x" }).edits(target)).toEqual([]);
    expect(edited("CiQBjz1rX1c=")).toBe("CiQBjz1rX1c=");
    expect(edited(skipSignature)).toBe(skipSignature);
  });

  test("a sealed signature of this upstream becomes the upstream's own, byte for byte", () => {
    expect(edited(signatureOf([own]) ?? "")).toBe("CiQB+/==");
    expect(edited(sealOpaque([foreign, own]))).toBe("CiQB+/==");
  });

  test("what SDKs make of a token, other letters and no padding, is still known", () => {
    const sealed = signatureOf([own]) ?? "";
    expect(edited(sealed.replace(/=+$/, ""))).toBe("CiQB+/==");
    expect(edited(Buffer.from(sealed, "base64").toString("base64url"))).toBe("CiQB+/==");
  });

  test("a sealed signature of another upstream becomes word that there is none", () => {
    expect(edited(signatureOf([foreign]) ?? "")).toBe(skipSignature);
    expect(edited(signatureOf([{ ...own, origin: "elsewhere" }]) ?? "")).toBe(skipSignature);
    expect(edited("orc1.damaged")).toBe(skipSignature);
  });

  test("without a word on whose the target is, no state is given away", () => {
    expect(edited(signatureOf([own]) ?? "", { model: "m", injectUsage: false })).toBe(skipSignature);
  });

  test("both spellings are edited, and duplicates too", () => {
    const sealed = JSON.stringify(signatureOf([own]));
    const text = `{"contents":{"parts":[{"thought_signature":${sealed},"thoughtSignature":${sealed}},5,{"text":${sealed}}]}}`;
    expect(applyEdits(text, peek(text).edits(target))).toBe(
      `{"contents":{"parts":[{"thought_signature":"CiQB+/==","thoughtSignature":"CiQB+/=="},5,{"text":${sealed}}]}}`,
    );
  });
});

test("a countTokens body with a whole request in it is read", () => {
  const envelope = peek({ generateContentRequest: { model: "models/x", contents: [user("inside")] } });
  expect(envelope.lastUserText(10)).toBe("inside");
  expect(() => peek({ generateContentRequest: {} })).toThrow("`contents` is missing");
});

test("no body brings it down: it is read or refused with 400", () => {
  const seal = Buffer.from(
    `"thoughtSignature":"${signatureOf([{ origin: "", kind: "reference", data: "x" }])}"`,
  ).toString("latin1");
  for (const bytes of mutations(3000, 7)) {
    const text = Buffer.from(bytes)
      .toString("latin1")
      .replaceAll('"messages"', '"contents"')
      .replaceAll('"content"', `${seal},"parts"`);
    try {
      const envelope = peekGeminiRequest(text, { maxDepth: 100 }, { model: "m", stream: true });
      JSON.parse(utf8OfLatin1(applyEdits(text, envelope.edits({ model: "m", injectUsage: false }))));
      envelope.lastUserText(50);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      expect(error.status).toBe(400);
    }
  }
});
