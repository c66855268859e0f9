import type { Protocol } from "../protocol.ts";
import { decodeChatRequest } from "./decode-request.ts";
import { encodeChatRequest } from "./encode-request.ts";
import { chatForm } from "./line-form.ts";
import { createLineProtocol } from "./line-protocol.ts";
import { peekChat } from "./peek.ts";
import { encodeChatAnswer } from "./said.ts";

/** Ollama's /api/chat, as client and as upstream. */
export const ollamaChat: Protocol = createLineProtocol({
  id: "ollama-chat",
  peek: peekChat,
  form: chatForm,
  request: { decode: decodeChatRequest, encode: encodeChatRequest },
  encodeAnswer: encodeChatAnswer,
});
