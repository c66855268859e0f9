import { JsonScanError, scanDocument, scanElements, skipSpace } from "../../lib/json-scan.ts";
import { utf8OfLatin1 } from "../../lib/latin1.ts";
import { createEventSplitter, dataOf } from "../../lib/sse.ts";
import type { Framed, Framer } from "../event-editor.ts";
import { jsonOf, isFields } from "../fields.ts";

const deepestResponse = 1000;

/** Whether a text (latin1) is a JSON object. */
function isObject(json: string): boolean {
  try {
    scanDocument(json, deepestResponse);
    return isFields(jsonOf(utf8OfLatin1(json)));
  } catch (error) {
    if (error instanceof JsonScanError) return false;
    throw error;
  }
}

/** Where in a piece of a stream a JSON object stands that is no event; Google ends a broken stream with one, in brackets or not. */
function bareObject(text: string): { start: number; end: number } | undefined {
  const start = skipSpace(text, text.startsWith("\u00ef\u00bb\u00bf") ? 3 : 0);
  if (text[start] === "{") return { start, end: text.trimEnd().length };
  if (text[start] !== "[") return undefined;
  try {
    return scanElements(text, start)[0];
  } catch (error) {
    if (error instanceof JsonScanError) return undefined;
    throw error;
  }
}

/** What stands in one piece of an upstream's stream: a JSON object, in an event or bare. */
export function framedResponse(event: string): Framed | undefined {
  const data = dataOf(event);
  if (data !== undefined) return { text: event, json: data.text, position: (offset) => data.position(offset) };
  const bare = bareObject(event);
  if (bare === undefined) return undefined;
  const json = event.slice(bare.start, bare.end);
  return isObject(json) ? { text: event, json, position: (offset) => offset + bare.start } : undefined;
}

/** Server-sent events as they come. */
export function createResponseFramer(): Framer {
  const splitter = createEventSplitter();
  return {
    push: (chunk) => splitter.push(chunk).map((event) => framedResponse(event) ?? event),
    end() {
      const rest = splitter.rest();
      const framed = framedResponse(rest);
      // Half an event would merge with whatever is written behind it.
      if (framed === undefined || !isObject(framed.json)) return [];
      return [{ ...framed, text: rest + (rest.endsWith("\n") ? "\n" : "\n\n") }];
    },
    waiting: () => splitter.waiting(),
  };
}

/** What stands before every element of an array but the first. */
export const separator = ",\r\n";

function elementsOf(pieces: readonly (Framed | string)[]): Framed[] {
  return pieces.flatMap((piece) => {
    if (typeof piece === "string" || !isObject(piece.json)) return [];
    const { json } = piece;
    return [{ text: separator + json, json, position: (offset) => offset + separator.length }];
  });
}

/** Server-sent events as elements of a JSON array, each with the separator before it; whatever else there is falls away. */
export function createElementFramer(): Framer {
  const events = createResponseFramer();
  return {
    push: (chunk) => elementsOf(events.push(chunk)),
    end: () => elementsOf(events.end()),
    waiting: () => events.waiting(),
  };
}
