import { createId } from "../../lib/ids.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { ImagePart, Opaque, ReasoningPart } from "../canonical/conversation.ts";
import { urlOfSource } from "../canonical/media.ts";
import { sealOpaque } from "../canonical/opaque-token.ts";
import { listOf, type Fields } from "../fields.ts";

/** What of a request decides the form of its answer. */
export interface ClientShape {
  /** The client knows `functions` and not tools. */
  isLegacy: boolean;
  /** Tools whose input is free text. */
  isCustom: (name: string) => boolean;
}

export function clientShapeOf({ body, conversation }: ClientView): ClientShape {
  const custom = new Set(conversation.tools.flatMap(({ kind, name }) => (kind === "custom" ? [name] : [])));
  return {
    isLegacy: listOf(body["functions"]).length > 0 && listOf(body["tools"]).length === 0,
    isCustom: (name) => custom.size > 0 && custom.has(name),
  };
}

export function answerIdOf(upstreamId: string): string {
  return upstreamId === "" ? createId("chatcmpl-") : upstreamId;
}

export function createReference(): string {
  return createId("rsn_");
}

/** State of thoughts as an entry of `reasoning_details`; OpenRouter's clients send it back as it is. */
export function sealedDetail(
  { text, opaque }: Pick<ReasoningPart, "text" | "opaque">,
  index: number,
  hasText: boolean,
): Fields {
  const token = sealOpaque(opaque);
  const format = { format: "orcestator-v1", index };
  if (!hasText) return { type: "reasoning.encrypted", data: token, ...format };
  return { type: "reasoning.text", ...(text === "" ? {} : { text }), signature: token, ...format };
}

/** Gemini's signature goes raw into Gemini's own place. */
export function stateFields(opaque: readonly Opaque[] | undefined): Fields {
  const signature = opaque?.find(({ kind }) => kind === "gemini-signature")?.data;
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
}

export function imageShown({ source }: ImagePart): Fields[] {
  const url = urlOfSource(source);
  return url === undefined ? [] : [{ type: "image_url", image_url: { url } }];
}
