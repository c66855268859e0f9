import type { AudioPart, FilePart, ImagePart, Opaque } from "../canonical/conversation.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Fields } from "../fields.ts";
import { signatureOf } from "./signature.ts";

/** Parts as a client of this protocol gets them. */

/** Thoughts are kept back from those only who said that they want none. */
export function showsThoughts({ conversation }: ClientView): boolean {
  return conversation.reasoning?.isShown !== false;
}

/** The part with the states of what went before it, which have no other place. */
export function signed(part: Fields, states: readonly Opaque[]): Fields {
  const thoughtSignature = signatureOf(states);
  return thoughtSignature === undefined ? part : { ...part, thoughtSignature };
}

export function mediaView({ source }: ImagePart | AudioPart | FilePart): Fields {
  if (source.kind === "base64") return { inlineData: { mimeType: source.mediaType, data: source.data } };
  return { fileData: { fileUri: source.kind === "url" ? source.url : source.id } };
}
