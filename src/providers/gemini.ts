import { z } from "zod";
import { joinUrl, withQuery } from "./join-url.ts";
import type { EndpointCall, ModelFacts, ModelPage, Provider } from "./provider.ts";

const count = z.number().nullish().catch(undefined);
const modelSchema = z.looseObject({
  name: z.string(),
  inputTokenLimit: count,
  outputTokenLimit: count,
  thinking: z.boolean().nullish().catch(undefined),
  supportedGenerationMethods: z.array(z.string()).nullish().catch(undefined),
});
const listSchema = z.looseObject({
  models: z.array(z.unknown()),
  nextPageToken: z.string().nullish().catch(undefined),
});

function readModel(value: unknown): ModelFacts[] {
  const parsed = modelSchema.safeParse(value);
  if (!parsed.success) return [];
  const model = parsed.data;
  const isChat = model.supportedGenerationMethods?.includes("generateContent");
  return [
    {
      id: model.name.replace(/^models\//, ""),
      created: undefined,
      contextLength: model.inputTokenLimit ?? undefined,
      maxOutputTokens: model.outputTokenLimit ?? undefined,
      // Every generating Gemini model calls functions and sees.
      capabilities: isChat === true ? { tools: true, vision: true, reasoning: model.thinking ?? false } : undefined,
      pricing: undefined,
    },
  ];
}

function readModels(page: unknown, from: URL): ModelPage | undefined {
  const parsed = listSchema.safeParse(page);
  if (!parsed.success) return undefined;
  const { models, nextPageToken: token } = parsed.data;
  const next =
    token === null || token === undefined || token === "" ? undefined : withQuery(new URL(from), { pageToken: token });
  return { models: models.flatMap(readModel), next };
}

/** One segment of a path, so that no model name leads to another place. */
function modelPath(baseUrl: string, model: string, method: string): URL {
  return joinUrl(baseUrl, `/v1beta/models/${encodeURIComponent(model.replace(/^models\//, ""))}:${method}`);
}

function endpoint({ baseUrl, protocol, model, stream }: EndpointCall): URL {
  if (protocol === "openai-chat") return joinUrl(baseUrl, "/v1beta/openai/chat/completions");
  if (!stream) return modelPath(baseUrl, model, "generateContent");
  return withQuery(modelPath(baseUrl, model, "streamGenerateContent"), { alt: "sse" });
}

/** https://ai.google.dev: `baseUrl` is the host. */
export const gemini: Provider = {
  id: "gemini",
  endpoint,
  authorize(headers, credential) {
    if (credential !== undefined) headers["x-goog-api-key"] = credential;
  },
  models: { url: (baseUrl) => withQuery(joinUrl(baseUrl, "/v1beta/models"), { pageSize: "1000" }), read: readModels },
  embeddings: { dialect: "gemini-embed", url: ({ baseUrl, model }) => modelPath(baseUrl, model, "batchEmbedContents") },
  countTokens: { "gemini-generate": ({ baseUrl, model }) => modelPath(baseUrl, model, "countTokens") },
};
