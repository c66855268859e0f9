import { callObject } from "../canonical/call-input.ts";
import type { Opaque, Part, ToolCallPart } from "../canonical/conversation.ts";
import { ownOpaque } from "../canonical/opaque-token.ts";
import { isFields, type Fields } from "../fields.ts";
import { lose, type Encoding } from "./encoding.ts";
import { skipSignature } from "./signature.ts";
import { mediaPart } from "./write-media.ts";

function argumentsOf(call: ToolCallPart, encoding: Encoding): Fields {
  const { value, isRaw } = callObject(call);
  if (isRaw) lose(encoding, `tool call ${call.id}`, "its arguments are no JSON object");
  return value;
}

/** A model's turn as parts. One per turn. */
function createModelWriter(encoding: Encoding) {
  const written: Record<string, unknown>[] = [];
  /** Signatures whose own part says nothing: they go with the next that does. */
  const loose: string[] = [];
  const { origin, traits } = encoding.target;
  let hasCall = false;

  const signaturesOf = (states: readonly Opaque[] | undefined): string[] =>
    ownOpaque(states, "gemini-signature", origin).map(({ data }) => data);

  function add(part: Fields, signature: string | undefined): void {
    written.push(signature === undefined ? part : { ...part, thoughtSignature: signature });
  }

  function addReasoning(text: string, states: readonly Opaque[]): void {
    const [signature, ...others] = signaturesOf(states);
    loose.push(...others);
    // Thoughts of other models, or unsigned ones, are refused or ignored.
    if (signature === undefined) return;
    const last = written.at(-1);
    if (text !== "") add({ text, thought: true }, signature);
    else if (last !== undefined && !("functionCall" in last) && !("thoughtSignature" in last))
      last["thoughtSignature"] = signature;
    else loose.push(signature);
  }

  function addCall(call: ToolCallPart): void {
    const [own] = signaturesOf(call.opaque);
    const isFirst = !hasCall;
    hasCall = true;
    const args = argumentsOf(call, encoding);
    const part = { functionCall: { id: call.id, name: encoding.names.upstream(call.name), args } };
    // Of calls side by side only the first is signed.
    const needed = isFirst && traits.geminiGeneration === 3 ? skipSignature : undefined;
    add(part, own ?? loose.shift() ?? needed);
  }

  function addOther(part: Part): void {
    if (part.type === "opaque" && part.protocol === "gemini-generate" && isFields(part.value))
      written.push({ ...part.value });
    else if (part.type === "image" || part.type === "audio" || part.type === "file")
      add(mediaPart(part, encoding), loose.shift());
    else lose(encoding, `${encoding.list} (${part.type})`);
  }

  return {
    add(part: Part): void {
      if (part.type === "reasoning") addReasoning(part.text, part.opaque);
      else if (part.type === "tool_call") addCall(part);
      else if (part.type !== "text" && part.type !== "refusal") addOther(part);
      else if (part.text !== "") add({ text: part.text }, loose.shift());
    },
    parts: (): readonly Fields[] => written,
  };
}

/** What the model said and called, as parts. */
export function modelParts(parts: readonly Part[], encoding: Encoding): readonly Fields[] {
  const writer = createModelWriter(encoding);
  for (const part of parts) writer.add(part);
  return writer.parts();
}
