import { createLineProtocol } from "../ollama-chat/line-protocol.ts";
import { peekGenerate } from "../ollama-chat/peek.ts";
import { encodeGenerateAnswer } from "../ollama-chat/said.ts";
import type { Protocol } from "../protocol.ts";
import { generateForm } from "./line-form.ts";
import { decodeGenerateRequest, encodeGenerateRequest } from "./request.ts";

/** Ollama's /api/generate: one prompt, one answer. Conversations are never translated to it. */
export const ollamaGenerate: Protocol = createLineProtocol({
  id: "ollama-generate",
  peek: peekGenerate,
  form: generateForm,
  request: { decode: decodeGenerateRequest, encode: encodeGenerateRequest },
  encodeAnswer: encodeGenerateAnswer,
});
