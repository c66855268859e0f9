import { z } from "zod";
import type { ProtocolId } from "../protocols/protocol.ts";
import { joinUrl } from "./join-url.ts";
import { authorizeBearer } from "./openai-family.ts";
import type { ModelFacts, ModelPage, Provider } from "./provider.ts";

const paths: Readonly<Record<ProtocolId, string>> = {
  "ollama-chat": "/api/chat",
  "ollama-generate": "/api/generate",
  "openai-chat": "/v1/chat/completions",
  "openai-completions": "/v1/completions",
  "openai-responses": "/v1/responses",
  "anthropic-messages": "/v1/messages",
  "gemini-generate": "/api/chat",
};

const modelSchema = z.looseObject({
  name: z.string(),
  model: z.string().nullish().catch(undefined),
  modified_at: z.string().nullish().catch(undefined),
  capabilities: z.array(z.string()).nullish().catch(undefined),
  details: z
    .looseObject({ context_length: z.number().nullish().catch(undefined) })
    .nullish()
    .catch(undefined),
});
const listSchema = z.looseObject({ models: z.array(z.unknown()) });

function readModel(value: unknown): ModelFacts[] {
  const parsed = modelSchema.safeParse(value);
  if (!parsed.success) return [];
  const { name, model, modified_at: modified, capabilities, details } = parsed.data;
  const created = Date.parse(modified ?? "") / 1000;
  return [
    {
      id: model ?? name,
      created: Number.isNaN(created) ? undefined : Math.floor(created),
      contextLength: details?.context_length ?? undefined,
      maxOutputTokens: undefined,
      capabilities: capabilities
        ? {
            tools: capabilities.includes("tools"),
            vision: capabilities.includes("vision"),
            reasoning: capabilities.includes("thinking"),
          }
        : undefined,
      pricing: undefined,
    },
  ];
}

function readModels(page: unknown): ModelPage | undefined {
  const parsed = listSchema.safeParse(page);
  return parsed.success ? { models: parsed.data.models.flatMap(readModel), next: undefined } : undefined;
}

/** Ollama's own API and its compatible ones; `baseUrl` is the host. */
export const ollama: Provider = {
  id: "ollama",
  endpoint: ({ baseUrl, protocol }) => joinUrl(baseUrl, paths[protocol]),
  authorize: authorizeBearer,
  models: { url: (baseUrl) => joinUrl(baseUrl, "/api/tags"), read: readModels },
  embeddings: { dialect: "ollama-embed", url: ({ baseUrl }) => joinUrl(baseUrl, "/api/embed") },
};
