import { createEventSplitter, dataOf } from "../../lib/sse.ts";
import type { StreamDecoder, StreamEvent } from "../canonical/stream.ts";
import { filledOf, stringOf, type Fields } from "../fields.ts";
import { parseMessage } from "../json-message.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { createAnswerReader } from "./answer-reader.ts";

/** So many events in a row that cannot be read are no accident. */
const mostUnreadable = 3;

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
  /** Events in a row that could not be read. */
  let unreadable = 0;
  let hasGivenUp = false;

  const isEnded = (): boolean => hasGivenUp || reader.isEnded();

  function skip(data: string): void {
    if (data.trim() === "" || data.trim() === "[DONE]") return;
    unreadable += 1;
    if (unreadable < mostUnreadable) return;
    hasGivenUp = true;
    const message = `The upstream sent ${mostUnreadable} events in a row that are no JSON objects.`;
    events.push({ type: "error", error: invalidAnswer(message) });
  }

  function readOne(text: string): void {
    const data = dataOf(text);
    // A comment.
    if (data === undefined) return;
    const event = parseMessage(data.text);
    if (event === undefined) {
      skip(data.text);
      return;
    }
    unreadable = 0;
    reader.take(typeOf(text, event), event);
  }

  function read(texts: readonly string[]): StreamEvent[] {
    for (const text of texts) {
      if (isEnded()) break;
      readOne(text);
    }
    const taken = events;
    events = [];
    return taken;
  }

  return {
    push: (chunk) => (isEnded() ? [] : read(splitter.push(chunk))),
    // Half an event is no broken one: the stream was cut there.
    end() {
      const rest = splitter.rest();
      const data = dataOf(rest);
      return data === undefined || parseMessage(data.text) === undefined ? [] : read([rest]);
    },
    isEnded,
    waiting: () => splitter.waiting(),
  };
}
