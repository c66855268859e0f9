import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import type { ClientView, EncodedRequest, Target } from "../../../src/protocols/canonical/codec.ts";
import type { Conversation, Part, Turn } from "../../../src/protocols/canonical/conversation.ts";
import { ordinaryTraits, type ModelTraits } from "../../../src/protocols/canonical/model-traits.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import type { Fields } from "../../../src/protocols/fields.ts";
import { openaiChatCodec } from "../../../src/protocols/openai-chat/codec.ts";
import { conversationOf as anyConversation, viewOf as clientView } from "../../support/conversation.ts";
import { violationsOf } from "../../support/wire/openai-chat-request.ts";
import { openaiChatWire } from "../../support/wire/openai-chat.ts";
import type { PlayedAnswer } from "../../support/wire/wire.ts";
import { decodePieces, encodeEvents } from "../whole-stream.ts";

export const codec = openaiChatCodec;
export const origin = "upstream-a";

/** A target of an ordinary server; `traits` may hold the type of provider, too. */
export function targetOf({
  provider = "openai-compatible",
  ...traits
}: Partial<ModelTraits> & { provider?: string } = {}): Target {
  return { model: "vendor/model", provider, origin, traits: { ...ordinaryTraits, ...traits } };
}

export const openaiTarget = targetOf({
  provider: "openai",
  sampling: "none",
  outputLimit: "max_completion_tokens",
  developerRole: true,
  extraSampling: false,
});

export const openrouterTarget = targetOf({
  provider: "openrouter",
  chatReasoning: "reasoning",
  chatCache: "cache_control",
});

export function turn(role: Turn["role"], ...parts: (Part | string)[]): Turn {
  return { role, parts: parts.map((part) => (typeof part === "string" ? { type: "text", text: part } : part)) };
}

/** Of a client that speaks another protocol. */
export function conversationOf(changes: Partial<Conversation> = {}): Conversation {
  return anyConversation({ protocol: "anthropic-messages", ...changes });
}

export function decoded(body: Fields): Conversation {
  return codec.request.decode({ messages: [{ role: "user", content: "Hi" }], ...body }, {});
}

/** Encodes a request and checks it with what servers of the protocol refuse. */
export function encoded(
  changes: Partial<Conversation>,
  target = targetOf(),
): EncodedRequest & { violations: string[] } {
  const request = codec.request.encode(conversationOf(changes), target);
  const body: unknown = JSON.parse(JSON.stringify(request.body));
  const headers = new Headers({ "content-type": "application/json" });
  return { ...request, violations: violationsOf({ method: "POST", path: "/v1/chat/completions", headers, body }) };
}

export function bodyOf(changes: Partial<Conversation>, target = targetOf()): Fields {
  const { body, violations } = encoded(changes, target);
  if (violations.length > 0) throw new Error(violations.join("; "));
  return body;
}

export function messagesOf(changes: Partial<Conversation>, target = targetOf()): Fields[] {
  return bodyOf(changes, target)["messages"] as Fields[];
}

export function viewOf(changes: Partial<ClientView> = {}): ClientView {
  return clientView({
    model: "shown-ü",
    wantsUsage: false,
    startedAt: 1_790_000_000_123,
    estimatedInputTokens: 1,
    ...changes,
  });
}

export function sse(...data: (Fields | string)[]): string {
  return data.map((entry) => `data: ${typeof entry === "string" ? entry : JSON.stringify(entry)}\n\n`).join("");
}

export function chunk(delta: Fields, more: Fields = {}): Fields {
  const { finish_reason: finish = null, logprobs, index = 0, stop_reason: stop, ...rest } = more;
  const choice = {
    index,
    delta,
    finish_reason: finish,
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(stop === undefined ? {} : { stop_reason: stop }),
  };
  return { id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice], ...rest };
}

export const end = (reason = "stop", more: Fields = {}): Fields => chunk({}, { finish_reason: reason, ...more });

/** All events of a stream, given in pieces. */
export function eventsOf(stream: string | readonly string[]): StreamEvent[] {
  const pieces = typeof stream === "string" ? [stream] : stream;
  return decodePieces(codec.stream.createDecoder({ origin }), pieces.map(latin1OfUtf8));
}

/** Events in a form that is short to write down: `text|…`, `call f c1|…`, `finish …`. */
export function told(events: readonly StreamEvent[]): string[] {
  const lines: string[] = [];
  for (const event of events) {
    if (event.type === "part-start") {
      const { part } = event;
      lines.push(part.type === "tool_call" ? `${part.kind} ${part.name} ${part.id}|` : `${part.type}|`);
    } else if (event.type === "part-delta") lines[lines.length - 1] += event.text;
    else if (event.type === "part-opaque") lines.push(`${event.opaque.kind} ${event.opaque.data}`);
    else if (event.type === "finish") lines.push(`finish ${event.finish.reason}`);
    else if (event.type === "error") lines.push(`error ${event.error.code}: ${event.error.message}`);
    else if (event.type === "usage") lines.push(`usage ${JSON.stringify(event.usage)}`);
  }
  return lines;
}

/** What a client gets for events. */
export function streamOf(events: readonly StreamEvent[], changes: Partial<ClientView> = {}): string {
  return utf8OfLatin1(encodeEvents(codec.stream.createEncoder(viewOf(changes)), events));
}

/** What is wrong with a stream that a client got. */
export function problemsOf(stream: string): string[] {
  return openaiChatWire.problemsOf(stream);
}

export function contentOf(answer: string): PlayedAnswer {
  return openaiChatWire.contentOf(answer);
}
