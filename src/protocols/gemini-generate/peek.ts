import { elementsBackwards } from "../../lib/json-backwards.ts";
import type { JsonEdit } from "../../lib/json-edit.ts";
import { scanElements, scanMembers, type Range, type ScannedObject } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { ownOpaque } from "../canonical/opaque-token.ts";
import type { PathFacts } from "../canonical/codec.ts";
import { fieldsOf, isFields, type Fields } from "../fields.ts";
import type { Envelope } from "../protocol.ts";
import { memberOf, requiredMember, scanRequest, withoutElements } from "../request-scan.ts";
import { protoField, protoList, protoText } from "./proto-fields.ts";
import { isSealedSignature, mayHoldSealed, skipSignature, statesOfSignature } from "./signature.ts";

function membersAt(text: string, { start }: Range): ScannedObject | undefined {
  return text[start] === "{" ? scanMembers(text, start, Number.MAX_SAFE_INTEGER) : undefined;
}

function membersNamed(object: ScannedObject | undefined, ...names: string[]): Range[] {
  return object?.members.filter(({ key }) => names.includes(key)) ?? [];
}

function textOfPart(part: unknown): string {
  const fields = fieldsOf(part);
  const [kind = "part"] = Object.keys(fields);
  return protoText(fields, "text") ?? `[${kind}]`;
}

/** `undefined` for a content that only brings results of functions: they are no words of the user's. */
function wordsOf(content: Fields): string | undefined {
  const parts = protoList(content, "parts");
  const own = parts.filter((part) => protoField(fieldsOf(part), "functionResponse") === undefined);
  return own.length === 0 && parts.length > 0 ? undefined : own.map(textOfPart).join(" ");
}

/** Contents may be one content where a list is meant. */
function contentsBackwards(text: string, contents: Range): Iterable<Range> {
  return text[contents.start] === "{" ? [contents] : elementsBackwards(text, contents);
}

/** Reads contents from the end until one has words of the user's: a long history costs nothing. */
function lastUserText(text: string, contents: Range, limit: number): string | undefined {
  for (const { start, end } of contentsBackwards(text, contents)) {
    const content: unknown = JSON.parse(utf8OfLatin1(text.slice(start, end)));
    if (typeof content === "string") return content.slice(0, limit);
    if (!isFields(content) || (content["role"] ?? "user") !== "user") continue;
    const words = wordsOf(content);
    if (words !== undefined) return words.slice(0, limit);
  }
  return undefined;
}

/** What an upstream is given for a signature: its own back, or word that there is none. */
function rawSignature(signature: string, origin: string | undefined): string {
  const states = origin === undefined ? [] : ownOpaque(statesOfSignature(signature), "gemini-signature", origin);
  return states[0]?.data ?? skipSignature;
}

/** An empty text that only held another upstream's signature: Gemini refuses texts without a character. */
function isHollow(text: string, part: Range, origin: string | undefined): boolean {
  const value = fieldsOf(JSON.parse(utf8OfLatin1(text.slice(part.start, part.end))));
  const signature = protoText(value, "thoughtSignature");
  if (signature === undefined || !isSealedSignature(signature) || value["text"] !== "") return false;
  return rawSignature(signature, origin) === skipSignature;
}

function editsOfPart(text: string, part: Range, origin: string | undefined): JsonEdit[] {
  return membersNamed(membersAt(text, part), "thoughtSignature", "thought_signature").flatMap(({ start, end }) => {
    const signature: unknown = JSON.parse(utf8OfLatin1(text.slice(start, end)));
    if (typeof signature !== "string" || !isSealedSignature(signature)) return [];
    return [{ start, end, text: latin1OfUtf8(JSON.stringify(rawSignature(signature, origin))) }];
  });
}

function editsOfParts(text: string, list: Range, origin: string | undefined): JsonEdit[] {
  if (text[list.start] === "{") return editsOfPart(text, list, origin);
  const parts = scanElements(text, list.start);
  const hollow = parts.map((part) => mayHoldSealed(text.slice(part.start, part.end)) && isHollow(text, part, origin));
  // A content needs a part.
  const isRemoved = (index: number): boolean => hollow[index] === true && hollow.includes(false);
  return [
    ...withoutElements(parts, isRemoved),
    ...parts.flatMap((part, index) => (isRemoved(index) ? [] : editsOfPart(text, part, origin))),
  ];
}

function signatureEdits(text: string, contents: Range, origin: string | undefined): JsonEdit[] {
  const contentRanges = text[contents.start] === "{" ? [contents] : scanElements(text, contents.start);
  return contentRanges
    .filter(({ start, end }) => mayHoldSealed(text.slice(start, end)))
    .flatMap((content) => membersNamed(membersAt(text, content), "parts"))
    .flatMap((list) => editsOfParts(text, list, origin));
}

/** `countTokens` may hold a whole request. */
function innerRequest(text: string, object: ScannedObject): ScannedObject {
  const inner = membersNamed(object, "generateContentRequest", "generate_content_request").at(-1);
  if (inner === undefined || memberOf(object, "contents") !== undefined) return object;
  return membersAt(text, inner) ?? object;
}

/** Reads the envelope of a request; model and stream stand in the URL. */
export function peekGeminiRequest(text: string, { maxDepth }: { maxDepth: number }, path: PathFacts = {}): Envelope {
  const object = innerRequest(text, scanRequest(text, maxDepth, "contents"));
  const contents = requiredMember(object, "contents", "send the conversation as an array");
  return {
    object,
    text,
    model: path.model === "" ? undefined : path.model,
    stream: path.stream === true,
    // Every stream of this protocol has it.
    wantsUsage: true,
    lastUserText: (limit) => lastUserText(text, contents, limit),
    edits: ({ origin }: { model: string; injectUsage: boolean; origin?: string | undefined }) =>
      mayHoldSealed(text) ? signatureEdits(text, contents, origin) : [],
  };
}
