import { Elysia } from "elysia";
import { z } from "zod";
import { completionRequestSchema, completionResponseSchema } from "../../protocols/openai-completions/schema.ts";
import { protocols } from "../../protocols/registry.ts";
import { jsonContent } from "../docs/openapi.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { readClientCall } from "./client-call.ts";
import { describeInference } from "./descriptions.ts";
import { embeddingsRoute } from "./embeddings.ts";
import { inferenceRoute } from "./inference.ts";
import { openaiEndpoints, type OpenaiEndpoint } from "./openai-endpoints.ts";
import { protocolRoute } from "./protocol-route.ts";

const anything = jsonContent(z.looseObject({}));
const modelNamed = jsonContent(z.looseObject({ model: z.string() }));

const embeddingRequest = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.string()), z.array(z.int()), z.array(z.array(z.int()))]),
  dimensions: z.int().optional(),
  encoding_format: z.enum(["float", "base64"]).optional(),
});

function endpointRoute(endpoint: OpenaiEndpoint, parts: RouteParts, refusals: Refusals) {
  const protocol = protocols["openai-chat"];
  return protocolRoute({
    protocol,
    refusals,
    async answer(request) {
      const call = await readClientCall(request, parts);
      const { path, operation, wire } = endpoint;
      return parts.gateway.forwardOpenai({ ...call, protocol, path, operation, wire });
    },
  });
}

/** OpenAI's endpoints besides chat and responses. */
export function openaiMoreRoutes(parts: RouteParts, refusals: Refusals) {
  const protocol = protocols["openai-chat"];
  const app = new Elysia({ name: "openai-more" })
    .post("/v1/completions", inferenceRoute({ protocol: protocols["openai-completions"], parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Text completion (legacy)",
        request: jsonContent(completionRequestSchema),
        response: jsonContent(completionResponseSchema),
        streamType: "text/event-stream",
      }),
    })
    .post("/v1/embeddings", embeddingsRoute({ dialect: "openai-embeddings", protocol, parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Vectors for texts",
        request: jsonContent(embeddingRequest),
        response: anything,
      }),
    });
  for (const endpoint of openaiEndpoints) {
    app.post(`/v1${endpoint.path}`, endpointRoute(endpoint, parts, refusals), {
      parse: "none",
      detail: describeInference({
        summary: endpoint.summary,
        description:
          "For models of providers with OpenAI's API: the body goes upstream as it is, but for the model's name.",
        request: modelNamed,
        response: anything,
      }),
    });
  }
  return app;
}
