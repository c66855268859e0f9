import { z } from "zod";

/** Wire shapes of OpenAI Responses, for the API documents: only what the gateway acts on; everything else is carried along. */

const tokens = z.number().nonnegative();
const item = z.looseObject({
  type: z.string().optional().describe("message, function_call, function_call_output, reasoning, …"),
  role: z.string().optional().describe("Of a message: system, developer, user or assistant"),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]).optional(),
});

/** Requests are not validated against it: the upstream knows its own rules better. */
export const responsesRequestSchema = z.looseObject({
  model: z.string().optional().describe("A name from /v1/models; without one the default model answers"),
  input: z
    .union([z.string(), z.array(item)])
    .optional()
    .describe("A text, or the conversation as items"),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish().describe("Answer as server-sent events"),
  store: z.boolean().nullish().describe("Keep the answer, so that `previous_response_id` can name it"),
  previous_response_id: z.string().nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).nullish(),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  max_output_tokens: z.int().nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish(), summary: z.string().nullish() }).nullish(),
  text: z
    .looseObject({ format: z.looseObject({ type: z.string() }).optional(), verbosity: z.string().nullish() })
    .nullish(),
  include: z.array(z.string()).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
});

export const responsesResponseSchema = z.looseObject({
  id: z.string(),
  object: z.literal("response"),
  created_at: z.number(),
  status: z.string().describe("completed, incomplete or failed"),
  model: z.string(),
  output: z.array(item),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullish(),
  incomplete_details: z.looseObject({ reason: z.string() }).nullish(),
  usage: z
    .looseObject({
      input_tokens: tokens,
      input_tokens_details: z.looseObject({ cached_tokens: tokens, cache_write_tokens: tokens.optional() }),
      output_tokens: tokens,
      output_tokens_details: z.looseObject({ reasoning_tokens: tokens }),
      total_tokens: tokens,
    })
    .nullish(),
});
