import { anthropicMessages } from "./anthropic-messages/index.ts";
import { geminiGenerate } from "./gemini-generate/index.ts";
import { ollamaChat } from "./ollama-chat/index.ts";
import { ollamaGenerate } from "./ollama-generate/index.ts";
import { openaiChat } from "./openai-chat/index.ts";
import { openaiCompletions } from "./openai-completions/index.ts";
import { openaiResponses } from "./openai-responses/index.ts";
import type { Protocol, ProtocolId } from "./protocol.ts";

/** Every protocol, listed by hand: a compiled executable has no folder to scan. */
export const protocols = {
  "openai-chat": openaiChat,
  "openai-completions": openaiCompletions,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  "gemini-generate": geminiGenerate,
  "ollama-chat": ollamaChat,
  "ollama-generate": ollamaGenerate,
} as const satisfies Record<ProtocolId, Protocol>;
