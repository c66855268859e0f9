import { Elysia } from "elysia";
import { anthropicRequestSchema, anthropicResponseSchema } from "../../protocols/anthropic-messages/schema.ts";
import { protocols } from "../../protocols/registry.ts";
import { z } from "zod";
import { jsonContent } from "../docs/openapi.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { countTokensRoute } from "./count-tokens.ts";
import { describeInference } from "./descriptions.ts";
import { inferenceRoute } from "./inference.ts";

const inputTokensSchema = z.object({ input_tokens: z.int() });

/** Anthropic's API for clients; its list of models shares /v1/models with OpenAI's. */
export function anthropicRoutes(parts: RouteParts, refusals: Refusals) {
  const protocol = protocols["anthropic-messages"];
  return new Elysia({ name: "anthropic" })
    .post("/v1/messages", inferenceRoute({ protocol, parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Anthropic message",
        request: jsonContent(anthropicRequestSchema),
        response: jsonContent(anthropicResponseSchema),
        streamType: "text/event-stream",
      }),
    })
    .post("/v1/messages/count_tokens", countTokensRoute({ protocol, parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Input tokens of an Anthropic message",
        description:
          "Asked of the upstream where it counts; else estimated, and `x-orcestator-estimated: true` says so.",
        request: jsonContent(anthropicRequestSchema),
        response: jsonContent(inputTokensSchema),
      }),
    });
}
