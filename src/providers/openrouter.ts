import { z } from "zod";
import { joinUrl } from "./join-url.ts";
import { authorizeBearer, createOpenaiFamily } from "./openai-family.ts";
import type { ModelFacts, ModelPage, Provider } from "./provider.ts";

const count = z.number().nullish().catch(undefined);
const names = z.array(z.string()).nullish().catch(undefined);

const modelSchema = z.looseObject({
  id: z.string(),
  created: count,
  context_length: count,
  architecture: z.looseObject({ input_modalities: names }).nullish().catch(undefined),
  pricing: z.looseObject({ prompt: z.string(), completion: z.string() }).nullish().catch(undefined),
  top_provider: z.looseObject({ context_length: count, max_completion_tokens: count }).nullish().catch(undefined),
  supported_parameters: names,
});

const pageSchema = z.looseObject({
  data: z.array(z.unknown()),
  links: z.looseObject({ next: z.string().nullish() }).nullish().catch(undefined),
});

/** Prices are strings of dollars per token; -1 marks a price that depends on the model chosen (openrouter/auto). */
function pricingOf(pricing: { prompt: string; completion: string } | null | undefined): ModelFacts["pricing"] {
  if (pricing === null || pricing === undefined || !/^\d/.test(pricing.prompt) || !/^\d/.test(pricing.completion))
    return undefined;
  const input = Number(pricing.prompt) * 1e6;
  const output = Number(pricing.completion) * 1e6;
  if (!Number.isFinite(input) || !Number.isFinite(output)) return undefined;
  return { input: Number(input.toPrecision(12)), output: Number(output.toPrecision(12)) };
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
