import { z } from "zod";
import { joinUrl } from "./join-url.ts";
import { authorizeBearer, createOpenaiFamily } from "./openai-family.ts";
import type { ModelFacts, ModelPage, Provider } from "./provider.ts";

const count = z.number().nullish().catch(undefined);
const names = z.array(z.string()).nullish().catch(undefined);

const optional = z.string().nullish().catch(undefined);
/** Dollars as text: for each token, `request` for each request. */
const rateTexts = {
  prompt: z.string(),
  completion: z.string(),
  input_cache_read: optional,
  input_cache_write: optional,
  internal_reasoning: optional,
  request: optional,
};
type RateTexts = z.infer<z.ZodObject<typeof rateTexts>>;

const modelSchema = z.looseObject({
  id: z.string(),
  created: count,
  context_length: count,
  architecture: z.looseObject({ input_modalities: names }).nullish().catch(undefined),
  pricing: z.looseObject(rateTexts).nullish().catch(undefined),
  top_provider: z.looseObject({ context_length: count, max_completion_tokens: count }).nullish().catch(undefined),
  supported_parameters: names,
});

const pageSchema = z.looseObject({
  data: z.array(z.unknown()),
  links: z.looseObject({ next: z.string().nullish() }).nullish().catch(undefined),
});

/** -1 marks a price that depends on the model chosen (openrouter/auto). */
function dollarsOf(text: string | null | undefined, times: number): number | undefined {
  if (text === null || text === undefined || !/^\d/.test(text)) return undefined;
  const dollars = Number(text) * times;
  return Number.isFinite(dollars) ? Number(dollars.toPrecision(12)) : undefined;
}

const million = 1e6;

/** 0 stands for "costs nothing of its own" there: a cache that is priced 0 is none, and reasoning counts as output. */
function ownRate(text: string | null | undefined, times: number): number | undefined {
  return dollarsOf(text, times) || undefined;
}

function pricingOf(pricing: RateTexts | null | undefined): ModelFacts["pricing"] {
  const input = dollarsOf(pricing?.prompt, million);
  const output = dollarsOf(pricing?.completion, million);
  if (input === undefined || output === undefined) return undefined;
  return {
    input,
    output,
    cacheRead: ownRate(pricing?.input_cache_read, million),
    cacheWrite: ownRate(pricing?.input_cache_write, million),
    reasoning: ownRate(pricing?.internal_reasoning, million),
    request: ownRate(pricing?.request, 1),
  };
}

function readModel(value: unknown): ModelFacts[] {
  const parsed = modelSchema.safeParse(value);
  if (!parsed.success) return [];
  const model = parsed.data;
  const parameters = model.supported_parameters ?? undefined;
  return [
    {
      id: model.id,
      created: model.created ?? undefined,
      contextLength: model.context_length ?? model.top_provider?.context_length ?? undefined,
      maxOutputTokens: model.top_provider?.max_completion_tokens ?? undefined,
      capabilities: parameters && {
        tools: parameters.includes("tools"),
        vision: model.architecture?.input_modalities?.includes("image") ?? false,
        reasoning: parameters.includes("reasoning"),
      },
      pricing: pricingOf(model.pricing),
      supportedParameters: parameters,
    },
  ];
}

function readModels(page: unknown, from: URL): ModelPage | undefined {
  const parsed = pageSchema.safeParse(page);
  if (!parsed.success) return undefined;
  const next = parsed.data.links?.next;
  const nextUrl = next === null || next === undefined || next === "" ? null : URL.parse(next, from);
  return { models: parsed.data.data.flatMap(readModel), next: nextUrl?.origin === from.origin ? nextUrl : undefined };
}

/** https://openrouter.ai: names itself in the attribution headers unless the client did. */
export const openrouter: Provider = {
  ...createOpenaiFamily("openrouter"),
  authorize(headers, credential) {
    authorizeBearer(headers, credential);
    headers["http-referer"] ??= "https://github.com/orcestator/orcestator";
    if (headers["x-title"] === undefined) headers["x-openrouter-title"] ??= "Orcestator";
  },
  models: { url: (baseUrl) => joinUrl(baseUrl, "/models"), read: readModels },
};
