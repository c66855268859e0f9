import { Elysia } from "elysia";
import { z } from "zod";
import { responsesRequestSchema, responsesResponseSchema } from "../../protocols/openai-responses/schema.ts";
import { GatewayError } from "../../errors.ts";
import { protocols } from "../../protocols/registry.ts";
import { anonymousWhereAllowed, jsonContent } from "../docs/openapi.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { readClientCall } from "./client-call.ts";
import { countTokensRoute } from "./count-tokens.ts";
import { describeInference } from "./descriptions.ts";
import { inferenceRoute } from "./inference.ts";
import { protocolRoute } from "./protocol-route.ts";

const inputTokensSchema = z.object({ object: z.literal("response.input_tokens"), input_tokens: z.int() });

function describe(summary: string): never {
  return {
    tags: ["inference"],
    security: anonymousWhereAllowed,
    summary,
    responses: { 200: { description: "OK" }, 404: { description: "Not kept here" } },
  } as never;
}

/** OpenAI's Responses for clients, with those that the gateway keeps itself. */
export function responsesRoutes(parts: RouteParts, refusals: Refusals) {
  const protocol = protocols["openai-responses"];
  const { access, gateway } = parts;
  /** From the gateway's own, else from the upstream that keeps responses. */
  const stored = (answer: (id: string, keyId: string) => object | Promise<object>) =>
    protocolRoute({
      protocol,
      refusals,
      async answer(request) {
        const { keyId } = access.caller(request);
        const { pathname, searchParams: query } = new URL(request.url);
        const id = pathname.split("/")[3] ?? "";
        try {
          await gateway.responses.bring?.([id]);
          return Response.json(await answer(id, keyId));
        } catch (error) {
          const provider = gateway.keeperOfResponses();
          const mayAsk = provider !== undefined && gateway.responses.mayAsk(id, keyId);
          if (!mayAsk || !(error instanceof GatewayError)) throw error;
          const call = await readClientCall(request, parts);
          const path = pathname.slice("/v1".length);
          const { method } = request;
          return gateway.forwardOpaque({ ...call, protocol, provider, path, query, method, isFollowUp: true });
        }
      },
    });

  return new Elysia({ name: "responses" })
    .post("/v1/responses", inferenceRoute({ protocol, parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Response",
        request: jsonContent(responsesRequestSchema),
        response: jsonContent(responsesResponseSchema),
        streamType: "text/event-stream",
      }),
    })
    .post("/v1/responses/input_tokens", countTokensRoute({ protocol, parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Input tokens of a response",
        request: jsonContent(responsesRequestSchema),
        response: jsonContent(inputTokensSchema),
      }),
    })
    .get(
      "/v1/responses/:id",
      stored((id, keyId) => gateway.responses.read(id, keyId)),
      {
        detail: describe("A response that was kept"),
      },
    )
    .delete(
      "/v1/responses/:id",
      stored((id, keyId) => gateway.responses.remove(id, keyId)),
      {
        detail: describe("Forget a response"),
      },
    )
    .post(
      "/v1/responses/:id/cancel",
      stored((id, keyId) => gateway.responses.read(id, keyId)),
      {
        parse: "none",
        detail: describe("Responses are never made in the background here: the finished one is given back"),
      },
    )
    .get(
      "/v1/responses/:id/input_items",
      stored((id, keyId) => gateway.responses.inputItems(id, keyId)),
      {
        detail: describe("What a kept response was asked with"),
      },
    );
}
