import { z } from "zod";
import { ollamaEnding, ollamaSettings } from "../ollama-chat/schema.ts";

/** For the API documents. Requests are not validated against it: the upstream knows its own rules better. */
export const ollamaGenerateRequestSchema = z.looseObject({
  model: z.string().optional().describe("A name from /api/tags; without one the default model answers"),
  prompt: z.string().optional().describe("Without it the model is loaded only"),
  system: z.string().optional(),
  images: z.array(z.string()).optional().describe("Base64, without a data: prefix"),
  suffix: z.string().optional().describe("Text behind the answer; only where the provider speaks this protocol itself"),
  ...ollamaSettings,
});

export const ollamaGenerateResponseSchema = z.looseObject({
  response: z.string(),
  thinking: z.string().optional(),
  ...ollamaEnding,
});
