import { efforts, type Effort, type ReasoningWish } from "../canonical/conversation.ts";
import { nearestEffort, wantedEffort } from "../canonical/effort.ts";
import { schemaName, userId } from "../canonical/openai-words.ts";
import { defined, type Fields } from "../fields.ts";
import { isOpenai, lose, type Encoding } from "./encoding.ts";

function outputLimit(encoding: Encoding): Fields {
  const { maxOutputTokens: wanted } = encoding.conversation;
  if (wanted === undefined) return {};
  const { outputLimit: field, maxOutputTokens: highest = Infinity } = encoding.target.traits;
  if (wanted > highest) lose(encoding, "maxOutputTokens", `brought down to the model's own limit of ${highest}`);
  return { [field]: Math.max(1, Math.min(wanted, highest)) };
}

/** 1 is what these models use by themselves. */
function dropped(encoding: Encoding, setting: "temperature" | "topP", value: number | undefined): undefined {
  if (value !== undefined && value !== 1) lose(encoding, setting, "not taken by this model");
  return undefined;
}

function temperatureAndTopP(encoding: Encoding): Fields {
  const { temperature, topP } = encoding.conversation;
  const { sampling, highestTemperature } = encoding.target.traits;
  if (sampling === "none")
    return { temperature: dropped(encoding, "temperature", temperature), top_p: dropped(encoding, "topP", topP) };
  if (temperature !== undefined && temperature > highestTemperature)
    lose(encoding, "temperature", `brought down to ${highestTemperature}, the highest of this model`);
  const isOneTooMany = sampling === "one" && temperature !== undefined;
  return {
    temperature: temperature === undefined ? undefined : Math.min(temperature, highestTemperature),
    top_p: isOneTooMany ? dropped(encoding, "topP", topP) : topP,
  };
}

function furtherSampling(encoding: Encoding): Fields {
  const { topK, minP, repetitionPenalty } = encoding.conversation;
  const { sampling, extraSampling } = encoding.target.traits;
  if (extraSampling && sampling !== "none") return { top_k: topK, min_p: minP, repetition_penalty: repetitionPenalty };
  for (const setting of ["topK", "minP", "repetitionPenalty"] as const)
    if (encoding.conversation[setting] !== undefined) lose(encoding, setting, "not taken by this model");
  return {};
}

const mostStops = 4;

function stopFields(encoding: Encoding): Fields {
  const texts = encoding.conversation.stop.filter((text) => text !== "");
  if (texts.length === 0) return {};
  if (texts.length > mostStops) lose(encoding, "stop", `only the first ${mostStops} are taken`);
  return { stop: texts.slice(0, mostStops) };
}

/** OpenRouter's object: an effort or a budget, never both. */
function reasoningObject({ effort, budget, isShown, summary }: ReasoningWish): Fields {
  const amount =
    effort !== undefined ? { effort } : typeof budget === "number" ? { max_tokens: budget } : { enabled: true };
  const isOff = effort === "none" || budget === 0;
  return {
    reasoning: defined({
      ...(isOff ? { effort: "none" } : amount),
      exclude: isShown === false && !isOff ? true : undefined,
      summary,
    }),
  };
}

/** A switch, with an effort beside it where the model has more than one. */
function thinkingSwitch(effort: Effort | undefined, taken: readonly Effort[] | undefined): Fields {
  if (effort === "none") return { thinking: { type: "disabled" } };
  const steps = (taken ?? efforts).filter((step) => step !== "none");
  const isGraded = effort !== undefined && steps.length > 1;
  return { thinking: { type: "enabled" }, ...(isGraded ? { reasoning_effort: nearestEffort(effort, steps) } : {}) };
}

function reasoningFields(encoding: Encoding): Fields {
  const wish = encoding.conversation.reasoning;
  if (wish === undefined) return {};
  const { chatReasoning, efforts: taken } = encoding.target.traits;
  const { budget } = wish;
  const effort = wantedEffort(wish);
  if (chatReasoning === "reasoning") return reasoningObject(wish);
  if (chatReasoning === "thinking")
    return effort === undefined && budget === undefined ? {} : thinkingSwitch(effort, taken);
  if (effort === undefined) return {};
  if (chatReasoning === "reasoning_effort") return { reasoning_effort: nearestEffort(effort, taken) };
  if (effort !== "none") lose(encoding, "reasoning", "not taken by this model");
  return {};
}

function formatFields(encoding: Encoding): Fields {
  const { format } = encoding.conversation;
  if (format === undefined || format.type === "text") return {};
  if (format.type === "json") return { response_format: { type: "json_object" } };
  if (!encoding.target.traits.structuredOutput) {
    lose(encoding, "format", "this model is only told of the schema");
    return { response_format: { type: "json_object" } };
  }
  const { name, description, schema, strict } = format;
  const said = defined({ name: schemaName(name), description, schema, strict });
  return { response_format: { type: "json_schema", json_schema: said } };
}

const ordinaryTiers = new Set(["auto", "default", "standard_only", "standard"]);

function tierFields(encoding: Encoding): Fields {
  const { serviceTier: tier, protocol } = encoding.conversation;
  if (tier === undefined) return {};
  const isKnown = isOpenai(encoding) || encoding.target.provider === "openrouter";
  if (isKnown && protocol.startsWith("openai-")) return { service_tier: tier };
  if (!ordinaryTiers.has(tier)) lose(encoding, "serviceTier", "not taken by this provider");
  return {};
}

function verbosityFields(encoding: Encoding): Fields {
  const { verbosity } = encoding.conversation;
  if (verbosity === undefined) return {};
  if (isOpenai(encoding) || encoding.target.provider === "openrouter") return { verbosity };
  lose(encoding, "verbosity", "not taken by this provider");
  return {};
}

/** Who asks, and what shares a cache, for those that know the fields; others refuse what they do not know. */
function identityFields({ conversation: { user, cacheKey }, target: { provider } }: Encoding): Fields {
  const field =
    provider === "openai"
      ? "safety_identifier"
      : provider === "azure" || provider === "openrouter"
        ? "user"
        : undefined;
  return {
    ...(user === undefined || field === undefined ? {} : { [field]: userId(user) }),
    ...(cacheKey === undefined || (provider !== "openai" && provider !== "azure")
      ? {}
      : { prompt_cache_key: cacheKey }),
  };
}

/** Everything of a request but its messages and tools. */
export function encodeSettings(encoding: Encoding): Fields {
  const { presencePenalty, frequencyPenalty, logitBias, seed, logprobs, cache } = encoding.conversation;
  return defined({
    ...outputLimit(encoding),
    ...temperatureAndTopP(encoding),
    ...furtherSampling(encoding),
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    logit_bias: logitBias,
    seed,
    ...stopFields(encoding),
    logprobs: logprobs === undefined ? undefined : true,
    top_logprobs: logprobs === undefined || logprobs.top === 0 ? undefined : logprobs.top,
    ...formatFields(encoding),
    ...reasoningFields(encoding),
    ...verbosityFields(encoding),
    ...tierFields(encoding),
    ...identityFields(encoding),
    cache_control:
      cache !== undefined && encoding.target.traits.chatCache === "cache_control" ? { type: "ephemeral" } : undefined,
  });
}
