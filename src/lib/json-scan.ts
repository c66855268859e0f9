import { backslash, closeBrace, closeBracket, colon, comma, openBrace, openBracket, quote } from "./json-characters.ts";

/** Half-open range of characters. */
export interface Range {
  start: number;
  end: number;
}

/** One `key: value` of an object; the range is the value's. */
export interface Member extends Range {
  key: string;
}

export interface ScannedObject {
  members: Member[];
  /** Just behind the opening brace. */
  open: number;
  /** At the closing brace. */
  close: number;
}

export class JsonScanError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "JsonScanError";
    this.offset = offset;
  }
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

/** End of the string that begins at `start`, behind its closing quote. */
export function skipString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (; end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end + 1;
  }
  throw new JsonScanError("a string is not closed", start);
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function skipScalar(text: string, start: number): number {
  if (text.startsWith("true", start) || text.startsWith("null", start)) return start + 4;
  if (text.startsWith("false", start)) return start + 5;
  number.lastIndex = start;
  if (!number.test(text))
    throw new JsonScanError(start >= text.length ? "the text ends too early" : "a value is expected", start);
  return number.lastIndex;
}

/** End of the value that begins at `start`; structure is checked all the way, the inside of strings is not. */
function skipValue(text: string, start: number, depth: number): number {
  const code = text.charCodeAt(start);
  if (code === quote) return skipString(text, start);
  if (code !== openBrace && code !== openBracket) return skipScalar(text, start);
  if (depth <= 0) throw new JsonScanError("the nesting is too deep", start);
  return code === openBrace ? skipObject(text, start, depth) : skipArray(text, start, depth);
}

function skipArray(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === closeBracket) return at + 1;
  for (;;) {
    at = skipSpace(text, skipValue(text, at, depth - 1));
    const code = text.charCodeAt(at);
    if (code === closeBracket) return at + 1;
    if (code !== comma) throw new JsonScanError("a comma or ] is expected", at);
    at = skipSpace(text, at + 1);
  }
}

/** End of the key at `at`. */
function skipKey(text: string, at: number): number {
  if (text.charCodeAt(at) !== quote) throw new JsonScanError("a key in quotes is expected", at);
  return skipString(text, at);
}

/** Position of the value that follows a key's end. */
function valueBehind(text: string, keyEnd: number): number {
  const at = skipSpace(text, keyEnd);
  if (text.charCodeAt(at) !== colon) throw new JsonScanError("a colon is expected", at);
  return skipSpace(text, at + 1);
}

function skipObject(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === closeBrace) return at + 1;
  for (;;) {
    at = skipSpace(text, skipValue(text, valueBehind(text, skipKey(text, at)), depth - 1));
    const code = text.charCodeAt(at);
    if (code === closeBrace) return at + 1;
    if (code !== comma) throw new JsonScanError("a comma or } is expected", at);
    at = skipSpace(text, at + 1);
  }
}

function keyOf(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  // An escaped key names the same member: "mod\u0065l" is `model`.
  if (!raw.includes("\\")) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    throw new JsonScanError("a key has a broken escape", start);
  }
}

/** The members of the object that begins at `from`; the inside of strings is not checked. Throws JsonScanError where the text is no JSON object. */
export function scanMembers(text: string, from: number, maxDepth: number): ScannedObject {
  if (text.charCodeAt(from) !== openBrace) throw new JsonScanError("an object is expected", from);
  const members: Member[] = [];
  const open = from + 1;
  let at = skipSpace(text, open);
  if (text.charCodeAt(at) === closeBrace) return { members, open, close: at };
  for (;;) {
    const keyEnd = skipKey(text, at);
    const start = valueBehind(text, keyEnd);
    const end = skipValue(text, start, maxDepth - 1);
    members.push({ key: keyOf(text, at, keyEnd), start, end });
    at = skipSpace(text, end);
    const code = text.charCodeAt(at);
    if (code === closeBrace) return { members, open, close: at };
    if (code !== comma) throw new JsonScanError("a comma or } is expected", at);
    at = skipSpace(text, at + 1);
  }
}

// oxlint-disable-next-line no-control-regex -- the opposite, `[^ -\uffff]`, takes twelve times as long
const control = /[\u0000-\u001f]/;
const oddEscape = /\\(?:[^"\\/bfnrtu]|u(?![0-9a-fA-F]{4}))/g;

/** Whether the backslash at `at` begins an escape, and is not itself the escaped one of a pair. */
function beginsEscape(text: string, at: number): boolean {
  let before = at;
  while (text.charCodeAt(before - 1) === backslash) before -= 1;
  return (at - before) % 2 === 0;
}

/** Two searches over the whole text, since next to none has an odd escape or a line break; its structure must be sound. */
function checkStrings(text: string): void {
  oddEscape.lastIndex = 0;
  for (let match = oddEscape.exec(text); match !== null; match = oddEscape.exec(text))
    if (beginsEscape(text, match.index)) throw new JsonScanError("a string has a broken escape", match.index);
  if (!control.test(text)) return;
  let end = 0;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', end)) {
    end = skipString(text, start);
    const at = text.slice(start, end).search(control);
    if (at !== -1) throw new JsonScanError("a string has a line break or another control character", start + at);
  }
}

/** As `scanMembers`, for a whole document: strings are checked too, and nothing but white space may follow. */
export function scanDocument(text: string, maxDepth: number): ScannedObject {
  const scanned = scanMembers(text, skipSpace(text, 0), maxDepth);
  const end = skipSpace(text, scanned.close + 1);
  if (end < text.length) throw new JsonScanError("there is text behind the end of the object", end);
  checkStrings(text);
  return scanned;
}

/** End of the value at `start`. The text must have been scanned before, as for all that follow. */
export function valueEnd(text: string, start: number): number {
  return skipValue(text, start, Number.MAX_SAFE_INTEGER);
}

/** Shows the beginnings of an array's elements to `visit`, which gives their ends; returns the array's own. */
export function walkElements(text: string, start: number, visit: (at: number) => number): number {
  let at = skipSpace(text, start + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    at = skipSpace(text, visit(at));
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return at + 1;
}

/** The same with an object's members. */
export function walkMembers(text: string, start: number, visit: (key: string, at: number) => number): number {
  let at = skipSpace(text, start + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBrace) {
    const keyEnd = skipKey(text, at);
    at = skipSpace(text, visit(keyOf(text, at, keyEnd), valueBehind(text, keyEnd)));
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return at + 1;
}

/** Ranges of the elements of the array at `start`; empty when the value is no array. */
export function scanElements(text: string, start: number): Range[] {
  const elements: Range[] = [];
  if (text.charCodeAt(start) !== openBracket) return elements;
  walkElements(text, start, (at) => {
    const end = valueEnd(text, at);
    elements.push({ start: at, end });
    return end;
  });
  return elements;
}

/**
 * Whether a text has enough opening brackets, wherever they stand, to be nested deeper than `maxDepth`. Next to none
 * has, so that it is a cheap question before a parse, which takes its time over such a text.
 */
export function mayBeDeeper(text: string, maxDepth: number): boolean {
  if (text.length <= maxDepth) return false;
  let left = maxDepth;
  for (const bracket of ["[", "{"]) {
    for (let at = text.indexOf(bracket); at !== -1 && left >= 0; at = text.indexOf(bracket, at + 1)) left -= 1;
  }
  return left < 0;
}
