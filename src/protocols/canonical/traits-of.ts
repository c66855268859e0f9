import { ordinaryTraits, type ModelTraits } from "./model-traits.ts";
import { families, type Family } from "./traits-families.ts";
import { providerTraits } from "./traits-providers.ts";

/** What a provider's own list says of a model. */
export interface TraitFacts {
  maxOutputTokens?: number | undefined;
  /** Request fields the model takes, by OpenAI's names. */
  supportedParameters?: readonly string[] | undefined;
  capabilities?: { reasoning: boolean } | undefined;
}

export interface TraitsQuestion {
  /** The name the provider knows. */
  model: string;
  /** Type of the provider. */
  provider: string;
  facts?: TraitFacts | undefined;
}

const longestName = 200;
const mostKept = 1000;
const kept = new Map<string, ModelTraits>();

/**
 * The bare name: no vendor or path before it (`anthropic/…`, `models/…`, `accounts/fireworks/models/…`), no variant behind it
 * (`:free`, Ollama's `:20b`). Fine-tunes are `ft:<model>:<organization>:…`. Fireworks writes a version's dot as `p`.
 */
function bareName(model: string): string {
  const name = model.slice(0, longestName).trim().toLowerCase();
  const segments = name.slice(name.lastIndexOf("/") + 1).split(":");
  const bare = (segments[0] === "ft" ? segments[1] : segments[0]) ?? "";
  return bare.replaceAll(/(?<=\d)p(?=\d)/g, ".");
}

function familyTraits({ name, changes }: Family, model: string, provider: string): Partial<ModelTraits> {
  const match = name.exec(model);
  if (match === null) return {};
  const [, major, minor] = match;
  const version = major === undefined ? Infinity : Number(major) * 100 + Number(minor ?? 0);
  const holding = changes.filter(
    ({ since, only, at }) => since <= version && only?.test(model) !== false && at?.includes(provider) !== false,
  );
  return Object.assign({}, ...holding.map(({ traits }) => traits)) as Partial<ModelTraits>;
}

function read(model: string, provider: string): ModelTraits {
  const { usual, always } = Object.hasOwn(providerTraits, provider) ? (providerTraits[provider] ?? {}) : {};
  const name = bareName(model);
  const own = families.map((family) => familyTraits(family, name, provider));
  return Object.assign({}, ordinaryTraits, usual, ...own, always) as ModelTraits;
}

function remembered(model: string, provider: string): ModelTraits {
  if (model.length > longestName) return read(model, provider);
  const key = `${provider} ${model}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const oldest = kept.size < mostKept ? undefined : kept.keys().next().value;
  if (oldest !== undefined) kept.delete(oldest);
  const traits = Object.freeze(read(model, provider));
  kept.set(key, traits);
  return traits;
}

const noThinking: Partial<ModelTraits> = { chatReasoning: "none", thinking: "none", geminiThinking: "none" };

function thinkingOf({ chatReasoning }: ModelTraits, parameters: readonly string[]): Partial<ModelTraits> {
  const takes = (field: string): boolean => parameters.includes(field);
  if (!takes("reasoning") && !takes("reasoning_effort") && !takes("include_reasoning")) return noThinking;
  if (chatReasoning !== "none") return {};
  if (takes("reasoning_effort")) return { chatReasoning: "reasoning_effort" };
  return takes("reasoning") ? { chatReasoning: "reasoning" } : {};
}

function samplingOf({ sampling }: ModelTraits, parameters: readonly string[]): ModelTraits["sampling"] {
  if (!parameters.includes("temperature") && !parameters.includes("top_p")) return "none";
  return sampling === "none" ? "all" : sampling;
}

function listedTraits(traits: ModelTraits, parameters: readonly string[] | undefined): Partial<ModelTraits> {
  if (parameters === undefined || parameters.length === 0) return {};
  return {
    sampling: samplingOf(traits, parameters),
    structuredOutput: parameters.includes("structured_outputs"),
    extraSampling: ["top_k", "min_p", "repetition_penalty"].some((field) => parameters.includes(field)),
    ...thinkingOf(traits, parameters),
  };
}

/** What a model at a provider takes: from its name and its provider's type, and before these from the provider's own list. */
export function traitsOf({ model, provider, facts }: TraitsQuestion): ModelTraits {
  const traits = remembered(model, provider);
  if (facts === undefined) return traits;
  const { maxOutputTokens = 0, supportedParameters, capabilities } = facts;
  return {
    ...traits,
    ...listedTraits(traits, supportedParameters),
    ...(capabilities?.reasoning === false ? noThinking : undefined),
    maxOutputTokens: maxOutputTokens > 0 ? maxOutputTokens : traits.maxOutputTokens,
  };
}
