import type { PathFacts } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import type { Fields } from "../fields.ts";
import { readRequest } from "./read-request.ts";

/**
 * What `countTokens` shall count, as a conversation: its body holds `contents`, or a whole request as
 * `generateContentRequest`. Throws GatewayError (400) that names what cannot be read.
 */
export function conversationToCount(body: Fields, path: PathFacts = {}): Conversation {
  return readRequest(body, { ...path, stream: false });
}
