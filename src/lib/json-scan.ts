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

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

export function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

function skipString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (; end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end + 1;
  }
  throw new JsonScanError("a string is not closed", start);
}

const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function skipScalar(text: string, start: number): number {
  scalar.lastIndex = start;
  if (!scalar.test(text))
    throw new JsonScanError(start >= text.length ? "the text ends too early" : "a value is expected", start);
  return scalar.lastIndex;
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

/** Position of the value that follows the key at `at`. */
function skipKey(text: string, at: number): number {
  if (text.charCodeAt(at) !== quote) throw new JsonScanError("a key in quotes is expected", at);
  const end = skipSpace(text, skipString(text, at));
  if (text.charCodeAt(end) !== colon) throw new JsonScanError("a colon is expected", end);
  return skipSpace(text, end + 1);
}

function skipObject(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === closeBrace) return at + 1;
  for (;;) {
    at = skipSpace(text, skipValue(text, skipKey(text, at), depth - 1));
    const code = text.charCodeAt(at);
    if (code === closeBrace) return at + 1;
    if (code !== comma) throw new JsonScanError("a comma or } is expected", at);
    at = skipSpace(text, at + 1);
  }
}

function keyAt(text: string, at: number): string {
  const end = skipString(text, at);
  const raw = text.slice(at + 1, end - 1);
  // An escaped key names the same member: "mod\u0065l" is `model`.
  if (!raw.includes("\\")) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    throw new JsonScanError("a key has a broken escape", at);
  }
}

/** The members of the object that begins at `start`. Throws JsonScanError where the text is no JSON object. */
export function scanMembers(text: string, start: number, maxDepth: number): ScannedObject {
  if (text.charCodeAt(start) !== openBrace) throw new JsonScanError("an object is expected", start);
  const members: Member[] = [];
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === closeBrace) return { members, open: start + 1, close: at };
  for (;;) {
    const valueStart = skipKey(text, at);
    const valueEnd = skipValue(text, valueStart, maxDepth - 1);
    members.push({ key: keyAt(text, at), start: valueStart, end: valueEnd });
    at = skipSpace(text, valueEnd);
    const code = text.charCodeAt(at);
    if (code === closeBrace) return { members, open: start + 1, close: at };
    if (code !== comma) throw new JsonScanError("a comma or } is expected", at);
    at = skipSpace(text, at + 1);
  }
}

/** As `scanMembers`, for a whole document: nothing but white space may follow. */
export function scanDocument(text: string, maxDepth: number): ScannedObject {
  const scanned = scanMembers(text, skipSpace(text, 0), maxDepth);
  const end = skipSpace(text, scanned.close + 1);
  if (end < text.length) throw new JsonScanError("there is text behind the end of the object", end);
  return scanned;
}

/** Ranges of the elements of the array at `start`; empty when the value is no array. The text must have been scanned before. */
export function scanElements(text: string, start: number): Range[] {
  const elements: Range[] = [];
  if (text.charCodeAt(start) !== openBracket) return elements;
  let at = skipSpace(text, start + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    const end = skipValue(text, at, Number.MAX_SAFE_INTEGER);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return elements;
}
