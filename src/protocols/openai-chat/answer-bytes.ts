import { colon, quote } from "../../lib/json-characters.ts";
import { skipSpace, skipString } from "../../lib/json-scan.ts";

/** Where an answer's text stands in a chunk. Nearly always it is one of them; the first that says something counts, since thoughts are told under several names. */
const keys = ['"content"', '"arguments"', '"reasoning"', '"reasoning_content"', '"reasoning_text"', '"text"'] as const;

/** Length of all texts that a key has in an event. */
function lengthBehind(event: string, key: string, from: number): number {
  let length = 0;
  for (let at = event.indexOf(key, from); at !== -1; at = event.indexOf(key, at)) {
    at = skipSpace(event, at + key.length);
    // As a value it is no key: `"type":"text"`.
    if (event.charCodeAt(at) !== colon) continue;
    at = skipSpace(event, at + 1);
    if (event.charCodeAt(at) !== quote) continue;
    const end = skipString(event, at);
    length += end - at - 2;
    at = end;
  }
  return length;
}

/** Bytes of text in an event (latin1), from a position on, by a search and not by a parse; escapes count as they are written. */
export function answerBytesOf(event: string, from: number): number {
  try {
    for (const key of keys) {
      const length = lengthBehind(event, key, from);
      if (length > 0) return length;
    }
  } catch {
    // A text that is not closed: the event is no JSON, and its client's to judge.
  }
  return 0;
}
