import { Elysia } from "elysia";
import { z } from "zod";
import { GatewayError } from "../../errors.ts";
import { chatRequestSchema, chatResponseSchema, errorSchema } from "../../protocols/openai-chat/schema.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import { protocols } from "../../protocols/registry.ts";
import { anonymousWhereAllowed, jsonContent } from "../docs/openapi.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { inferenceRoute } from "./inference.ts";
import { protocolRoute } from "./protocol-route.ts";
import { offeredTo } from "./offered.ts";
import { anthropicModel, anthropicModels, geminiModel, geminiModels } from "./model-views.ts";

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
const modelListSchema = z.object({ object: z.literal("list"), data: z.array(modelSchema) });

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
  security: anonymousWhereAllowed,
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

/** Anthropic's clients ask on the same path, and always name their version. */
function speaksAnthropic(request: Request): boolean {
  return request.headers.has("anthropic-version");
}

/** Google's newer SDK asks on the same path; its clients name themselves, or send their key where only they do. */
function speaksGemini({ headers }: Request): boolean {
  if (headers.has("authorization") || headers.has("anthropic-version")) return false;
  return headers.has("x-goog-api-client") || headers.has("x-goog-api-key");
}

function unknownModel(name: string): GatewayError {
  return new GatewayError({
    code: "model_not_found",
    status: 404,
    message: `The model '${name.slice(0, 200)}' is not offered here; GET /v1/models lists the names that are.`,
    param: "model",
  });
}

function protocolOf(request: Request): Protocol {
  if (speaksGemini(request)) return protocols["gemini-generate"];
  return protocols[speaksAnthropic(request) ? "anthropic-messages" : "openai-chat"];
}

/** OpenAI's API for clients. */
export function openaiRoutes(parts: RouteParts, refusals: Refusals) {
  /** The clients of three protocols share the paths of the models. */
  const modelRoute =
    (answer: (request: Request) => Response) =>
    ({ request }: { request: Request }): Promise<Response> =>
      protocolRoute({ protocol: protocolOf(request), refusals, answer })({ request });

  const oneModel = modelRoute((request) => {
    const models = offeredTo(request, parts);
    const name = modelNameOf(request);
    const model = models.find((info) => info.id === name);
    if (model === undefined) throw unknownModel(name);
    if (speaksGemini(request)) return Response.json(geminiModel(model));
    return Response.json(speaksAnthropic(request) ? anthropicModel(model) : model);
  });

  return new Elysia({ name: "openai" })
    .post("/v1/chat/completions", inferenceRoute({ protocol: protocols["openai-chat"], parts, refusals }), {
      parse: "none",
      detail: chatDetail as never,
    })
    .get(
      "/v1/models",
      modelRoute((request) => {
        const models = offeredTo(request, parts);
        if (speaksGemini(request)) return Response.json(geminiModels(models, new URL(request.url).searchParams));
        if (speaksAnthropic(request)) return Response.json(anthropicModels(models, new URL(request.url).searchParams));
        return Response.json({ object: "list", data: models });
      }),
      {
        detail: {
          tags: ["models"],
          security: anonymousWhereAllowed,
          summary: "Models that may be asked for",
          responses: {
            200: {
              description: "The list",
              ...jsonContent(modelListSchema),
            },
          },
        },
      },
    )
    .get("/v1/models/*", oneModel, { detail: { hide: true } })
    .get("/v1/models/:model", oneModel, {
      detail: {
        tags: ["models"],
        security: anonymousWhereAllowed,
        summary: "One model",
        responses: { 200: { description: "The model", ...jsonContent(modelSchema) }, 404: failures[404] },
      } as never,
    });
}
