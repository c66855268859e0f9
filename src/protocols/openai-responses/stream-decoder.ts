import { createEventSplitter, dataOf } from "../../lib/sse.ts";
import type { StreamDecoder, StreamEvent } from "../canonical/stream.ts";
import { filledOf, stringOf, type Fields } from "../fields.ts";
import { parseMessage } from "../json-message.ts";
import { createAnswerReader } from "./answer-reader.ts";

const eventLine = /(?:^|[\r\n])event:[ ]?([^\r\n]*)/;

/** The event's name stands in its data; some upstreams say it only on its own line. */
function typeOf(text: string, event: Fields): string {
  return filledOf(event["type"]) ?? stringOf(eventLine.exec(text)?.[1]) ?? "";
}

/** A Responses upstream's stream as events. */
export function createResponsesDecoder({ origin }: { origin: string }): StreamDecoder {
  const splitter = createEventSplitter();
  let events: StreamEvent[] = [];
  const reader = createAnswerReader({ origin, emit: (event) => void events.push(event) });

  function read(texts: readonly string[]): StreamEvent[] {
    for (const text of texts) {
      if (reader.isEnded()) break;
      const data = dataOf(text);
      const event = data === undefined ? undefined : parseMessage(data.text);
      // Comments, `[DONE]`, and what cannot be read.
      if (event !== undefined) reader.take(typeOf(text, event), event);
    }
    const taken = events;
    events = [];
    return taken;
  }

  return {
    push: (chunk) => (reader.isEnded() ? [] : read(splitter.push(chunk))),
    end: () => read([splitter.rest()]),
    isEnded: () => reader.isEnded(),
    waiting: () => splitter.waiting(),
  };
}
