import type { EmbeddingCodec, EmbeddingDialect } from "./embedding.ts";
import { geminiEmbed } from "./gemini.ts";
import { ollamaEmbed } from "./ollama.ts";
import { openaiEmbeddings } from "./openai.ts";

/** Every dialect of vectors. */
export const embeddingCodecs: Readonly<Record<EmbeddingDialect, EmbeddingCodec>> = {
  "openai-embeddings": openaiEmbeddings,
  "gemini-embed": geminiEmbed,
  "ollama-embed": ollamaEmbed,
};
