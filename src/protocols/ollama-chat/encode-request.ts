import type { EncodedRequest, Target } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import { encodeMessages } from "./encode-messages.ts";
import { encodeSettings } from "./encode-settings.ts";
import { encodeTools } from "./encode-tools.ts";

/** A conversation as a chat request. Throws GatewayError (400) that names what Ollama cannot take and what to send instead. */
export function encodeChatRequest(conversation: Conversation, target: Target): EncodedRequest {
  const settings = encodeSettings(conversation, target);
  const { messages, losses } = encodeMessages(conversation);
  const { tools, losses: lostTools } = encodeTools(conversation);
  return {
    body: {
      model: target.model,
      messages,
      // Ollama streams unless it is told not to.
      stream: conversation.stream,
      ...(tools.length === 0 ? {} : { tools }),
      ...settings.body,
    },
    losses: [...settings.losses, ...losses, ...lostTools],
  };
}
