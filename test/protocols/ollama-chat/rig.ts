import type { ClientView, Target } from "../../../src/protocols/canonical/codec.ts";
import { ordinaryTraits, type ModelTraits } from "../../../src/protocols/canonical/model-traits.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import type { Protocol } from "../../../src/protocols/protocol.ts";
import { conversationOf, viewOf } from "../../support/conversation.ts";
import type { PlayedRequest, Script } from "../../support/wire/wire.ts";
import { decodePieces } from "../whole-stream.ts";

export function target(traits: Partial<ModelTraits> = {}): Target {
  return { model: "gpt-oss:20b", provider: "ollama", origin: "ollama:local", traits: { ...ordinaryTraits, ...traits } };
}

export function view(changes: Partial<ClientView> = {}): ClientView {
  const conversation = conversationOf({ protocol: "ollama-chat" });
  return viewOf({ model: "shown", conversation, startedAt: Date.now() - 50, estimatedInputTokens: 1, ...changes });
}

export function played(body: unknown, path = "/api/chat"): PlayedRequest {
  return { method: "POST", path, headers: new Headers({ "content-type": "application/json" }), body };
}

/** The events of a stream that comes in these pieces. */
export function decoded(pieces: readonly string[], protocol: Protocol = ollamaChat): StreamEvent[] {
  return decodePieces(protocol.codec.stream.createDecoder(target()), pieces);
}

/** Lines as they come over the wire (latin1). */
export function lines(...values: readonly unknown[]): string {
  return latin1OfUtf8(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
}

export function valuesOf(stream: string): Record<string, unknown>[] {
  return utf8OfLatin1(stream)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

export function said(message: Record<string, unknown>): Record<string, unknown> {
  return {
    model: "llama3.2",
    created_at: "2026-11-20T10:00:00Z",
    message: { role: "assistant", ...message },
    done: false,
  };
}

export function done(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...said({ content: "" }), done: true, done_reason: "stop", prompt_eval_count: 26, eval_count: 12, ...more };
}

/** Settings under Ollama's names, and in the form between two protocols. */
export const options = {
  num_predict: 100,
  temperature: 0,
  top_p: 0.9,
  top_k: 40,
  min_p: 0.05,
  seed: 7,
  stop: ["END"],
  repeat_penalty: 1.1,
  presence_penalty: 0.5,
  frequency_penalty: 0.25,
};

export const settings = {
  maxOutputTokens: 100,
  temperature: 0,
  topP: 0.9,
  topK: 40,
  minP: 0.05,
  seed: 7,
  stop: ["END"],
  repetitionPenalty: 1.1,
  presencePenalty: 0.5,
  frequencyPenalty: 0.25,
  logprobs: { top: 3 },
};

const usage = { input: 10, cacheRead: 5, cacheWrite: 1, output: 7, reasoning: 3 };

export const scripts: Readonly<Record<string, Script>> = {
  text: {
    id: "a",
    model: "m",
    parts: [{ type: "text", text: 'Grüße, 世界 👋🏽 – "quoted" \\ \n\t\u0000' }],
    finish: "end",
    usage,
  },
  reasoning: {
    id: "b",
    model: "m",
    parts: [
      { type: "reasoning", text: "Let me think about 世界…" },
      { type: "text", text: "Done, naïvely." },
    ],
    finish: "end",
    usage,
  },
  calls: {
    id: "c",
    model: "m",
    parts: [
      { type: "text", text: "I shall look." },
      { type: "tool_call", id: "call_a", name: "get_weather", input: '{"city":"Zürich","days":2}' },
      { type: "tool_call", id: "call_b", name: "get_time", input: "{}" },
    ],
    finish: "tool_calls",
    usage,
  },
  length: { id: "d", model: "m", parts: [{ type: "text", text: "cut he" }], finish: "length", usage },
  empty: { id: "e", model: "m", parts: [], finish: "end", usage },
};
