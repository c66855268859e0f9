import type { JsonEdit } from "../../lib/json-edit.ts";
import { scanElements, scanMembers, type Range } from "../../lib/json-scan.ts";
import { withoutElements } from "../request-scan.ts";

/** How what this gateway sealed or named for a client begins in a body. */
const marks = ['"orc1.', '"rsn_'] as const;

/** Fields in which a client gives it back. */
const fields: ReadonlySet<string> = new Set(["cot_id", "cot_summary", "reasoning_details", "reasoning_opaque"]);

function isMarked(text: string): boolean {
  return marks.some((mark) => text.includes(mark));
}

function editsOfMessage(text: string, message: Range): JsonEdit[] {
  if (text[message.start] !== "{" || !isMarked(text.slice(message.start, message.end))) return [];
  const { members } = scanMembers(text, message.start, Number.MAX_SAFE_INTEGER);
  const whole = members.map(({ key, start, end }) => ({ start: text.lastIndexOf(JSON.stringify(key), start), end }));
  // A key that is spelt with escapes is not found where it stands; no client writes one.
  if (whole.some(({ start }) => start < message.start)) return [];
  return withoutElements(whole, (index) => fields.has(members[index]?.key ?? ""));
}

/**
 * Thoughts of another upstream that a client gives back mean nothing to this one, and strict servers refuse unknown
 * fields: what the gateway itself put into an earlier answer is taken out again. Other texts stay as they are.
 */
export function sealedEdits(text: string, messages: Range): JsonEdit[] {
  if (!isMarked(text) || text[messages.start] !== "[") return [];
  return scanElements(text, messages.start).flatMap((message) => editsOfMessage(text, message));
}
