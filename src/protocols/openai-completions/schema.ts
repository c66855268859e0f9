import { z } from "zod";

/** Wire shapes of OpenAI's legacy completions: only what the gateway acts on; everything else is carried along. */

const tokens = z.array(z.int());

const streamOptions = z.looseObject({
  include_usage: z.boolean().optional().describe("Send a last chunk with `usage` and without choices"),
});

/** For the API documents. Requests are not validated against it: the upstream knows its own rules better. */
export const completionRequestSchema = z.looseObject({
  model: z.string().optional().describe("A name from /v1/models; without one the default model answers"),
  prompt: z
    .union([z.string(), z.array(z.string()), tokens, z.array(tokens)])
    .describe("A text; lists and tokens only where the provider speaks this protocol itself"),
  stream: z.boolean().optional().describe("Answer as server-sent events"),
  stream_options: streamOptions.optional(),
  suffix: z.string().optional().describe("Text behind the answer; only where the provider speaks this protocol itself"),
  max_tokens: z.int().optional(),
  temperature: z.number().optional(),
  stop: z.union([z.string(), z.array(z.string())]).optional(),
});

export const completionResponseSchema = z.looseObject({
  id: z.string(),
  object: z.literal("text_completion"),
  created: z.int(),
  model: z.string(),
  choices: z.array(z.looseObject({ index: z.int(), text: z.string(), finish_reason: z.string().nullable() })),
  usage: z.looseObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }).optional(),
});
