import { Elysia } from "elysia";
import { z } from "zod";
import { GatewayError, invalidRequest } from "../../errors.ts";
import { ollamaChatRequestSchema, ollamaChatResponseSchema } from "../../protocols/ollama-chat/schema.ts";
import { ollamaGenerateRequestSchema, ollamaGenerateResponseSchema } from "../../protocols/ollama-generate/schema.ts";
import { protocols } from "../../protocols/registry.ts";
import type { ModelInfo } from "../../routing/offered-models.ts";
import { readBody } from "../body.ts";
import { jsonContent } from "../docs/openapi.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { describeInference, describeModels } from "./descriptions.ts";
import { embeddingsRoute } from "./embeddings.ts";
import { inferenceRoute } from "./inference.ts";
import { ollamaRunning, ollamaShow, ollamaTag } from "./model-views.ts";
import { offeredTo } from "./offered.ts";
import { protocolRoute } from "./protocol-route.ts";

const anySchema = z.looseObject({});

/** Clients compare it with the version that brought what they need; VS Code wants 0.6.4. */
const ollamaVersion = "0.30.0";

const showSchema = z.looseObject({ model: z.string().optional(), name: z.string().optional() });

function unknownModel(name: string): GatewayError {
  const message = `model '${name.slice(0, 200)}' not found; GET /api/tags lists the names that are`;
  return new GatewayError({ code: "model_not_found", status: 404, message, param: "model" });
}

async function readName(parts: RouteParts, request: Request): Promise<string> {
  const { maxBodyBytes: maxBytes, bodyTimeout: timeoutMs } = parts.server;
  const body = await readBody(request, { maxBytes, timeoutMs });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    throw invalidRequest("The request body is not valid JSON.");
  }
  const parsed = showSchema.safeParse(value);
  const name = parsed.success ? (parsed.data.model ?? parsed.data.name) : undefined;
  if (name === undefined) throw invalidRequest("`model` is missing; send the name of a model.", "model");
  return name;
}

/** Ollama names a model without a tag `name:latest`. */
function findModel(models: readonly ModelInfo[], name: string): ModelInfo {
  const info = models.find(({ id }) => id === name) ?? models.find(({ id }) => `${id}:latest` === name);
  if (info === undefined) throw unknownModel(name);
  return info;
}

/** Ollama's API for clients. */
export function ollamaRoutes(parts: RouteParts, refusals: Refusals) {
  const protocol = protocols["ollama-chat"];
  const list = (view: (info: ModelInfo) => object) =>
    protocolRoute({
      protocol,
      refusals,
      answer(request) {
        return Response.json({ models: offeredTo(request, parts).map(view) });
      },
    });
  const show = protocolRoute({
    protocol,
    refusals,
    async answer(request) {
      const models = offeredTo(request, parts);
      return Response.json(ollamaShow(findModel(models, await readName(parts, request))));
    },
  });

  const embed = embeddingsRoute({ dialect: "ollama-embed", protocol, parts, refusals });
  const anything = jsonContent(anySchema);
  const embedDetail = describeInference({
    summary: "Vectors for texts, as Ollama makes them",
    request: anything,
    response: anything,
  });

  return new Elysia({ name: "ollama" })
    .post("/api/chat", inferenceRoute({ protocol, parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Ollama chat",
        request: jsonContent(ollamaChatRequestSchema),
        response: jsonContent(ollamaChatResponseSchema),
        streamType: "application/x-ndjson",
      }),
    })
    .post("/api/generate", inferenceRoute({ protocol: protocols["ollama-generate"], parts, refusals }), {
      parse: "none",
      detail: describeInference({
        summary: "Ollama generate",
        request: jsonContent(ollamaGenerateRequestSchema),
        response: jsonContent(ollamaGenerateResponseSchema),
        streamType: "application/x-ndjson",
      }),
    })
    .post("/api/embed", embed, { parse: "none", detail: embedDetail })
    .post("/api/embeddings", embed, { parse: "none", detail: embedDetail })
    .get("/api/tags", list(ollamaTag), { detail: describeModels("Models, as Ollama lists them") })
    .get("/api/ps", list(ollamaRunning), { detail: describeModels("Models that answer at once, as Ollama lists them") })
    .post("/api/show", show, { parse: "none", detail: describeModels("One model, as Ollama shows it") })
    .get("/api/version", () => Response.json({ version: ollamaVersion }), {
      detail: describeModels("The version of Ollama whose API this is", []),
    });
}
