import type { ClientView } from "../../src/protocols/canonical/codec.ts";
import type { Conversation } from "../../src/protocols/canonical/conversation.ts";

/** A chat client's "Hi" to the model `smart`. */
export function conversationOf(changes: Partial<Conversation> = {}): Conversation {
  return {
    protocol: "openai-chat",
    model: "smart",
    stream: false,
    turns: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }],
    tools: [],
    stop: [],
    extra: {},
    losses: [],
    ...changes,
  };
}

export function viewOf(changes: Partial<ClientView> = {}): ClientView {
  return {
    model: "smart",
    conversation: conversationOf(),
    body: {},
    wantsUsage: true,
    startedAt: 0,
    framing: "events",
    estimatedInputTokens: 0,
    ...changes,
  };
}
