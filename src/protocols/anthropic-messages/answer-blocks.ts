import { createId } from "../../lib/ids.ts";
import { safeCallId } from "../canonical/call-ids.ts";
import type { ImagePart, Opaque } from "../canonical/conversation.ts";
import type { ClientView } from "../canonical/codec.ts";

const ownId = /^msg_[a-zA-Z0-9_-]+$/;

/** An id for the answer: Claude Code counts two answers with the same one as one, so an upstream's is not to be trusted. */
export function answerIdOf({ answerId }: ClientView, upstreamId: string): string {
  if (answerId !== undefined && ownId.test(answerId)) return answerId;
  return ownId.test(upstreamId) ? upstreamId : createId("msg_");
}

/** Ids for tool calls: the upstream's own where it has one and has not used it before. */
export function createCallIds(): (id: string) => string {
  const used = new Set<string>();
  return (id) => {
    const shown = id === "" || used.has(id) ? createId("toolu_") : safeCallId(id);
    used.add(id);
    return shown;
  };
}

/** Whether a client has asked not to be shown any thoughts. */
export function hidesThoughts({ conversation }: ClientView): boolean {
  return conversation.reasoning?.isShown === false;
}

/** Thoughts that consist of nothing but what Anthropic has made unreadable. */
export function isRedacted(text: string, opaque: readonly Opaque[]): boolean {
  return text === "" && opaque.length > 0 && opaque.every(({ kind }) => kind === "anthropic-redacted");
}

/** Anthropic's answers have no pictures: words stand for them. */
export function textOfImage({ source }: ImagePart): string {
  if (source.kind === "url") return `![image](${source.url})`;
  return "[The model made a picture, which this protocol cannot carry.]";
}
