import { z } from "zod";

/** Wire shapes of Ollama's /api/chat for the API documents; what else a request has is carried along. */

const count = z.int().nonnegative().optional();

const toolCall = z.looseObject({
  id: z.string().optional(),
  function: z.looseObject({
    name: z.string(),
    arguments: z.looseObject({}).describe("An object, not a text"),
  }),
});

const ollamaMessageSchema = z.looseObject({
  role: z.string().describe("system, user, assistant or tool"),
  content: z.string(),
  thinking: z.string().optional(),
  images: z.array(z.string()).optional().describe("Base64, without a data: prefix"),
  tool_calls: z.array(toolCall).optional(),
  tool_name: z.string().optional().describe("Which tool a message of role tool answers for"),
  tool_call_id: z.string().optional(),
});

/** What chat and generate requests have in common. */
export const ollamaSettings = {
  stream: z.boolean().optional().describe("True unless said otherwise: one JSON object a line"),
  format: z
    .union([z.literal("json"), z.looseObject({})])
    .optional()
    .describe("`json`, or a JSON Schema that the answer keeps to"),
  think: z.union([z.boolean(), z.enum(["low", "medium", "high", "max"])]).optional(),
  options: z
    .looseObject({
      num_predict: z.int().optional(),
      temperature: z.number().optional(),
      top_p: z.number().optional(),
      top_k: z.int().optional(),
      seed: z.int().optional(),
      stop: z.array(z.string()).optional(),
    })
    .optional(),
};

/** What the end of an answer tells, in chat and in generate. */
export const ollamaEnding = {
  model: z.string(),
  created_at: z.string().describe("RFC 3339"),
  done: z.boolean().describe("True in the last line"),
  done_reason: z.string().optional().describe("stop, length, load or unload"),
  total_duration: count.describe("Nanoseconds"),
  prompt_eval_count: count.describe("Tokens of the input"),
  eval_count: count.describe("Tokens of the answer"),
};

/** For the API documents. Requests are not validated against it: the upstream knows its own rules better. */
export const ollamaChatRequestSchema = z.looseObject({
  model: z.string().optional().describe("A name from /api/tags; without one the default model answers"),
  messages: z.array(ollamaMessageSchema).optional().describe("The conversation; without it the model is loaded only"),
  tools: z.array(z.looseObject({ type: z.string() })).optional(),
  ...ollamaSettings,
});

export const ollamaChatResponseSchema = z.looseObject({ message: ollamaMessageSchema, ...ollamaEnding });
