import type { ProtocolName } from "../../src/config/protocol-names.ts";
import type { ReceivedRequest } from "./exchange.ts";
import { anthropicMessagesWire } from "./wire/anthropic-messages.ts";
import { geminiGenerateWire } from "./wire/gemini-generate.ts";
import { ollamaChatWire } from "./wire/ollama-chat.ts";
import { ollamaGenerateWire } from "./wire/ollama-generate.ts";
import { openaiChatWire } from "./wire/openai-chat.ts";
import { openaiCompletionsWire } from "./wire/openai-completions.ts";
import { openaiResponsesWire } from "./wire/openai-responses.ts";
import type { PlayedRequest, WireProtocol } from "./wire/wire.ts";

export const wires: Readonly<Record<ProtocolName, WireProtocol>> = {
  "openai-chat": openaiChatWire,
  "openai-completions": openaiCompletionsWire,
  "openai-responses": openaiResponsesWire,
  "anthropic-messages": anthropicMessagesWire,
  "gemini-generate": geminiGenerateWire,
  "ollama-chat": ollamaChatWire,
  "ollama-generate": ollamaGenerateWire,
};

/** Forms that our encoders never write, and that the real upstreams take from their own clients. */
const alsoTaken: Partial<Readonly<Record<ProtocolName, RegExp>>> = {
  // Ollama's client names the tool that answers, and no call.
  "ollama-chat": /: no call undefined waits for a result$/,
  // Schemas as OpenAPI has them; curl and older clients of Gemini write them.
  "gemini-generate": /functionDeclarations\[\d+\]\.parameters: unknown name$/,
};

/** What the real upstream would refuse in a request, whoever wrote it. */
export function violationsIn(protocol: ProtocolName, request: PlayedRequest): string[] {
  const taken = alsoTaken[protocol];
  return wires[protocol].violationsOf(request).filter((violation) => taken?.test(violation) !== true);
}

/** A request as the files of the protocols read it. */
export function playedRequest(request: ReceivedRequest): PlayedRequest {
  const { method, target, headerLines } = request;
  return {
    method,
    path: target,
    headers: new Headers(headerLines.map(([name, value]) => [name, value])),
    body: parsed(request.text),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where each upstream looks for its key; Ollama wants none. */
function keyOf({ target, headers }: ReceivedRequest): string | undefined {
  if (target.startsWith("/api/")) return undefined;
  if (target.startsWith("/v1beta/") || "x-goog-api-key" in headers) return headers["x-goog-api-key"] ?? "";
  const bearer = /^Bearer (\S+)$/.exec(headers["authorization"] ?? "")?.[1];
  return (target.startsWith("/v1/") ? headers["x-api-key"] : undefined) ?? bearer ?? "";
}

/** What is wrong with the headers that open an upstream's door, or must not travel at all. */
export function credentialViolations(request: ReceivedRequest, credential: string | undefined): string[] {
  const key = keyOf(request);
  const found = key === undefined || credential === undefined || key === credential ? [] : [`the key is '${key}'`];
  const strangers = ["cookie", "origin", "referer", "via", "x-forwarded-for", "x-real-ip", "x-orcestator-strict"];
  return [...found, ...strangers.filter((name) => name in request.headers).map((name) => `header ${name} came along`)];
}
