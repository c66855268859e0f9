import { openaiChat } from "./openai-chat/index.ts";
import type { Protocol, ProtocolId } from "./protocol.ts";

/** Every protocol, listed by hand: a compiled executable has no folder to scan. */
export const protocols = {
  "openai-chat": openaiChat,
} as const satisfies Record<ProtocolId, Protocol>;
