import { type GatewayError, invalidRequest } from "../errors.ts";
import { elementsBackwards } from "../lib/json-backwards.ts";
import { setMember, type JsonEdit } from "../lib/json-edit.ts";
import {
  JsonScanError,
  scanDocument,
  scanMembers,
  type Member,
  type Range,
  type ScannedObject,
} from "../lib/json-scan.ts";
import { utf8OfLatin1 } from "../lib/latin1.ts";
import { fieldsOf, isFields, stringOf, type Fields } from "./fields.ts";

/** How the bytes of UTF-16 begin, with a mark or without: half of those of ASCII are zero. */
const utf16Start = /^(?:\xff\xfe|\xfe\xff|[^\0]\0|\0[^\0])/;

function brokenBody(text: string, error: JsonScanError, maxDepth: number): GatewayError {
  if (text.startsWith("\xef\xbb\xbf"))
    return invalidRequest("The request body begins with a byte order mark: save it as UTF-8 without BOM.");
  if (utf16Start.test(text)) return invalidRequest("The request body looks like UTF-16; send UTF-8.");
  const where = `at byte ${error.offset}`;
  if (error.message === "an object is expected")
    return invalidRequest(`The request body must be a JSON object (${error.message} ${where}).`);
  if (error.message === "the nesting is too deep")
    return invalidRequest(
      `The request body is nested deeper than ${maxDepth} levels (${where}); the limit is server.maxJsonDepth.`,
    );
  return invalidRequest(`The request body is not valid JSON: ${error.message} ${where}.`);
}

/** A request body's members (latin1); `maxDepth` is server.maxJsonDepth. Throws GatewayError (400) that says what is wrong and where; `wanted` names what belongs there. */
export function scanRequest(text: string, maxDepth: number, wanted: string): ScannedObject {
  try {
    return scanDocument(text, maxDepth);
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    if (text.trim() === "") throw invalidRequest(`The request body is empty; send a JSON object with \`${wanted}\`.`);
    throw brokenBody(text, error, maxDepth);
  }
}

/** The last value wins, as in every JSON parser. */
export function memberOf(object: ScannedObject, key: string): Member | undefined {
  const { members } = object;
  for (let index = members.length - 1; index >= 0; index -= 1) if (members[index]?.key === key) return members[index];
  return undefined;
}

/** Throws GatewayError (400) when the body has no such member. */
export function requiredMember(object: ScannedObject, key: string, advice: string): Member {
  const member = memberOf(object, key);
  if (member === undefined) throw invalidRequest(`\`${key}\` is missing; ${advice}.`, key);
  return member;
}

export function isLiteral(text: string, member: Member | undefined, literal: string): boolean {
  return member !== undefined && member.end - member.start === literal.length && text.startsWith(literal, member.start);
}

export function readModel(text: string, member: Member | undefined): string | undefined {
  if (member === undefined || isLiteral(text, member, "null")) return undefined;
  const model: unknown = JSON.parse(utf8OfLatin1(text.slice(member.start, member.end)));
  if (typeof model !== "string") throw invalidRequest("`model` must be a string: a name from /v1/models.", "model");
  return model === "" ? undefined : model;
}

export function isTrueMember(text: string, outer: Member | undefined, key: string): boolean {
  if (outer === undefined || text[outer.start] !== "{") return false;
  return isLiteral(text, memberOf(scanMembers(text, outer.start, Number.MAX_SAFE_INTEGER), key), "true");
}

/** Edits that ask for usage in the stream. */
export function usageEdits(text: string, object: ScannedObject): JsonEdit[] {
  const options = memberOf(object, "stream_options");
  if (options === undefined || text[options.start] !== "{")
    return setMember(object, "stream_options", '{"include_usage":true}');
  return setMember(scanMembers(text, options.start, Number.MAX_SAFE_INTEGER), "include_usage", "true");
}

/** A part of a message as text: its own, or its kind in brackets. */
export function textOfPart(part: unknown): string {
  const fields = fieldsOf(part);
  return stringOf(fields["text"]) ?? `[${stringOf(fields["type"]) ?? "part"}]`;
}

/** A message's content, which may be a text or a list of parts. */
export function textOfContent(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map(textOfPart).join(" ") : "";
}

/** Whether a message may be the user's: the word stands in it, or it has characters that stand for others. */
function mayBeUsers(message: string): boolean {
  return message.includes('"user"') || message.includes("\\u");
}

/**
 * Reads messages from the end until one has words of the user's: a long history costs nothing. `wordsOf` gives a user's
 * message as text, `undefined` when it says nothing of the user's own.
 */
export function lastUserText(
  text: string,
  messages: Range,
  wordsOf: (message: Fields) => string | undefined,
): string | undefined {
  for (const { start, end } of elementsBackwards(text, messages)) {
    const source = text.slice(start, end);
    if (!mayBeUsers(source)) continue;
    const message: unknown = JSON.parse(utf8OfLatin1(source));
    if (!isFields(message) || message["role"] !== "user") continue;
    const words = wordsOf(message);
    if (words !== undefined) return words;
  }
  return undefined;
}

/** Edits that take elements out of an array, each with one comma; the others stay as they are. */
export function withoutElements(elements: readonly Range[], isRemoved: (index: number) => boolean): JsonEdit[] {
  const edits: JsonEdit[] = [];
  let hasKept = false;
  for (const [index, { start, end }] of elements.entries()) {
    if (!isRemoved(index)) {
      hasKept = true;
      continue;
    }
    const from = hasKept ? (elements[index - 1]?.end ?? start) : start;
    const to = hasKept ? end : (elements[index + 1]?.start ?? end);
    edits.push({ start: from, end: to, text: "" });
  }
  return edits;
}

/** A scanned body as values, for the translate lane. */
export function parseRequest(text: string): Fields {
  const value: unknown = JSON.parse(utf8OfLatin1(text));
  if (!isFields(value)) throw invalidRequest("The request body must be a JSON object.");
  return value;
}
