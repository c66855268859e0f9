import type { Target } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import { nearestEffort, wantedEffort } from "../canonical/effort.ts";
import { schemaName, userId } from "../canonical/openai-words.ts";
import { isSilentField } from "../canonical/silent-fields.ts";
import { clientField } from "../canonical/client-field.ts";
import type { Losses } from "../canonical/losses.ts";
import { isFields, type Fields } from "../fields.ts";

export interface SettingOptions {
  conversation: Conversation;
  target: Target;
  losses: Losses;
}

const notHere = (field: string): string => `${field} is not known to openai-responses`;

/** Settings without a place here, and the value at which they change nothing. */
const strangers = [
  ["topK", "top_k", 0],
  ["minP", "min_p", 0],
  ["presencePenalty", "presence_penalty", 0],
  ["frequencyPenalty", "frequency_penalty", 0],
  ["repetitionPenalty", "repetition_penalty", 1],
  ["seed", "seed", undefined],
  ["logitBias", "logit_bias", undefined],
] as const satisfies readonly (readonly [keyof Conversation, string, unknown])[];

function loseStrangers({ conversation, losses }: SettingOptions): void {
  for (const [setting, field, neutral] of strangers) {
    const value = conversation[setting];
    const isNothing = value === undefined || value === neutral || (isFields(value) && Object.keys(value).length === 0);
    if (!isNothing) losses.add(clientField(conversation.protocol, setting), notHere(field));
  }
  if (conversation.stop.length > 0) losses.add(clientField(conversation.protocol, "stop"), notHere("stop"));
}

function encodeSampling({ conversation, target, losses }: SettingOptions): Fields {
  const { temperature, topP, protocol } = conversation;
  const { sampling, highestTemperature } = target.traits;
  const settings: Record<string, number> = {};
  const take = (setting: "temperature" | "topP", value: number | undefined, isTaken: boolean): void => {
    const field = setting === "topP" ? "top_p" : setting;
    if (value === undefined) return;
    if (isTaken) settings[field] = value;
    // One is the default of both.
    else if (value !== 1) losses.add(clientField(protocol, setting), `the model does not take ${field}`);
  };
  take(
    "temperature",
    temperature === undefined ? undefined : Math.min(temperature, highestTemperature),
    sampling !== "none",
  );
  take("topP", topP, sampling === "all" || (sampling === "one" && temperature === undefined));
  if (settings["temperature"] !== undefined && settings["temperature"] !== temperature)
    losses.add(clientField(protocol, "temperature"), `lowered to ${highestTemperature}, the most the model takes`);
  return settings;
}

/** The least that OpenAI takes. */
const leastOutput = 16;

function encodeLimit({ conversation, target, losses }: SettingOptions): Fields {
  const { maxOutputTokens: wish, protocol } = conversation;
  if (wish === undefined) return {};
  const limit = Math.min(wish, target.traits.maxOutputTokens ?? wish);
  if (limit >= leastOutput) return { max_output_tokens: limit };
  losses.add(clientField(protocol, "maxOutputTokens"), `openai-responses takes at least ${leastOutput}; raised to it`);
  return { max_output_tokens: leastOutput };
}

function encodeFormat({ conversation, target, losses }: SettingOptions): Fields | undefined {
  const { format, protocol } = conversation;
  if (format === undefined) return undefined;
  if (format.type === "text") return { type: "text" };
  if (format.type === "json") return { type: "json_object" };
  if (!target.traits.structuredOutput) {
    losses.add(clientField(protocol, "format"), "the model takes no JSON Schema; it is asked for in words");
    return { type: "json_object" };
  }
  const { name, description, schema, strict } = format;
  return {
    type: "json_schema",
    name: schemaName(name),
    ...(description === undefined ? {} : { description }),
    schema,
    ...(strict === undefined ? {} : { strict }),
  };
}

const verbosities = new Set(["low", "medium", "high"]);

function encodeText(options: SettingOptions): Fields {
  const { verbosity, protocol } = options.conversation;
  const format = encodeFormat(options);
  const isKnown = verbosity !== undefined && verbosities.has(verbosity);
  if (verbosity !== undefined && !isKnown) options.losses.add(clientField(protocol, "verbosity"), notHere("verbosity"));
  const text = { ...(format === undefined ? {} : { format }), ...(isKnown ? { verbosity } : {}) };
  return Object.keys(text).length === 0 ? {} : { text };
}

/** Whether the model can think, as far as its traits tell. */
function canThink({ target }: SettingOptions): boolean {
  return target.traits.chatReasoning !== "none" && target.traits.efforts?.length !== 0;
}

function encodeReasoning(options: SettingOptions): Fields {
  const { conversation, target, losses } = options;
  const wish = conversation.reasoning;
  if (wish === undefined) return {};
  const { budget, isShown, summary } = wish;
  const asked = wantedEffort(wish);
  if (!canThink(options)) {
    const isNothing = asked === undefined || asked === "none";
    if (!isNothing) losses.add(clientField(conversation.protocol, "reasoning"), "the model does not reason");
    return {};
  }
  const effort = asked === undefined ? undefined : nearestEffort(asked, target.traits.efforts);
  // Whoever gives a budget has turned thinking on, and sees it unless it says otherwise.
  const isSeen = asked !== "none" && (isShown ?? budget !== undefined);
  const reasoning = { ...(effort === undefined ? {} : { effort }), ...(isSeen ? { summary: summary ?? "auto" } : {}) };
  return Object.keys(reasoning).length === 0 ? {} : { reasoning };
}

function encodeInclude(options: SettingOptions): Fields {
  const { logprobs } = options.conversation;
  const include = [
    ...(canThink(options) ? ["reasoning.encrypted_content"] : []),
    ...(logprobs === undefined ? [] : ["message.output_text.logprobs"]),
  ];
  return {
    ...(include.length === 0 ? {} : { include }),
    ...(logprobs === undefined || logprobs.top === 0 ? {} : { top_logprobs: Math.min(logprobs.top, 20) }),
  };
}

function encodeMetadata(metadata: Conversation["metadata"]): Fields {
  const entries = Object.entries(metadata ?? {}).filter(
    ([key, value]) => key.length <= 64 && typeof value === "string" && value.length <= 512,
  );
  return entries.length === 0 ? {} : { metadata: Object.fromEntries(entries.slice(0, 16)) };
}

const tiers = new Set(["auto", "default", "flex", "priority", "scale", "fast", "ultrafast"]);

function encodeTier({ conversation, losses }: SettingOptions): Fields {
  const { serviceTier, protocol } = conversation;
  if (serviceTier === undefined) return {};
  if (protocol.startsWith("openai-") || tiers.has(serviceTier)) return { service_tier: serviceTier };
  losses.add(clientField(protocol, "serviceTier"), notHere("service_tier"));
  return {};
}

/** Fields that Responses take under the same name. */
const shared = new Set([
  "truncation",
  "context_management",
  "moderation",
  "prompt_cache_options",
  "prompt_cache_retention",
]);

/** OpenRouter's own fields, which all its endpoints take. */
const openrouterFields = new Set([
  "models",
  "provider",
  "plugins",
  "route",
  "session_id",
  "trace",
  "image_config",
  "modalities",
]);

function encodeExtra({ conversation, target, losses }: SettingOptions): Fields {
  const taken: [string, unknown][] = [];
  for (const [field, value] of Object.entries(conversation.extra)) {
    const isOwn = conversation.protocol === "openai-responses";
    const isOpenrouters = target.provider === "openrouter" && openrouterFields.has(field);
    if (isOwn || isOpenrouters || (conversation.protocol === "openai-chat" && shared.has(field)))
      taken.push([field, value]);
    else if (!isSilentField(field, value)) losses.add(field, notHere(field.slice(0, 60)));
  }
  return Object.fromEntries(taken);
}

/** Everything of a request besides its items and tools. */
export function encodeSettings(options: SettingOptions): Fields {
  const { user, cacheKey, metadata, stream } = options.conversation;
  loseStrangers(options);
  return {
    ...encodeExtra(options),
    ...(stream ? { stream: true } : {}),
    // The gateway keeps what has to be kept: upstreams change between two requests.
    store: false,
    ...encodeInclude(options),
    ...encodeSampling(options),
    ...encodeLimit(options),
    ...encodeText(options),
    ...encodeReasoning(options),
    ...encodeMetadata(metadata),
    ...(user === undefined ? {} : { safety_identifier: userId(user) }),
    ...(cacheKey === undefined ? {} : { prompt_cache_key: cacheKey }),
    ...encodeTier(options),
  };
}
