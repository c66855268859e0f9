import { z } from "zod";

/** Wire shapes of OpenAI chat completions: only what the gateway acts on; everything else is carried along. */

const tokens = z.number().nonnegative().nullish();

/** For the API documents; `readUsage` takes more than this. */
const usageSchema = z.looseObject({
  prompt_tokens: tokens,
  completion_tokens: tokens,
  total_tokens: tokens,
  prompt_tokens_details: z.looseObject({ cached_tokens: tokens, cache_write_tokens: tokens }).nullish(),
  completion_tokens_details: z.looseObject({ reasoning_tokens: tokens }).nullish(),
  cost: z.number().nonnegative().nullish().describe("US dollars, where the upstream reports them"),
});

const contentPart = z.looseObject({ type: z.string(), text: z.string().optional() });
const messageSchema = z.looseObject({
  role: z.string().describe("system, developer, user, assistant or tool"),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
});

const streamOptionsSchema = z.looseObject({
  include_usage: z.boolean().optional().describe("Send a last chunk with `usage` and without choices"),
});

/** For the API documents. Requests are not validated against it: the upstream knows its own rules better. */
export const chatRequestSchema = z.looseObject({
  model: z.string().optional().describe("A name from /v1/models; without one the default model answers"),
  messages: z.array(messageSchema).describe("The conversation"),
  stream: z.boolean().optional().describe("Answer as server-sent events"),
  stream_options: streamOptionsSchema.optional(),
  tools: z.array(z.looseObject({ type: z.string() })).optional(),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).optional(),
  temperature: z.number().optional(),
  max_tokens: z.int().optional(),
  max_completion_tokens: z.int().optional(),
});

export const chatResponseSchema = z.looseObject({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.int(),
      message: z.looseObject({ role: z.string(), content: z.string().nullable() }),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: usageSchema.optional(),
});

export const errorSchema = z.object({
  error: z.object({
    message: z.string().describe("What happened, where, what to do"),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});
