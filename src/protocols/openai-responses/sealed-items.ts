import type { JsonEdit } from "../../lib/json-edit.ts";
import { scanElements, scanMembers, type Member, type Range } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { isOwn, mayHoldToken, openOpaque } from "../canonical/opaque-token.ts";
import { memberOf, withoutElements } from "../request-scan.ts";

function valueAt(text: string, member: Member | undefined): unknown {
  if (member === undefined || text[member.start] !== '"') return undefined;
  return JSON.parse(utf8OfLatin1(text.slice(member.start, member.end)));
}

type Verdict = "keep" | "remove" | JsonEdit;

/** What becomes of an item: a token of ours means nothing to OpenAI, but what it made itself may be inside. */
function judge(text: string, { start, end }: Range, origin: string | undefined): Verdict {
  if (text[start] !== "{" || !mayHoldToken(text.slice(start, end))) return "keep";
  const item = scanMembers(text, start, Number.MAX_SAFE_INTEGER);
  const token = memberOf(item, "encrypted_content");
  const sealed = valueAt(text, token);
  if (token === undefined || typeof sealed !== "string" || valueAt(text, memberOf(item, "type")) !== "reasoning")
    return "keep";
  const states = openOpaque(sealed);
  if (states === undefined) return "keep";
  const own = states.find((state) => isOwn(state, "openai-encrypted", origin));
  if (own === undefined) return "remove";
  return { start: token.start, end: token.end, text: latin1OfUtf8(JSON.stringify(own.data)) };
}

/**
 * Reasoning that this gateway sealed for a client, when the request goes to an upstream of the client's own protocol:
 * what this upstream made (`origin`) is given back as it was, items with another upstream's are left out.
 */
export function sealedEdits(text: string, input: Range, origin?: string): JsonEdit[] {
  if (!mayHoldToken(text.slice(input.start, input.end))) return [];
  const elements = scanElements(text, input.start);
  const verdicts = elements.map((element) => judge(text, element, origin));
  const restored = verdicts.filter((verdict) => typeof verdict === "object");
  return [...restored, ...withoutElements(elements, (index) => verdicts[index] === "remove")];
}
