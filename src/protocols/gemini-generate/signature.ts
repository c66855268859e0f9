import type { Opaque } from "../canonical/conversation.ts";
import { isSealed, mayHoldToken, readOpaque, sealOpaque } from "../canonical/opaque-token.ts";

/** What Gemini 3 takes on a call that another model made, in place of a signature. */
export const skipSignature = "skip_thought_signature_validator";

const placeholders = [skipSignature, "context_engineering_is_the_way_to_go"];
const emptySignatures = new Set(
  // SDKs hold signatures as bytes, and what they were given as text comes back in base64.
  placeholders.flatMap((word) => [word, Buffer.from(word).toString("base64")]),
);

/** How every sealed token begins once it is in base64: `orc1.`. */
const wrappedStart = "b3JjMS";

/** Whether a text may hold a sealed token; a false alarm only costs a look. */
export function mayHoldSealed(text: string): boolean {
  return text.includes(wrappedStart) || mayHoldToken(text);
}

/** Opaque states as a signature; `undefined` when there are none. In base64, as clients decode signatures into bytes. */
export function signatureOf(states: readonly Opaque[]): string | undefined {
  return states.length === 0 ? undefined : Buffer.from(sealOpaque(states)).toString("base64");
}

function unwrapped(signature: string): string {
  if (!signature.startsWith(wrappedStart)) return signature;
  const token = Buffer.from(signature, "base64").toString("latin1");
  return isSealed(token) ? token : signature;
}

export function isSealedSignature(signature: string): boolean {
  return isSealed(unwrapped(signature));
}

/** What a signature that a client sent holds; a placeholder holds nothing. */
export function statesOfSignature(signature: string): readonly Opaque[] {
  return emptySignatures.has(signature) ? [] : readOpaque(unwrapped(signature), "gemini-signature");
}
