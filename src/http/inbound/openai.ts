import { Elysia } from "elysia";
import { z } from "zod";
import { GatewayError } from "../../errors.ts";
import { chatRequestSchema, chatResponseSchema, errorSchema } from "../../protocols/openai-chat/schema.ts";
import { protocols } from "../../protocols/registry.ts";
import { jsonContent } from "../docs/openapi.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { inferenceRoute } from "./inference.ts";

const modelSchema = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  permission: z.array(z.unknown()),
  root: z.string(),
  parent: z.null(),
  provider: z.string().describe("Which configured provider serves it"),
  upstream_model: z.string().describe("The name that goes upstream"),
  context_length: z.int().optional(),
  max_output_tokens: z.int().optional(),
  capabilities: z.object({ tools: z.boolean(), vision: z.boolean(), reasoning: z.boolean() }).optional(),
  pricing: z.object({ input_per_million_usd: z.number(), output_per_million_usd: z.number() }).optional(),
});

const failure = (description: string): object => ({ description, ...jsonContent(errorSchema) });
const failures = {
  400: failure("The request cannot be read, or the upstream refused it"),
  401: failure("No key, or an unknown one"),
  404: failure("No such model"),
  413: failure("The body is too large"),
  429: failure("The upstream limits requests; see Retry-After"),
  503: failure("The upstream failed for good; the gateway has retried already"),
};

const chatDetail = {
  tags: ["inference"],
  summary: "Chat completion",
  description:
    "OpenAI chat completions. The body goes upstream as it is, but for the model's name; unknown fields are kept.",
  requestBody: { required: true, ...jsonContent(chatRequestSchema) },
  responses: {
    200: {
      description: "The answer; with `stream: true` server-sent events that end with `data: [DONE]`",
      content: { ...jsonContent(chatResponseSchema).content, "text/event-stream": { schema: { type: "string" } } },
    },
    ...failures,
  },
};

/** Model names hold slashes: the path behind /v1/models/ is one name, escaped or not. */
function modelNameOf(request: Request): string {
  const path = new URL(request.url).pathname.slice("/v1/models/".length);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function unknownModel(name: string): GatewayError {
  return new GatewayError({
    code: "model_not_found",
    status: 404,
    message: `The model '${name.slice(0, 200)}' is not offered here; GET /v1/models lists the names that are.`,
    param: "model",
  });
}

/** OpenAI's API for clients. */
export function openaiRoutes(parts: RouteParts, refusals: Refusals) {
  const oneModel = ({ request }: { request: Request }): Response => {
    parts.access.caller(request);
    const name = modelNameOf(request);
    const model = parts.models().find((info) => info.id === name);
    if (model === undefined) throw unknownModel(name);
    return Response.json(model);
  };

  return new Elysia({ name: "openai" })
    .post("/v1/chat/completions", inferenceRoute({ protocol: protocols["openai-chat"], parts, refusals }), {
      parse: "none",
      detail: chatDetail as never,
    })
    .get(
      "/v1/models",
      ({ request }) => {
        parts.access.caller(request);
        return Response.json({ object: "list", data: parts.models() });
      },
      {
        detail: {
          tags: ["models"],
          summary: "Models that may be asked for",
          responses: {
            200: {
              description: "The list",
              ...jsonContent(z.object({ object: z.literal("list"), data: z.array(modelSchema) })),
            },
          },
        },
      },
    )
    .get("/v1/models/*", oneModel, { detail: { hide: true } })
    .get("/v1/models/:id", oneModel, {
      detail: {
        tags: ["models"],
        summary: "One model",
        responses: { 200: { description: "The model", ...jsonContent(modelSchema) }, 404: failures[404] },
      } as never,
    });
}
