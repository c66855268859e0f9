import { type Member, skipSpace, type ScannedObject } from "../lib/json-scan.ts";
import { roughTokens } from "../protocols/canonical/count-tokens.ts";
import { eitherMember, innerOf, memberIn, valueOf } from "./body-scan.ts";

/** A picture, about; sounds and files vary. */
const mediaTokens = 1000;
/** Shorter texts are not worth looking for media in. */
const smallBody = 4096;
/** Encoded bytes have no white space; what is shorter than this may be a word. */
const longestWord = 200;

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

function isEncoded(text: string, start: number, end: number): boolean {
  if (end - start <= longestWord) return false;
  const beginning = text.slice(start, start + longestWord);
  return !beginning.includes(" ") && !beginning.includes(":");
}

interface Media {
  count: number;
  characters: number;
}

/** Adds the encoded text that begins at `start`; returns its end. */
function addEncoded(text: string, start: number, media: Media): number {
  const close = text.indexOf(quoteMark, start);
  const end = close === -1 ? text.length : close;
  if (isEncoded(text, start, end)) {
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
      at = skipSpace(text, addEncoded(text, at + 1, media) + 1);
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

function countIn(text: string, object: ScannedObject, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = valueOf(text, memberIn(object, name));
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    // Ollama's -1 and -2 stand for no bound.
    if (typeof number === "number" && Number.isFinite(number) && number > 0) return number;
  }
  return undefined;
}

/** How many tokens the answer may have; `undefined` = the request does not say. */
export function maxTokensOf(text: string, body: ScannedObject): number | undefined {
  return (
    countIn(text, body, "max_completion_tokens", "max_tokens", "max_output_tokens") ??
    countIn(
      text,
      innerOf(text, eitherMember(body, "generationConfig", "generation_config")),
      "maxOutputTokens",
      "max_output_tokens",
    ) ??
    countIn(text, innerOf(text, memberIn(body, "options")), "num_predict")
  );
}

/** More answers to one prompt than anybody asks for. */
const mostAnswers = 128;

function numberAt(text: string, member: Member | undefined): number {
  const value = valueOf(text, member);
  return typeof value === "number" && Number.isFinite(value) ? value : 1;
}

/** Answers that are asked for at once: `n`, `best_of`, Gemini's `candidateCount`. */
export function answersOf(text: string, body: ScannedObject): number {
  const settings = innerOf(text, eitherMember(body, "generationConfig", "generation_config"));
  const asked = Math.max(
    numberAt(text, memberIn(body, "n")),
    numberAt(text, memberIn(body, "best_of")),
    numberAt(text, eitherMember(settings, "candidateCount", "candidate_count")),
  );
  return Math.min(mostAnswers, Math.max(1, asked));
}
