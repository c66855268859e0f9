import { z } from "zod";
import type { ProtocolId } from "../protocols/protocol.ts";
import { joinUrl } from "./join-url.ts";
import type { ModelFacts, ModelPage, Provider } from "./provider.ts";

const paths: Partial<Record<ProtocolId, string>> = {
  "openai-chat": "/chat/completions",
  "openai-completions": "/completions",
  "openai-responses": "/responses",
  "anthropic-messages": "/messages",
};

export function authorizeBearer(headers: Record<string, string>, credential: string | undefined): void {
  if (credential !== undefined) headers["authorization"] = `Bearer ${credential}`;
}

// Servers of this family add their own names for the context length: vLLM max_model_len, LM Studio and others as below.
const count = z.number().nullish().catch(undefined);
const modelSchema = z.looseObject({
  id: z.string(),
  created: count,
  context_length: count,
  context_window: count,
  max_model_len: count,
  max_context_length: count,
});
const listSchema = z.looseObject({ data: z.array(z.unknown()) });

function readModel(value: unknown): ModelFacts[] {
  const parsed = modelSchema.safeParse(value);
  if (!parsed.success) return [];
  const model = parsed.data;
  return [
    {
      id: model.id,
      created: model.created ?? undefined,
      contextLength:
        model.context_length ?? model.context_window ?? model.max_model_len ?? model.max_context_length ?? undefined,
      maxOutputTokens: undefined,
      capabilities: undefined,
      pricing: undefined,
    },
  ];
}

export function readOpenaiModels(page: unknown): ModelPage | undefined {
  const parsed = listSchema.safeParse(page);
  return parsed.success ? { models: parsed.data.data.flatMap(readModel), next: undefined } : undefined;
}

/** A provider with OpenAI's API: its paths, its Bearer key, its list of models. */
export function createOpenaiFamily(id: Provider["id"]): Provider {
  return {
    id,
    endpoint: ({ baseUrl, protocol }) => joinUrl(baseUrl, paths[protocol] ?? "/chat/completions"),
    authorize: authorizeBearer,
    models: { url: (baseUrl) => joinUrl(baseUrl, "/models"), read: readOpenaiModels },
    embeddings: { dialect: "openai-embeddings", url: ({ baseUrl }) => joinUrl(baseUrl, "/embeddings") },
    openaiEndpoint: ({ baseUrl, path }) => joinUrl(baseUrl, path),
  };
}
