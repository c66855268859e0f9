import type { Opaque, Part, ReasoningPart } from "../canonical/conversation.ts";

/** Kinds of which every reasoning part has one. */
const partKinds: readonly Opaque["kind"][] = ["anthropic-signature", "anthropic-redacted", "openai-encrypted"];

/** States as the parts had them that they were sealed from. */
function groupsOf(states: readonly Opaque[]): Opaque[][] {
  const groups: Opaque[][] = [];
  for (const state of states) {
    const group = groups.at(-1);
    const isTaken = group?.some(({ kind }) => partKinds.includes(kind)) === true;
    if (group === undefined || (isTaken && partKinds.includes(state.kind))) groups.push([state]);
    else group.push(state);
  }
  return groups;
}

function isBare(part: Part | undefined): part is ReasoningPart {
  return part?.type === "reasoning" && part.opaque.length === 0;
}

/**
 * Puts the state of other upstreams' reasoning, which travelled on a call or behind the text, back where it was: on the
 * thoughts since the last call, or before all that was said since then.
 */
export function returnReasoning(parts: Part[], states: readonly Opaque[]): void {
  const from = parts.findLastIndex(({ type }) => type === "tool_call") + 1;
  let at = from;
  for (const opaque of groupsOf(states)) {
    const isText = opaque.every(({ kind }) => kind !== "anthropic-redacted");
    const free = isText ? parts.findIndex((part, index) => index >= at && isBare(part)) : -1;
    const bare = parts[free];
    if (isBare(bare)) parts[free] = { ...bare, opaque };
    else parts.splice(at, 0, { type: "reasoning", text: "", opaque });
    at = (free === -1 ? at : free) + 1;
  }
}
