import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { wires } from "./replay-wires.ts";
import { responseOf } from "./wire/openai-responses-words.ts";
import type { Script } from "./wire/wire.ts";

/** The protocols whose upstreams fail here. */
export const faultProtocols = [
  "openai-chat",
  "anthropic-messages",
  "openai-responses",
  "gemini-generate",
  "ollama-chat",
] as const satisfies readonly ProtocolName[];
export type FaultProtocol = (typeof faultProtocols)[number];

type Fields = Record<string, unknown>;

/** What a healthy target says; nothing of it is ASCII alone. */
export const goodText = "Grüße 👋 vom guten Ziel, ganz und heil.";
/** What a broken target says, as far as it comes. */
export const rottenText = "Rotten: ünd so weiter, bis es bricht 💥.";
/** Stands in everything that a broken target sends. */
export const rottenMark = /rotten/i;

const usage = { input: 7, cacheRead: 0, cacheWrite: 0, output: 11, reasoning: 0 };

/** How the ids of a protocol's answers begin. */
const idPrefixes: Partial<Readonly<Record<ProtocolName, string>>> = {
  "openai-chat": "chatcmpl-",
  "openai-responses": "resp_",
  "anthropic-messages": "msg_",
};

export function scriptOf(protocol: FaultProtocol, model: string, kind: "good" | "rotten"): Script {
  const text = kind === "good" ? goodText : rottenText;
  const id = `${idPrefixes[protocol] ?? ""}${kind}_1`;
  return { id, model, parts: [{ type: "text", text }], finish: "end", usage };
}

/** The events of a stream by what they are good for. */
export interface EventParts {
  contentType: string;
  /** Before the first content. */
  preamble: string[];
  /** Content, each event some of it. */
  content: string[];
  /** What ends the answer. */
  ending: string[];
}

/** An event as Gemini and Ollama begin with at times: everything but content. */
const handmade: Partial<Readonly<Record<FaultProtocol, (script: Script) => string>>> = {
  "gemini-generate": ({ id, model }) => {
    const candidates = [{ content: { parts: [{ text: "" }], role: "model" }, index: 0 }];
    return `data: ${JSON.stringify({ candidates, usageMetadata: { promptTokenCount: 7 }, modelVersion: model, responseId: id })}\r\n\r\n`;
  },
  "ollama-chat": ({ model }) => {
    const message = { role: "assistant", content: "" };
    return `${JSON.stringify({ model, created_at: "2026-11-20T10:15:30.123456789Z", message, done: false })}\n`;
  },
};

export function eventParts(protocol: FaultProtocol, script: Script): EventParts {
  const { contentType, events } = wires[protocol].stream(script);
  const text = script.parts[0]?.type === "text" ? script.parts[0].text : "";
  const first = events.findIndex((event) => event.includes(`"${text.slice(0, 3)}`));
  const lastWord = text.slice(-2);
  const last = first + events.slice(first).findIndex((event) => event.includes(`${lastWord}"`));
  const own = handmade[protocol];
  return {
    contentType,
    preamble: own === undefined ? events.slice(0, first) : [own(script)],
    content: events.slice(first, last + 1),
    ending: events.slice(last + 1),
  };
}

/** Nothing was said, and nothing is counted. */
function emptied(script: Script): Script {
  return { ...script, parts: [], usage: { ...usage, output: 0 } };
}

/** An answer without any content that ends well. */
export function emptyEvents(protocol: FaultProtocol, script: Script): string[] {
  return wires[protocol].stream(emptied(script)).events;
}

export function emptyAnswer(protocol: FaultProtocol, script: Script): string {
  return wires[protocol].whole(emptied(script)).body;
}

/** Google's words for a status. */
const googleWords: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "FAILED_PRECONDITION",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  408: "DEADLINE_EXCEEDED",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

const anthropicWords: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

function openaiError(status: number, message: string, more: Fields): Fields {
  const type = status >= 500 ? "server_error" : status === 429 ? "rate_limit_exceeded" : "invalid_request_error";
  const code = status === 429 ? "rate_limit_exceeded" : status === 401 ? "invalid_api_key" : null;
  return { error: { message, type, param: null, code, ...more } };
}

interface ErrorFacts {
  status: number;
  message: string;
  more: Fields;
}

const errorBodies: Readonly<Record<FaultProtocol, (facts: ErrorFacts) => Fields>> = {
  "openai-chat": ({ status, message, more }) => openaiError(status, message, more),
  "openai-responses": ({ status, message, more }) => openaiError(status, message, more),
  "anthropic-messages": ({ status, message, more }) => ({
    type: "error",
    error: { type: anthropicWords[status] ?? "api_error", message, ...more },
    request_id: "req_rotten",
  }),
  "gemini-generate": ({ status, message, more }) => ({
    error: { code: status, message, status: googleWords[status] ?? "UNKNOWN", ...more },
  }),
  "ollama-chat": ({ message }) => ({ error: message }),
};

/** The error body of a protocol; `more` goes into its error object. */
export function errorBodyOf(protocol: FaultProtocol, facts: Omit<ErrorFacts, "more"> & { more?: Fields }): Fields {
  return errorBodies[protocol]({ more: {}, ...facts });
}

const responsesWords: Readonly<Record<number, string>> = {
  400: "invalid_prompt",
  401: "invalid_api_key",
  429: "rate_limit_exceeded",
  500: "server_error",
};

/** An error as it stands inside of a stream. */
export function errorEventOf(protocol: FaultProtocol, status: number, message: string): string {
  if (protocol === "openai-responses") {
    const error = { code: responsesWords[status] ?? "server_error", message, param: null };
    return `event: error\ndata: ${JSON.stringify({ type: "error", sequence_number: 900, ...error })}\n\n`;
  }
  const json = JSON.stringify(errorBodyOf(protocol, { status, message }));
  if (protocol === "ollama-chat") return `${json}\n`;
  return protocol === "anthropic-messages" ? `event: error\ndata: ${json}\n\n` : `data: ${json}\n\n`;
}

/** A stream's own end when all went wrong; only Responses has one besides its errors. */
export function failedEventOf(protocol: FaultProtocol, status: number, message: string): string {
  if (protocol !== "openai-responses") return errorEventOf(protocol, status, message);
  const response = {
    ...responseOf({ id: "resp_rotten", model: "rotten" }),
    status: "failed",
    error: { code: responsesWords[status] ?? "server_error", message },
  };
  return `event: response.failed\ndata: ${JSON.stringify({ type: "response.failed", sequence_number: 900, response })}\n\n`;
}

/** A line that keeps a stream alive and says nothing; where the protocol has no comments, an empty line. */
export function commentOf(protocol: FaultProtocol): string {
  return protocol === "ollama-chat" ? "\n" : ": keep-alive\n\n";
}

/** One event of a stream with no JSON in it. */
export function brokenEventOf(protocol: FaultProtocol): string {
  return protocol === "ollama-chat" ? '{"model":"rotten","message":\n' : 'data: {"rotten": tru\n\n';
}
