import type { ProtocolId } from "../protocol.ts";
import { outputLimits } from "./rules.ts";

/** Where a field of OpenAI chat's stands in a protocol's requests, if that is not the name itself. */
interface Place {
  /** Names from the outside in, between dots. */
  readonly path: string;
  /** A rule's value in the protocol's own words, perhaps with a path of its own. */
  readonly translate?: (value: unknown) => { path?: string; value: unknown };
  /** Members of the body that contradict it: a default stays out where the client sent one of them. */
  readonly rivals?: readonly string[];
  /** Paths that say the same: a removal or an override takes them out. */
  readonly twins?: readonly string[];
  /** Requests without it are refused: it is not taken out. */
  readonly isRequired?: true;
}

/** `nowhere`: the protocol has no such field, and its upstreams may refuse it. */
type Places = Readonly<Record<string, Place | "nowhere">>;

/** Same names, below `parent`. */
function below(parent: string, names: readonly string[]): Places {
  return Object.fromEntries(names.map((name) => [name, { path: `${parent}.${name}` }]));
}

function nowhere(...names: string[]): Places {
  return Object.fromEntries(names.map((name) => [name, "nowhere"]));
}

function listed(value: unknown): { value: unknown } {
  return { value: typeof value === "string" ? [value] : value };
}

/** Both names of the longest answer. */
function limitAt(path: string, more: Partial<Place> = {}): Places {
  return Object.fromEntries(outputLimits.map((name) => [name, { path, ...more }]));
}

/** What only OpenAI's chat has, and those who copy it. */
const chatOnly = nowhere(
  "n",
  "logit_bias",
  "response_format",
  "functions",
  "function_call",
  "modalities",
  "audio",
  "prediction",
  "web_search_options",
  "stream_options",
  "min_p",
  "repetition_penalty",
);

/** What OpenAI has in both of its protocols, and nobody else. */
const openaiOnly = nowhere(
  "logprobs",
  "top_logprobs",
  "verbosity",
  "parallel_tool_calls",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
);

const chat: Places = {
  // OpenRouter takes an effort or a budget there too, and refuses both.
  reasoning_effort: {
    path: "reasoning_effort",
    rivals: ["reasoning"],
    twins: ["reasoning.effort", "reasoning.max_tokens"],
  },
};

const responses: Places = {
  ...chatOnly,
  ...nowhere("stop", "seed", "top_k", "presence_penalty", "frequency_penalty", "logprobs"),
  ...limitAt("max_output_tokens"),
  reasoning_effort: { path: "reasoning.effort" },
  verbosity: { path: "text.verbosity" },
  // Not chat's alone.
  stream_options: { path: "stream_options" },
};

/** Anthropic knows no effort below low; none at all is said in another place. */
function anthropicEffort(effort: unknown): { path?: string; value: unknown } {
  if (effort === "none") return { path: "thinking", value: { type: "disabled" } };
  return { value: effort === "minimal" ? "low" : effort };
}

const anthropic: Places = {
  ...chatOnly,
  ...openaiOnly,
  ...nowhere("seed", "presence_penalty", "frequency_penalty", "store"),
  ...limitAt("max_tokens", { isRequired: true }),
  stop: { path: "stop_sequences", translate: listed },
  user: { path: "metadata.user_id" },
  reasoning_effort: { path: "output_config.effort", translate: anthropicEffort },
  // Newer models take one of the two, and neither while they think.
  temperature: { path: "temperature", rivals: ["top_p", "thinking"] },
  top_p: { path: "top_p", rivals: ["temperature", "thinking"] },
  top_k: { path: "top_k", rivals: ["thinking"] },
};

const gemini: Places = {
  ...chatOnly,
  ...openaiOnly,
  // Newer models take a level and older ones a budget: which one is said by `generationConfig.thinkingConfig.…`.
  ...nowhere("reasoning_effort", "user", "metadata", "service_tier", "tool_choice"),
  ...limitAt("generationConfig.maxOutputTokens"),
  temperature: { path: "generationConfig.temperature" },
  top_p: { path: "generationConfig.topP" },
  top_k: { path: "generationConfig.topK" },
  n: { path: "generationConfig.candidateCount" },
  stop: { path: "generationConfig.stopSequences", translate: listed },
  seed: { path: "generationConfig.seed" },
  presence_penalty: { path: "generationConfig.presencePenalty" },
  frequency_penalty: { path: "generationConfig.frequencyPenalty" },
  logprobs: { path: "generationConfig.responseLogprobs" },
  top_logprobs: { path: "generationConfig.logprobs" },
};

/** As Ollama itself reads OpenAI's words; only some of its models take a level. */
const thinkOfEffort: Readonly<Record<string, unknown>> = { none: false, minimal: "low", xhigh: "max" };

function ollamaEffort(effort: unknown): { value: unknown } {
  return { value: typeof effort === "string" ? (thinkOfEffort[effort] ?? effort) : effort };
}

/** Options of Ollama's own that the machine or the sampling is set with. */
const ollamaOptions =
  "temperature top_p top_k min_p typical_p seed presence_penalty frequency_penalty repeat_penalty repeat_last_n " +
  "num_predict num_ctx num_keep num_batch num_gpu main_gpu num_thread use_mmap";

const ollama: Places = {
  ...chatOnly,
  ...nowhere("verbosity", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"),
  ...nowhere("user", "metadata", "service_tier", "tool_choice", "store"),
  ...below("options", ollamaOptions.split(" ")),
  ...limitAt("options.num_predict"),
  repetition_penalty: { path: "options.repeat_penalty" },
  stop: { path: "options.stop", translate: listed },
  reasoning_effort: { path: "think", translate: ollamaEffort },
};

const places: Readonly<Record<ProtocolId, Places>> = {
  "openai-chat": chat,
  "openai-completions": { ...chat, ...limitAt("max_tokens") },
  "openai-responses": responses,
  "anthropic-messages": anthropic,
  "gemini-generate": gemini,
  "ollama-chat": ollama,
  "ollama-generate": ollama,
};

/** Where a rule's field stands: a name that is nobody's is a path in the upstream's body. `undefined` = nowhere. */
export function placeOf(name: string, protocol: ProtocolId): Place | undefined {
  const known = places[protocol];
  const place = Object.hasOwn(known, name) ? known[name] : undefined;
  if (place === "nowhere") return undefined;
  return place ?? { path: name };
}

/** One step of a path. */
export interface Step {
  /** The same for all spellings. */
  readonly id: string;
  /** As it is added where the client sent none. */
  readonly name: string;
  readonly spellings: readonly string[];
}

/** Google reads every field in two spellings. */
function protoStep(name: string): Step {
  const camel = name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
  const snake = camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return { id: camel, name, spellings: [...new Set([name, camel, snake])] };
}

function hasTwoLimits(protocol: ProtocolId): boolean {
  return protocol === "openai-chat" || protocol === "openai-completions";
}

export function stepsOf(path: string, protocol: ProtocolId): readonly Step[] {
  if (protocol === "gemini-generate") return path.split(".").map(protoStep);
  if (hasTwoLimits(protocol) && outputLimits.includes(path))
    return [{ id: "max_tokens", name: path, spellings: outputLimits }];
  return path.split(".").map((name) => ({ id: name, name, spellings: [name] }));
}

const limitPaths: Partial<Record<ProtocolId, readonly (readonly string[])[]>> = {};

/** Where a protocol's requests bound the answer: the spellings of each step, from the outside in. */
export function outputLimitPath(protocol: ProtocolId): readonly (readonly string[])[] {
  return (limitPaths[protocol] ??= stepsOf(placeOf("max_tokens", protocol)?.path ?? "max_tokens", protocol).map(
    ({ spellings }) => spellings,
  ));
}

/** Whether requests without that bound are refused. */
export function requiresOutputLimit(protocol: ProtocolId): boolean {
  return placeOf("max_tokens", protocol)?.isRequired === true;
}
