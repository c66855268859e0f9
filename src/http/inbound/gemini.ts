import { Elysia } from "elysia";
import { GatewayError } from "../../errors.ts";
import type { PathFacts } from "../../protocols/canonical/codec.ts";
import { geminiRequestSchema, geminiResponseSchema } from "../../protocols/gemini-generate/schema.ts";
import { protocols } from "../../protocols/registry.ts";
import { jsonContent } from "../docs/openapi.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { countTokensRoute } from "./count-tokens.ts";
import { describeInference, describeModels } from "./descriptions.ts";
import { embeddingsRoute } from "./embeddings.ts";
import { inferenceRoute } from "./inference.ts";
import { geminiModel, geminiModels } from "./model-views.ts";
import { offeredTo } from "./offered.ts";
import { protocolRoute } from "./protocol-route.ts";

const modelsPath = /^\/v1(?:beta)?\/models\//;

/** `models/{model}:{method}`; a model's name may hold slashes and colons, escaped or not. */
function readPath(request: Request): { model: string; method: string; query: URLSearchParams } {
  const { pathname, searchParams } = new URL(request.url);
  const rest = decoded(pathname.replace(modelsPath, ""));
  const colon = rest.lastIndexOf(":");
  const model = (colon === -1 ? rest : rest.slice(0, colon)).replace(/^models\//, "");
  return { model, method: colon === -1 ? "" : rest.slice(colon + 1), query: searchParams };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unknownMethod(method: string): GatewayError {
  const message = `There is no method '${method.slice(0, 100)}' here; use generateContent, streamGenerateContent, countTokens, embedContent or batchEmbedContents.`;
  return new GatewayError({ code: "not_found", status: 404, message });
}

function unknownModel(name: string): GatewayError {
  const message = `models/${name.slice(0, 200)} is not found; GET /v1beta/models lists what there is.`;
  return new GatewayError({ code: "model_not_found", status: 404, message, param: "model" });
}

function pathFactsOf(request: Request): PathFacts {
  const { model, method, query } = readPath(request);
  const stream = method === "streamGenerateContent";
  return { model, stream, isArray: stream && query.get("alt") !== "sse" };
}

/** Gemini's API for clients, under /v1beta and under /v1, where its newer SDK looks. */
export function geminiRoutes(parts: RouteParts, refusals: Refusals) {
  const protocol = protocols["gemini-generate"];
  const generate = inferenceRoute({ protocol, parts, refusals, pathFactsOf });
  const count = countTokensRoute({ protocol, parts, refusals, pathFactsOf });
  const embed = embeddingsRoute({
    dialect: "gemini-embed",
    protocol,
    parts,
    refusals,
    modelOf: (request) => readPath(request).model,
  });
  const refuse = protocolRoute({
    protocol,
    refusals,
    answer(request) {
      parts.access.caller(request);
      throw unknownMethod(readPath(request).method);
    },
  });

  const methods: Readonly<Record<string, (context: { request: Request }) => Promise<Response>>> = {
    generateContent: generate,
    streamGenerateContent: generate,
    countTokens: count,
    embedContent: embed,
    batchEmbedContents: embed,
  };
  const call = (context: { request: Request }): Promise<Response> => {
    const { method } = readPath(context.request);
    return (Object.hasOwn(methods, method) ? (methods[method] ?? refuse) : refuse)(context);
  };
  const list = protocolRoute({
    protocol,
    refusals,
    answer(request) {
      return Response.json(geminiModels(offeredTo(request, parts), new URL(request.url).searchParams));
    },
  });
  const one = protocolRoute({
    protocol,
    refusals,
    answer(request) {
      const models = offeredTo(request, parts);
      const { pathname } = new URL(request.url);
      const name = decoded(pathname.replace(modelsPath, ""));
      const info = models.find(({ id }) => id === name);
      if (info === undefined) throw unknownModel(name);
      return Response.json(geminiModel(info));
    },
  });

  const detail = describeInference({
    summary:
      "Gemini: {model}:generateContent, :streamGenerateContent, :countTokens, :embedContent, :batchEmbedContents",
    description: "Streams are a JSON array, or server-sent events with `?alt=sse`.",
    request: jsonContent(geminiRequestSchema),
    response: jsonContent(geminiResponseSchema),
    streamType: "text/event-stream",
  });
  return (
    new Elysia({ name: "gemini" })
      .post("/v1beta/models/:call", call, { parse: "none", detail })
      // Names of models hold slashes; the documents show the plain form only.
      .post("/v1beta/models/*", call, { parse: "none", detail: { hide: true } })
      .post("/v1/models/*", call, { parse: "none", detail: { hide: true } })
      .get("/v1beta/models", list, { detail: describeModels("Models, as Gemini lists them") })
      .get("/v1beta/models/:model", one, { detail: describeModels("One model, as Gemini shows it") })
      .get("/v1beta/models/*", one, { detail: { hide: true } })
  );
}
