import { type GatewayError, invalidRequest } from "../../errors.ts";
import { setMember, type JsonEdit } from "../../lib/json-edit.ts";
import {
  JsonScanError,
  scanDocument,
  scanElements,
  scanMembers,
  type Member,
  type ScannedObject,
} from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import type { Envelope } from "../protocol.ts";

function brokenBody(error: JsonScanError): GatewayError {
  const where = `at byte ${error.offset}`;
  if (error.message === "an object is expected")
    return invalidRequest(`The request body must be a JSON object (${error.message} ${where}).`);
  return invalidRequest(`The request body is not valid JSON: ${error.message} ${where}.`);
}

function scan(text: string, maxDepth: number): ScannedObject {
  if (text.trim() === "") throw invalidRequest("The request body is empty; send a JSON object with `messages`.");
  try {
    return scanDocument(text, maxDepth);
  } catch (error) {
    if (error instanceof JsonScanError) throw brokenBody(error);
    throw error;
  }
}

/** The last value wins, as in every JSON parser. */
function memberOf(object: ScannedObject, key: string): Member | undefined {
  return object.members.findLast((member) => member.key === key);
}

function parsedSlice(text: string, range: { start: number; end: number }): unknown {
  try {
    return JSON.parse(utf8OfLatin1(text.slice(range.start, range.end)));
  } catch {
    return undefined;
  }
}

function readModel(text: string, member: Member | undefined): string | undefined {
  if (member === undefined || text.slice(member.start, member.end) === "null") return undefined;
  const model = parsedSlice(text, member);
  if (typeof model !== "string") throw invalidRequest("`model` must be a string: a name from /v1/models.", "model");
  return model === "" ? undefined : model;
}

function isTrueMember(text: string, outer: Member | undefined, key: string): boolean {
  if (outer === undefined || text[outer.start] !== "{") return false;
  const inner = memberOf(scanMembers(text, outer.start, Number.MAX_SAFE_INTEGER), key);
  return inner !== undefined && text.slice(inner.start, inner.end) === "true";
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

/** Parses messages from the end until one is the user's: a long history costs nothing. */
function lastUserText(text: string, messages: Member, limit: number): string | undefined {
  for (const range of scanElements(text, messages.start).reverse()) {
    const message = parsedSlice(text, range);
    if (typeof message !== "object" || message === null || !("role" in message) || message.role !== "user") continue;
    return textOfContent("content" in message ? message.content : undefined).slice(0, limit);
  }
  return undefined;
}

/** Reads the envelope of a chat completion request. */
export function peekChatRequest(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scan(text, maxDepth);
  const messages = memberOf(object, "messages");
  if (messages === undefined)
    throw invalidRequest("`messages` is missing; send the conversation as an array.", "messages");
  const stream = memberOf(object, "stream");
  return {
    text,
    model: readModel(text, memberOf(object, "model")),
    stream: stream !== undefined && text.slice(stream.start, stream.end) === "true",
    wantsUsage:
      isTrueMember(text, memberOf(object, "stream_options"), "include_usage") ||
      isTrueMember(text, memberOf(object, "usage"), "include"),
    lastUserText: (limit) => lastUserText(text, messages, limit),
    edits({ model, injectUsage }) {
      const edits = setMember(object, "model", latin1OfUtf8(JSON.stringify(model)));
      return injectUsage ? [...edits, ...usageEdits(text, object)] : edits;
    },
  };
}
