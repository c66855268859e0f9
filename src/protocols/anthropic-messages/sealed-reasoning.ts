import { setMember, type JsonEdit } from "../../lib/json-edit.ts";
import { scanElements, scanMembers, type Range, type ScannedObject } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import type { Opaque } from "../canonical/conversation.ts";
import { isOwn, mayHoldToken, openOpaque } from "../canonical/opaque-token.ts";
import { fieldsOf, stringOf, type Fields } from "../fields.ts";
import { memberOf, withoutElements } from "../request-scan.ts";

/** Where a block keeps its token, and what Anthropic itself would have written there. */
const slots = new Map<unknown, { field: string; kind: Opaque["kind"] }>([
  ["thinking", { field: "signature", kind: "anthropic-signature" }],
  ["redacted_thinking", { field: "data", kind: "anthropic-redacted" }],
]);

function scanAt(text: string, { start }: Range): ScannedObject {
  return scanMembers(text, start, Number.MAX_SAFE_INTEGER);
}

function valueAt(text: string, { start, end }: Range): Fields {
  return fieldsOf(JSON.parse(utf8OfLatin1(text.slice(start, end))));
}

/** The raw value of a sealed block put back; `"remove"` when it came from elsewhere; `undefined` for other blocks. */
function editOfBlock(text: string, range: Range, origin: string | undefined): JsonEdit[] | "remove" | undefined {
  if (!mayHoldToken(text.slice(range.start, range.end))) return undefined;
  const block = valueAt(text, range);
  const slot = slots.get(block["type"]);
  const states = slot === undefined ? undefined : openOpaque(stringOf(block[slot.field]) ?? "");
  if (slot === undefined || states === undefined) return undefined;
  const own = states.find((state) => isOwn(state, slot.kind, origin));
  if (own === undefined) return "remove";
  return setMember(scanAt(text, range), slot.field, latin1OfUtf8(JSON.stringify(own.data)));
}

interface MessageEdits {
  edits: JsonEdit[];
  isEmpty: boolean;
  /** It calls tools, and its thinking does not stand before them any more. */
  hasLostThinking: boolean;
}

const untouched: MessageEdits = { edits: [], isEmpty: false, hasLostThinking: false };

function editsOfMessage(text: string, message: Range, origin: string | undefined): MessageEdits {
  if (text[message.start] !== "{" || !mayHoldToken(text.slice(message.start, message.end))) return untouched;
  const content = memberOf(scanAt(text, message), "content");
  if (content === undefined) return untouched;
  const blocks = scanElements(text, content.start);
  const outcomes = blocks.map((block) => editOfBlock(text, block, origin));
  const kept = blocks.filter((_block, index) => outcomes[index] !== "remove");
  if (blocks.length === 0) return untouched;
  const isWhole = kept.length === blocks.length;
  const types = isWhole ? [] : kept.map((block) => valueAt(text, block)["type"]);
  return {
    edits: [
      ...withoutElements(blocks, (index) => outcomes[index] === "remove"),
      ...outcomes.flatMap((outcome) => (outcome === undefined || outcome === "remove" ? [] : outcome)),
    ],
    isEmpty: kept.length === 0,
    hasLostThinking: types.includes("tool_use") && !slots.has(types[0]),
  };
}

/** Thinking by a budget wants to see the thoughts that a turn began with whose tools are running; without them it has to be off. */
function thinkingEdits(text: string, object: ScannedObject): JsonEdit[] {
  const thinking = memberOf(object, "thinking");
  if (thinking === undefined || valueAt(text, thinking)["type"] !== "enabled") return [];
  return setMember(object, "thinking", '{"type":"disabled"}');
}

function roleOf(text: string, message: Range): unknown {
  if (text[message.start] !== "{") return undefined;
  const role = memberOf(scanAt(text, message), "role");
  return role === undefined ? undefined : JSON.parse(text.slice(role.start, role.end));
}

/** The first message of the turn that is not over: behind the last one that is the user's own and no tool's. */
function turnStart(text: string, messages: readonly Range[]): number {
  const asked = messages.findLastIndex(
    (message) => roleOf(text, message) === "user" && !text.slice(message.start, message.end).includes('"tool_result"'),
  );
  return messages.findIndex((message, index) => index > asked && roleOf(text, message) === "assistant");
}

/**
 * Anthropic refuses a signature that it did not make: thinking that another upstream signed is taken out of a request
 * (with its message, when nothing else is in it), and what this upstream made (`origin`) gets its own words back.
 */
export function sealedReasoningEdits(text: string, object: ScannedObject, origin?: string): JsonEdit[] {
  if (!mayHoldToken(text)) return [];
  const member = memberOf(object, "messages");
  if (member === undefined) return [];
  const messages = scanElements(text, member.start);
  const outcomes = messages.map((message) => editsOfMessage(text, message, origin));
  const hasLost = outcomes.some(({ hasLostThinking }) => hasLostThinking);
  const isTurnBroken = hasLost && outcomes[turnStart(text, messages)]?.hasLostThinking === true;
  return [
    ...withoutElements(messages, (index) => outcomes[index]?.isEmpty === true),
    ...outcomes.flatMap(({ edits, isEmpty }) => (isEmpty ? [] : edits)),
    ...(isTurnBroken ? thinkingEdits(text, object) : []),
  ];
}
