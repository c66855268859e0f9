import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import type { ClientView, Target } from "../../../src/protocols/canonical/codec.ts";
import { ordinaryTraits, type ModelTraits } from "../../../src/protocols/canonical/model-traits.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { viewOf as clientView } from "../../support/conversation.ts";
import { openaiResponsesWire } from "../../support/wire/openai-responses.ts";
import type { Script } from "../../support/wire/wire.ts";
import { decodePieces, encodeEvents } from "../whole-stream.ts";

const usage = { input: 7, cacheRead: 3, cacheWrite: 2, output: 11, reasoning: 5 };

/** Answers of every kind. */
export const scripts: Readonly<Record<string, Script>> = {
  text: {
    id: "resp_text",
    model: "vendor/model-é",
    parts: [{ type: "text", text: 'Grüße, 世界 😀 "quoted" \\ and\n\nlines' }],
    finish: "end",
    usage,
  },
  "reasoning, text and two calls": {
    id: "resp_all",
    model: "m",
    parts: [
      { type: "reasoning", text: "Let me think… 🤔", signature: "gAAAA-enc" },
      { type: "text", text: "I will look." },
      { type: "tool_call", id: "call_1", name: "weather", input: '{"city":"Zürich 😀","days":[1,2]}' },
      { type: "tool_call", id: "call_2", name: "clock", input: "{}" },
    ],
    finish: "tool_calls",
    usage,
  },
  "reasoning that is encrypted only": {
    id: "resp_enc",
    model: "m",
    parts: [
      { type: "reasoning", text: "", signature: "gAAAA-only" },
      { type: "text", text: "Yes" },
    ],
    finish: "end",
    usage,
  },
  "cut by its length": {
    id: "resp_length",
    model: "m",
    parts: [{ type: "text", text: "This goes on and" }],
    finish: "length",
    usage,
  },
  "a call cut by its length": {
    id: "resp_cut",
    model: "m",
    parts: [{ type: "tool_call", id: "call_3", name: "write", input: '{"text":"half of' }],
    finish: "length",
    usage,
  },
  filtered: {
    id: "resp_filtered",
    model: "m",
    parts: [{ type: "text", text: "I" }],
    finish: "filtered",
    usage,
  },
};

export const scriptList = Object.values(scripts);

/** An upstream's stream as it comes (latin1). */
export function upstreamStream(script: Script): string {
  return latin1OfUtf8(openaiResponsesWire.stream(script).events.join(""));
}

function withoutEcho(event: string): string {
  return event
    .replace(/"background".*?"metadata":\{\},/s, "")
    .replace(/"parallel_tool_calls".*?"truncation":"disabled",/s, "");
}

/** The same without what a response repeats of its request: for tests that read a stream thousands of times. */
export function shortStream(script: Script): string {
  return latin1OfUtf8(openaiResponsesWire.stream(script).events.map(withoutEcho).join(""));
}

export function upstreamAnswer(script: Script): string {
  return latin1OfUtf8(openaiResponsesWire.whole(script).body);
}

export const origin = "openai-main";

export function targetWith(traits: Partial<ModelTraits> = {}, further: Partial<Target> = {}): Target {
  return { model: "gpt-x", provider: "openai", origin, traits: { ...ordinaryTraits, ...traits }, ...further };
}

/** The body of a client's request, read; the model's answer says `shown`. */
export function viewOf(body: Readonly<Record<string, unknown>>, changes: Partial<ClientView> = {}): ClientView {
  return clientView({
    model: "shown",
    conversation: openaiResponses.codec.request.decode({ input: "Hi", ...body }, {}),
    body,
    startedAt: 1_790_000_000_000,
    estimatedInputTokens: 1,
    answerId: "resp_kept",
    ...changes,
  });
}

/** Events as a client's stream, in UTF-8. */
export function encodeStream(events: Iterable<StreamEvent>, view: ClientView = viewOf({})): string {
  return utf8OfLatin1(encodeEvents(openaiResponses.codec.stream.createEncoder(view), events));
}

export interface ClientEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [member: string]: unknown;
}

/** The events of a stream in UTF-8. */
export function eventsOf(stream: string): ClientEvent[] {
  return stream
    .split("\n\n")
    .filter((text) => text.startsWith("event:"))
    .map((text) => JSON.parse(text.slice(text.indexOf("\ndata: ") + "\ndata: ".length)) as ClientEvent);
}

export function typesOf(stream: string): string[] {
  return eventsOf(stream).map(({ type }) => type);
}

/** Decodes a stream (latin1) given in pieces. */
export function decodeStream(pieces: readonly string[]): StreamEvent[] {
  return decodePieces(openaiResponses.codec.stream.createDecoder({ origin }), pieces);
}

/** Deltas of one part joined, as pieces may be cut anywhere. */
export function joined(events: readonly StreamEvent[]): StreamEvent[] {
  const result: StreamEvent[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.type === "part-delta" && last?.type === "part-delta" && last.index === event.index)
      result[result.length - 1] = { ...last, text: last.text + event.text };
    else result.push(event);
  }
  return result;
}

/** Events with the given types and fields as an upstream's stream (latin1). */
export function streamOfEvents(events: readonly (readonly [string, Readonly<Record<string, unknown>>])[]): string {
  const texts = events.map(([type, fields], index) => {
    const data = JSON.stringify({ type, sequence_number: index, ...fields });
    return `event: ${type}\ndata: ${data}\n\n`;
  });
  return latin1OfUtf8(texts.join(""));
}
