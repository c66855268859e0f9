import type { Range } from "./json-scan.ts";
import { backslash, closeBrace, closeBracket, comma, openBrace, openBracket, quote } from "./json-characters.ts";

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Opening quote of the string that ends with the quote at `close`: the first one backwards that is not escaped. */
function stringStart(text: string, close: number): number {
  let open = text.lastIndexOf('"', close - 1);
  for (; open > 0; open = text.lastIndexOf('"', open - 1)) {
    let before = open;
    while (text.charCodeAt(before - 1) === backslash) before -= 1;
    if ((open - before) % 2 === 0) return open;
  }
  return open;
}

/** Start of the value that ends with the character at `last`. */
function valueStart(text: string, last: number): number {
  let depth = 0;
  for (let at = last; at > 0; at -= 1) {
    const code = text.charCodeAt(at);
    if (code === quote) at = stringStart(text, at);
    else if (code === closeBracket || code === closeBrace) depth += 1;
    else if (code === openBracket || code === openBrace) depth -= 1;
    else if (depth > 0 || !isScalarStart(text, at)) continue;
    if (depth === 0) return at;
  }
  return 0;
}

function isScalarStart(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  return before === comma || before === openBracket || isSpace(before);
}

/**
 * The elements of an array from its last to its first. The text must have been scanned before: only then is every quote
 * one that opens or closes a string, or escaped. Whoever stops early has paid for what was looked at only.
 */
export function* elementsBackwards(text: string, array: Range): Generator<Range, void, undefined> {
  if (text.charCodeAt(array.start) !== openBracket) return;
  let at = array.end - 2;
  for (;;) {
    while (at > array.start && (isSpace(text.charCodeAt(at)) || text.charCodeAt(at) === comma)) at -= 1;
    if (at <= array.start) return;
    const start = valueStart(text, at);
    yield { start, end: at + 1 };
    at = start - 1;
  }
}
