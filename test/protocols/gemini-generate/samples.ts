import { latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import type { ClientView, Target } from "../../../src/protocols/canonical/codec.ts";
import { ordinaryTraits, type ModelTraits } from "../../../src/protocols/canonical/model-traits.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { geminiGenerate } from "../../../src/protocols/gemini-generate/index.ts";
import { conversationOf, viewOf } from "../../support/conversation.ts";
import { geminiGenerateWire } from "../../support/wire/gemini-generate.ts";
import { decodePieces, encodeEvents } from "../whole-stream.ts";

export const { codec } = geminiGenerate;
export const wire = geminiGenerateWire;

export function targetWith(traits: Partial<ModelTraits> = {}, model = "gemini-3.8-flash"): Target {
  return { model, provider: "gemini", origin: "google", traits: { ...ordinaryTraits, ...traits } };
}

export const gemini3 = targetWith({ geminiThinking: "level" });
export const gemini2 = targetWith({ geminiThinking: "budget", geminiGeneration: 2 }, "gemini-2.5-flash");

export function viewWith(changes: Partial<ClientView> = {}): ClientView {
  return viewOf({ conversation: conversationOf({ protocol: "gemini-generate" }), ...changes });
}

export type Json = Readonly<Record<string, unknown>>;

/** One response of a stream with these parts. */
export function response(parts: readonly Json[], more: { finishReason?: string; usage?: Json } = {}): Json {
  const { finishReason, usage } = more;
  return {
    candidates: [
      { content: { parts, role: "model" }, ...(finishReason === undefined ? {} : { finishReason }), index: 0 },
    ],
    ...(usage === undefined ? {} : { usageMetadata: usage }),
    modelVersion: "gemini-3.8-flash",
    responseId: "resp1",
  };
}

/** A stream (latin1) as Google writes it. */
export function streamOf(...responses: readonly Json[]): string {
  return responses.map((value) => `data: ${latin1OfUtf8(JSON.stringify(value))}\r\n\r\n`).join("");
}

export function decoded(pieces: readonly string[], origin = "google"): StreamEvent[] {
  return decodePieces(codec.stream.createDecoder({ origin }), pieces);
}

export function encoded(events: Iterable<StreamEvent>, view: ClientView = viewWith()): string {
  return encodeEvents(codec.stream.createEncoder(view), events);
}

/** Made-up ids of calls by the order they came in. */
export function withPlainIds(events: readonly StreamEvent[]): StreamEvent[] {
  let count = 0;
  return events.map((event) => {
    if (event.type !== "part-start" || event.part.type !== "tool_call") return event;
    count += 1;
    return { ...event, part: { ...event.part, id: `call ${count}` } };
  });
}
