import { z } from "zod";
import { anonymousWhereAllowed, jsonContent } from "../docs/openapi.ts";

const anySchema = z.looseObject({});

interface Content {
  content: Record<string, { schema: object }>;
}

interface InferenceDescription {
  summary: string;
  description?: string;
  request: Content;
  response: Content;
  /** `content-type` of its streams; none when it never streams. */
  streamType?: string;
}

const failures = {
  400: { description: "The request cannot be read or cannot be carried to the model's provider" },
  401: { description: "No key, or an unknown one" },
  404: { description: "No such model" },
  413: { description: "The body is too large" },
  429: { description: "The upstream limits requests; see Retry-After" },
  503: { description: "The upstream failed for good; the gateway has retried already" },
};

/** What the API documents say of a route that asks models. */
export function describeInference({
  summary,
  description,
  request,
  response,
  streamType,
}: InferenceDescription): never {
  const stream = streamType === undefined ? {} : { [streamType]: { schema: { type: "string" } } };
  return {
    tags: ["inference"],
    security: anonymousWhereAllowed,
    summary,
    ...(description === undefined ? {} : { description }),
    requestBody: { required: true, ...request },
    responses: {
      200: { description: "The answer", content: { ...response.content, ...stream } },
      ...failures,
    },
  } as never;
}

export function describeModels(summary: string, security = anonymousWhereAllowed): never {
  return {
    tags: ["models"],
    security,
    summary,
    responses: { 200: { description: "OK", ...jsonContent(anySchema) } },
  } as never;
}
