import { type GatewayError, invalidRequest } from "../../errors.ts";
import { elementsBackwards } from "../../lib/json-backwards.ts";
import { setMember, type JsonEdit } from "../../lib/json-edit.ts";
import { JsonScanError, scanDocument, scanMembers, type Member, type ScannedObject } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import type { Envelope } from "../protocol.ts";

/** How the bytes of UTF-16 begin, with a mark or without: half of those of ASCII are zero. */
const utf16Start = /^(?:\xff\xfe|\xfe\xff|[^\0]\0|\0[^\0])/;

function brokenBody(text: string, error: JsonScanError): GatewayError {
  if (text.startsWith("\xef\xbb\xbf"))
    return invalidRequest("The request body begins with a byte order mark: save it as UTF-8 without BOM.");
  if (utf16Start.test(text)) return invalidRequest("The request body looks like UTF-16; send UTF-8.");
  const where = `at byte ${error.offset}`;
  if (error.message === "an object is expected")
    return invalidRequest(`The request body must be a JSON object (${error.message} ${where}).`);
  return invalidRequest(`The request body is not valid JSON: ${error.message} ${where}.`);
}

function scan(text: string, maxDepth: number): ScannedObject {
  try {
    return scanDocument(text, maxDepth);
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    if (text.trim() === "") throw invalidRequest("The request body is empty; send a JSON object with `messages`.");
    throw brokenBody(text, error);
  }
}

/** The last value wins, as in every JSON parser. */
function memberOf(object: ScannedObject, key: string): Member | undefined {
  const { members } = object;
  for (let index = members.length - 1; index >= 0; index -= 1) if (members[index]?.key === key) return members[index];
  return undefined;
}

function isLiteral(text: string, member: Member | undefined, literal: string): boolean {
  return member !== undefined && member.end - member.start === literal.length && text.startsWith(literal, member.start);
}

function readModel(text: string, member: Member | undefined): string | undefined {
  if (member === undefined || isLiteral(text, member, "null")) return undefined;
  const model: unknown = JSON.parse(utf8OfLatin1(text.slice(member.start, member.end)));
  if (typeof model !== "string") throw invalidRequest("`model` must be a string: a name from /v1/models.", "model");
  return model === "" ? undefined : model;
}

function isTrueMember(text: string, outer: Member | undefined, key: string): boolean {
  if (outer === undefined || text[outer.start] !== "{") return false;
  return isLiteral(text, memberOf(scanMembers(text, outer.start, Number.MAX_SAFE_INTEGER), key), "true");
}

function usageEdits(text: string, object: ScannedObject): JsonEdit[] {
  const options = memberOf(object, "stream_options");
  if (options === undefined || text[options.start] !== "{")
    return setMember(object, "stream_options", '{"include_usage":true}');
  return setMember(scanMembers(text, options.start, Number.MAX_SAFE_INTEGER), "include_usage", "true");
}

interface ContentPart {
  type?: unknown;
  text?: unknown;
}

function textOfContent(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: ContentPart | null) =>
      typeof part?.text === "string" ? part.text : `[${typeof part?.type === "string" ? part.type : "part"}]`,
    )
    .join(" ");
}

/** Whether a message may be the user's: the word stands in it, or it has characters that stand for others. */
function mayBeUsers(message: string): boolean {
  return message.includes('"user"') || message.includes("\\u");
}

/** Reads messages from the end until one is the user's: a long history costs nothing. */
function lastUserText(text: string, messages: Member, limit: number): string | undefined {
  for (const { start, end } of elementsBackwards(text, messages)) {
    const source = text.slice(start, end);
    if (!mayBeUsers(source)) continue;
    const message: unknown = JSON.parse(utf8OfLatin1(source));
    if (typeof message !== "object" || message === null || !("role" in message) || message.role !== "user") continue;
    return textOfContent("content" in message ? message.content : undefined).slice(0, limit);
  }
  return undefined;
}

class ChatEnvelope implements Envelope {
  readonly text: string;
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly wantsUsage: boolean;
  private readonly object: ScannedObject;
  private readonly messages: Member;

  constructor(text: string, object: ScannedObject, messages: Member) {
    this.text = text;
    this.object = object;
    this.messages = messages;
    this.model = readModel(text, memberOf(object, "model"));
    this.stream = isLiteral(text, memberOf(object, "stream"), "true");
    this.wantsUsage =
      isTrueMember(text, memberOf(object, "stream_options"), "include_usage") ||
      isTrueMember(text, memberOf(object, "usage"), "include");
  }

  lastUserText(limit: number): string | undefined {
    return lastUserText(this.text, this.messages, limit);
  }

  edits({ model, injectUsage }: { model: string; injectUsage: boolean }): JsonEdit[] {
    const edits = setMember(this.object, "model", latin1OfUtf8(JSON.stringify(model)));
    return injectUsage ? [...edits, ...usageEdits(this.text, this.object)] : edits;
  }
}

/** Reads the envelope of a chat completion request. */
export function peekChatRequest(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scan(text, maxDepth);
  const messages = memberOf(object, "messages");
  if (messages === undefined)
    throw invalidRequest("`messages` is missing; send the conversation as an array.", "messages");
  return new ChatEnvelope(text, object, messages);
}
