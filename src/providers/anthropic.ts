import { z } from "zod";
import { joinUrl, withQuery } from "./join-url.ts";
import type { ModelFacts, ModelPage, Provider } from "./provider.ts";

const count = z.number().nullish().catch(undefined);
const modelSchema = z.looseObject({
  id: z.string(),
  created_at: z.string().nullish().catch(undefined),
  max_input_tokens: count,
  max_tokens: count,
});
const listSchema = z.looseObject({
  data: z.array(z.unknown()),
  has_more: z.boolean().nullish().catch(undefined),
  last_id: z.string().nullish().catch(undefined),
});

function readModel(value: unknown): ModelFacts[] {
  const parsed = modelSchema.safeParse(value);
  if (!parsed.success) return [];
  const model = parsed.data;
  const created = Date.parse(model.created_at ?? "") / 1000;
  return [
    {
      id: model.id,
      created: Number.isNaN(created) ? undefined : Math.floor(created),
      contextLength: model.max_input_tokens ?? undefined,
      maxOutputTokens: model.max_tokens ?? undefined,
      capabilities: undefined,
      pricing: undefined,
    },
  ];
}

function readModels(page: unknown, from: URL): ModelPage | undefined {
  const parsed = listSchema.safeParse(page);
  if (!parsed.success) return undefined;
  const { data, has_more: hasMore, last_id: lastId } = parsed.data;
  const models = data.flatMap(readModel);
  if (hasMore !== true || lastId === null || lastId === undefined) return { models, next: undefined };
  const next = new URL(from);
  next.searchParams.set("after_id", lastId);
  return { models, next };
}

/** https://api.anthropic.com: `baseUrl` is the host, the version is in the path. */
export const anthropic: Provider = {
  id: "anthropic",
  endpoint: ({ baseUrl, protocol }) =>
    joinUrl(baseUrl, protocol === "openai-chat" ? "/v1/chat/completions" : "/v1/messages"),
  authorize(headers, credential) {
    if (credential !== undefined) headers["x-api-key"] = credential;
    // The older version takes sampling parameters, where the model does; a client's own choice is left alone.
    headers["anthropic-version"] ??= "2023-06-01";
  },
  models: { url: (baseUrl) => withQuery(joinUrl(baseUrl, "/v1/models"), { limit: "1000" }), read: readModels },
  countTokens: { "anthropic-messages": ({ baseUrl }) => joinUrl(baseUrl, "/v1/messages/count_tokens") },
};
