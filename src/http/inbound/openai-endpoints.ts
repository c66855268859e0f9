import type { Operation } from "../../telemetry/request-record.ts";

/** OpenAI's endpoints besides conversations: their bytes pass, but for the model's name. */
export interface OpenaiEndpoint {
  /** Below the base URL. */
  path: string;
  operation: Operation;
  wire: string;
  summary: string;
}

export const openaiEndpoints = [
  { path: "/images/generations", operation: "images", wire: "openai-images", summary: "Make pictures" },
  { path: "/images/edits", operation: "images", wire: "openai-image-edits", summary: "Change pictures (multipart)" },
  {
    path: "/images/variations",
    operation: "images",
    wire: "openai-image-variations",
    summary: "Vary a picture (multipart)",
  },
  { path: "/audio/speech", operation: "audio", wire: "openai-speech", summary: "Speak a text" },
  {
    path: "/audio/transcriptions",
    operation: "audio",
    wire: "openai-transcriptions",
    summary: "Write down speech (multipart)",
  },
  {
    path: "/audio/translations",
    operation: "audio",
    wire: "openai-translations",
    summary: "Translate speech (multipart)",
  },
  {
    path: "/moderations",
    operation: "moderations",
    wire: "openai-moderations",
    summary: "Classify texts and pictures",
  },
  { path: "/rerank", operation: "rerank", wire: "rerank", summary: "Order documents by a question" },
] as const satisfies readonly OpenaiEndpoint[];
