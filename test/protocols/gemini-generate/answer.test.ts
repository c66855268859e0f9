import { describe, expect, test } from "bun:test";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Opaque, Part } from "../../../src/protocols/canonical/conversation.ts";
import { statesOfSignature } from "../../../src/protocols/gemini-generate/signature.ts";
import type { Fields } from "../../../src/protocols/fields.ts";
import { conversationOf } from "../../support/conversation.ts";
import { codec, response, viewWith, wire, type Json } from "./samples.ts";

const decode = (value: unknown) => codec.answer.decode(value, { origin: "google" });
const decodeParts = (...parts: readonly Json[]) => decode(response(parts, { finishReason: "STOP" })).parts;

function answerWith(changes: Partial<Answer>): Answer {
  return {
    id: "r1",
    model: "claude",
    parts: [{ type: "text", text: "Hi" }],
    finish: { reason: "end", raw: "stop" },
    usage: undefined,
    costUsd: undefined,
    ...changes,
  };
}

interface Shown {
  candidates: { content: { parts: Fields[] }; finishReason: string }[];
  usageMetadata?: Fields;
}

function shown(changes: Partial<Answer>, view = viewWith()): Shown {
  return codec.answer.encode(answerWith(changes), view) as Shown;
}

const partsShown = (...parts: Part[]) => shown({ parts }).candidates[0]?.content.parts;

const state = (data: string): Opaque => ({ origin: "google", kind: "gemini-signature", data });

describe("a response as an answer", () => {
  test("has id, model, usage and finish", () => {
    const usage = { promptTokenCount: 10, toolUsePromptTokenCount: 2, candidatesTokenCount: 3, totalTokenCount: 15 };
    expect(decode(response([{ text: "a" }, { text: "b" }], { finishReason: "STOP", usage }))).toEqual({
      id: "resp1",
      model: "gemini-3.8-flash",
      parts: [{ type: "text", text: "ab" }],
      finish: { reason: "end", raw: "STOP" },
      usage: { input: 12, cacheRead: undefined, cacheWrite: undefined, output: 3, reasoning: undefined },
      costUsd: undefined,
    });
  });

  test("keeps what streams cannot carry: sounds, files and parts that only this protocol knows", () => {
    const executableCode = { language: "PYTHON", code: "1" };
    expect(
      decodeParts(
        { text: "a" },
        { inlineData: { mimeType: "audio/wav", data: "UklGRg==" } },
        { inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } },
        { executableCode },
        { fileData: { mimeType: "image/png", fileUri: "https://example.com/a.png" } },
      ),
    ).toEqual([
      { type: "text", text: "a" },
      { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "UklGRg==" } },
      { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" } },
      { type: "opaque", protocol: "gemini-generate", value: { executableCode } },
      { type: "image", source: { kind: "url", url: "https://example.com/a.png" } },
    ]);
  });

  test("puts signatures to calls, thoughts, or behind a text", () => {
    expect(
      decodeParts(
        { text: "hm", thought: true, thoughtSignature: "AA==" },
        { text: "4", thoughtSignature: "BB==" },
        { functionCall: { id: "c1", name: "f", args: { a: [1] } }, thoughtSignature: "CC==" },
      ),
    ).toEqual([
      { type: "reasoning", text: "hm", isSummary: true, opaque: [state("AA==")] },
      { type: "text", text: "4" },
      { type: "reasoning", text: "", isSummary: undefined, opaque: [state("BB==")] },
      { type: "tool_call", id: "c1", name: "f", kind: "function", input: '{"a":[1]}', opaque: [state("CC==")] },
    ]);
  });

  test("that blocks the prompt is filtered, with candidates or without", () => {
    expect(decode({ promptFeedback: { blockReason: "SAFETY" } })).toMatchObject({
      parts: [],
      finish: { reason: "filtered", raw: "SAFETY" },
    });
    expect(decode({ candidates: [], promptFeedback: { blockReason: "OTHER" } }).finish.reason).toBe("filtered");
  });

  test("that is none, or holds a failure, throws", () => {
    for (const value of [null, 1, [], {}, { candidates: {} }, { promptFeedback: {} }])
      expect(() => decode(value)).toThrow("answer");
    expect(() => decode({ error: { code: 400, message: "API key not valid", status: "INVALID_ARGUMENT" } })).toThrow(
      "API key not valid",
    );
  });

  test("with values of all the wrong types is empty and no crash", () => {
    const odd = {
      candidates: [
        null,
        5,
        { content: { parts: [null, 1, { functionCall: 7 }, { functionCall: {} }, { text: {} }] }, finishReason: 9 },
      ],
    };
    expect(decode(odd).parts).toEqual([
      { type: "opaque", protocol: "gemini-generate", value: { functionCall: 7 } },
      { type: "opaque", protocol: "gemini-generate", value: { text: {} } },
    ]);
    expect(decode({ candidates: [{ content: [] }], usageMetadata: { promptTokenCount: -1 } }).usage).toBeUndefined();
  });
});

const call = (id: string, input: string, kind: "function" | "custom" = "function"): Part => ({
  type: "tool_call",
  id,
  name: "f",
  kind,
  input,
});

describe("an answer as a response", () => {
  test("has the five counts, the client's name of the model and one candidate", () => {
    const usage = { input: 10, cacheRead: 5, cacheWrite: 2, output: 7, reasoning: 3 };
    expect(shown({ usage }) as unknown).toEqual({
      candidates: [{ content: { role: "model", parts: [{ text: "Hi" }] }, finishReason: "STOP", index: 0 }],
      usageMetadata: {
        promptTokenCount: 17,
        cachedContentTokenCount: 5,
        candidatesTokenCount: 7,
        thoughtsTokenCount: 3,
        totalTokenCount: 27,
      },
      modelVersion: "smart",
      responseId: "r1",
    });
  });

  test("says how it ended in Gemini's words, the upstream's own where they are", () => {
    const words = (
      [
        ["end", "stop"],
        ["stop", "stop_sequence"],
        ["tool_calls", "tool_use"],
        ["length", "max_tokens"],
        ["context", "model_context_window_exceeded"],
        ["filtered", "refusal"],
        ["filtered", "RECITATION"],
        ["pause", "pause_turn"],
        ["error", "MALFORMED_FUNCTION_CALL"],
        ["error", undefined],
      ] as const
    ).map(([reason, raw]) => shown({ finish: { reason, raw } }).candidates[0]?.finishReason);
    expect(words).toEqual([
      "STOP",
      "STOP",
      "STOP",
      "MAX_TOKENS",
      "MAX_TOKENS",
      "SAFETY",
      "RECITATION",
      "STOP",
      "MALFORMED_FUNCTION_CALL",
      "OTHER",
    ]);
  });

  test("carries calls whole, also those whose arguments are no object", () => {
    expect(
      partsShown(
        call("1", '{"a":1}'),
        call("2", ""),
        call("3", "[1]"),
        call("4", "{bad"),
        call("5", "*** patch", "custom"),
      ),
    ).toEqual([
      { functionCall: { id: "1", name: "f", args: { a: 1 } } },
      { functionCall: { id: "2", name: "f", args: {} } },
      { functionCall: { id: "3", name: "f", args: { _raw: "[1]" } } },
      { functionCall: { id: "4", name: "f", args: { _raw: "{bad" } } },
      { functionCall: { id: "5", name: "f", args: { input: "*** patch" } } },
    ]);
  });

  test("seals states of reasoning on the next call, or behind the last text, in base64", () => {
    const claude: Opaque = { origin: "claude", kind: "anthropic-signature", data: "sig" };
    const own: Opaque = { origin: "google", kind: "gemini-signature", data: "CiQ=" };
    const thoughts: Part = { type: "reasoning", text: "hm", opaque: [claude] };
    const parts = partsShown(
      thoughts,
      { type: "text", text: "x" },
      { type: "tool_call", id: "1", name: "f", kind: "function", input: "{}", opaque: [own] },
      { type: "reasoning", text: "", opaque: [claude] },
    );
    const signatures = parts?.map(({ thoughtSignature }) => thoughtSignature);
    expect(parts?.map(({ text, thought }) => [text, thought])).toEqual([
      ["hm", true],
      ["x", undefined],
      [undefined, undefined],
      ["", undefined],
    ]);
    expect(String(signatures?.[2])).toMatch(/^b3JjMS[A-Za-z0-9+/]*={0,2}$/);
    expect(statesOfSignature(String(signatures?.[2]))).toEqual([claude, own]);
    expect(statesOfSignature(String(signatures?.[3]))).toEqual([claude]);
  });

  test("keeps thoughts back from those who said that they want none, and not their state", () => {
    const conversation = conversationOf({ reasoning: { isShown: false } });
    const state: Opaque = { origin: "o", kind: "reference", data: "1" };
    const { candidates } = shown(
      { parts: [{ type: "reasoning", text: "hm", opaque: [state] }] },
      viewWith({ conversation }),
    );
    expect(candidates[0]?.content.parts.map(({ text }) => text)).toEqual([""]);
    expect(statesOfSignature(String(candidates[0]?.content.parts[0]?.["thoughtSignature"]))).toEqual([state]);
  });

  test("has a part even where nothing was said, and says refusals as text", () => {
    expect(partsShown()).toEqual([{ text: "" }]);
    expect(partsShown({ type: "refusal", text: "No." }, { type: "text", text: "" })).toEqual([{ text: "No." }]);
  });

  test("shows pictures, sounds and files", () => {
    expect(
      partsShown(
        { type: "image", source: { kind: "base64", mediaType: "image/png", data: "aa" } },
        { type: "audio", source: { kind: "url", url: "https://e.com/a.wav" } },
        { type: "file", source: { kind: "file-id", id: "file-1" } },
      ),
    ).toEqual([
      { inlineData: { mimeType: "image/png", data: "aa" } },
      { fileData: { fileUri: "https://e.com/a.wav" } },
      { fileData: { fileUri: "file-1" } },
    ]);
  });

  test("gives log probabilities back in Gemini's shape", () => {
    const logprobs = { content: [{ token: "a", logprob: -1, top_logprobs: [{ token: "b", logprob: -2 }] }] };
    expect(shown({ logprobs }).candidates[0]).toMatchObject({
      logprobsResult: {
        chosenCandidates: [{ token: "a", logProbability: -1 }],
        topCandidates: [{ candidates: [{ token: "b", logProbability: -2 }] }],
      },
    });
  });
});

test("decode(encode(answer)) is the answer", () => {
  const answer = answerWith({
    model: "smart",
    parts: [
      { type: "reasoning", text: "hm", isSummary: true, opaque: [] },
      { type: "text", text: "Grüße 👋" },
      { type: "tool_call", id: "c1", name: "f", kind: "function", input: '{"a":"ü"}', opaque: undefined },
    ],
    finish: { reason: "tool_calls", raw: "STOP" },
    usage: { input: 1, cacheRead: 2, cacheWrite: undefined, output: 3, reasoning: 4 },
  });
  expect(decode(JSON.parse(JSON.stringify(codec.answer.encode(answer, viewWith()))))).toEqual(answer);
  expect(answerOfEvents(eventsOfAnswer(answer))).toEqual(answer);
  expect(wire.contentOf(JSON.stringify(codec.answer.encode(answer, viewWith())))).toMatchObject({
    text: "Grüße 👋",
    reasoning: "hm",
    finish: "STOP",
  });
});
