import { skipSpace } from "../lib/json-scan.ts";
import { roughTokens } from "../protocols/canonical/count-tokens.ts";

/** A picture, about; sounds and files vary. */
const mediaTokens = 1000;
/** Shorter texts are not worth looking for media in. */
const smallBody = 4096;
/** What is shorter may be a word. */
const longestWord = 200;
/** Of either alphabet. Some encoders of JSON write `\/` for `/`. */
const base64 = /[A-Za-z0-9+/=_-]*/y;
const escapedSlash = String.raw`\/`;

const quoteMark = '"';

/** How media begin: data URLs, and the members that hold plain base64. */
const mediaMarks = [";base64,", '"data"', '"file_data"'] as const;

/** Position behind the opening quote of the value that a mark announces; -1 = none. */
function mediaStart(text: string, at: number, mark: string): number {
  const behind = at + mark.length;
  if (!mark.startsWith(quoteMark)) return behind;
  const colon = skipSpace(text, behind);
  if (text[colon] !== ":") return -1;
  const value = skipSpace(text, colon + 1);
  return text[value] === quoteMark ? value + 1 : -1;
}

/** Where the encoded bytes end that begin at `start`: what follows them is text like any other. */
function encodedEnd(text: string, start: number): number {
  for (let at = start; ; at += escapedSlash.length) {
    base64.lastIndex = at;
    base64.test(text);
    at = base64.lastIndex;
    if (!text.startsWith(escapedSlash, at)) return at;
  }
}

interface Media {
  count: number;
  characters: number;
}

/** Adds the encoded bytes that begin at `start`; returns their end. */
function addEncoded(text: string, start: number, media: Media): number {
  const end = encodedEnd(text, start);
  if (end - start > longestWord) {
    media.count += 1;
    media.characters += end - start;
  }
  return end;
}

function addMarked(text: string, mark: string, media: Media): void {
  for (let at = text.indexOf(mark); at !== -1;) {
    const start = mediaStart(text, at, mark);
    at = text.indexOf(mark, start === -1 ? at + mark.length : addEncoded(text, start, media));
  }
}

/** Ollama's: a list of plain base64 texts. */
function addLists(text: string, media: Media): void {
  const mark = '"images"';
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at)) {
    at = skipSpace(text, at + mark.length);
    if (text[at] !== ":") continue;
    at = skipSpace(text, at + 1);
    if (text[at] !== "[") continue;
    at = skipSpace(text, at + 1);
    while (text[at] === quoteMark) {
      const end = addEncoded(text, at + 1, media);
      if (text[end] !== quoteMark) break;
      at = skipSpace(text, end + 1);
      if (text[at] === ",") at = skipSpace(text, at + 1);
    }
  }
}

/** About how many tokens a prompt has: its text by its length, each picture or file as one, however many bytes it has. */
export function promptTokensOf(text: string): number {
  if (text.length <= smallBody) return roughTokens(text.length);
  const media: Media = { count: 0, characters: 0 };
  for (const mark of mediaMarks) addMarked(text, mark, media);
  addLists(text, media);
  return roughTokens(Math.max(0, text.length - media.characters)) + media.count * mediaTokens;
}
