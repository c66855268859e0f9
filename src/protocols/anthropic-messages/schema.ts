import { z } from "zod";

/** Wire shapes of Anthropic's messages for the API documents. Requests are not validated against them: decoders take more. */

const tokens = z.int().nonnegative();

const cacheControl = z.looseObject({
  type: z.literal("ephemeral"),
  ttl: z.string().optional().describe("How long the cache keeps it: 5m or 1h"),
});

const blockSchema = z.looseObject({
  type: z
    .string()
    .describe("text, image, document, tool_use, tool_result, thinking, redacted_thinking or search_result"),
  text: z.string().optional().describe("Of a text block"),
  cache_control: cacheControl.nullish(),
});

const messageSchema = z.looseObject({
  role: z.string().describe("user, assistant, or system behind the first user message"),
  content: z.union([z.string(), z.array(blockSchema)]),
});

const toolSchema = z.looseObject({
  name: z.string(),
  type: z.string().nullish().describe("Without one, or custom, a function of the client's own"),
  description: z.string().optional(),
  input_schema: z.looseObject({}).optional().describe("JSON Schema of the input, an object"),
});

export const anthropicRequestSchema = z.looseObject({
  model: z.string().optional().describe("A name from /v1/models; without one the default model answers"),
  max_tokens: z.int().nonnegative().optional().describe("Most tokens of the answer, thinking included"),
  messages: z.array(messageSchema).describe("The conversation"),
  system: z
    .union([z.string(), z.array(blockSchema)])
    .optional()
    .describe("Instructions"),
  stream: z.boolean().optional().describe("Answer as server-sent events"),
  tools: z.array(toolSchema).optional(),
  tool_choice: z.looseObject({ type: z.string().describe("auto, any, tool or none") }).optional(),
  stop_sequences: z.array(z.string()).optional(),
  thinking: z.looseObject({ type: z.string().describe("adaptive, enabled or disabled") }).optional(),
  output_config: z
    .looseObject({
      effort: z.string().optional().describe("low, medium, high, xhigh or max"),
      format: z.looseObject({ type: z.literal("json_schema") }).nullish(),
    })
    .optional(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).optional(),
  temperature: z.number().optional().describe("0 to 1; not in version 2026-10-21"),
  top_p: z.number().optional().describe("Not in version 2026-10-21"),
  top_k: z.int().optional().describe("Not in version 2026-10-21"),
});

export const anthropicResponseSchema = z.looseObject({
  id: z.string().describe("msg_…"),
  type: z.literal("message"),
  role: z.literal("assistant"),
  model: z.string(),
  content: z.array(blockSchema),
  stop_reason: z
    .string()
    .nullable()
    .describe("end_turn, max_tokens, stop_sequence, tool_use, pause_turn, refusal or model_context_window_exceeded"),
  stop_sequence: z.string().nullable(),
  usage: z.looseObject({
    input_tokens: tokens.describe("Without those read from or written to a cache"),
    cache_creation_input_tokens: tokens.nullish(),
    cache_read_input_tokens: tokens.nullish(),
    output_tokens: tokens.describe("Thinking included"),
  }),
});

export const anthropicErrorSchema = z.object({
  type: z.literal("error"),
  error: z.object({
    type: z.string().describe("invalid_request_error, authentication_error, rate_limit_error, overloaded_error, …"),
    message: z.string().describe("What happened, where, what to do"),
  }),
  request_id: z.string().optional().describe("The upstream's, where it gave one"),
});
