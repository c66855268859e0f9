import type { Effort } from "./conversation.ts";

/** What a model, at a provider, takes and wants. Encoders ask this table and never a name. */
export interface ModelTraits {
  /** `one`: temperature or top_p, not both. `none`: neither, nor top_k. */
  sampling: "all" | "one" | "none";
  highestTemperature: number;
  /** Most tokens of an answer; `undefined` = not known. */
  maxOutputTokens: number | undefined;
  /** OpenAI's reasoning models refuse `max_tokens`. */
  outputLimit: "max_tokens" | "max_completion_tokens";
  /** How thinking is asked for in Anthropic's protocol. */
  thinking: "adaptive" | "budget" | "none";
  /** How thinking is asked for in Gemini's protocol; `minimal` is taken by some models of `level` only. */
  geminiThinking: "level" | "budget" | "none";
  /** How effort is written in OpenAI chat: `reasoning_effort`, OpenRouter's `reasoning` object, or not at all. */
  chatReasoning: "reasoning_effort" | "reasoning" | "thinking" | "none";
  /** Efforts the model takes; others are brought to the nearest. `undefined` = all. */
  efforts: readonly Effort[] | undefined;
  /** Every assistant turn must carry `reasoning_content` (DeepSeek thinking mode). */
  wantsReasoningContent: boolean;
  /** The conversation may end with an assistant turn that the model continues. */
  prefill: boolean;
  /** System turns behind the first user turn are taken as such. */
  systemAnywhere: boolean;
  /** Role `developer` is known. */
  developerRole: boolean;
  /** JSON Schema output. */
  structuredOutput: boolean;
  /** Marks for prompt caches are taken in OpenAI chat: as `cache_control`, as `prompt_cache_breakpoint`, or not. */
  chatCache: "cache_control" | "prompt_cache_breakpoint" | "none";
  /** Sampling fields beyond OpenAI's (top_k, min_p, repetition_penalty) are taken in OpenAI chat. */
  extraSampling: boolean;
  /** Tool results may hold pictures in Gemini's protocol; Gemini 3 also wants a signature on every call. */
  geminiGeneration: 2 | 3;
}

/** What is taken for granted of a model nobody knows. */
export const ordinaryTraits: ModelTraits = {
  sampling: "all",
  highestTemperature: 2,
  maxOutputTokens: undefined,
  outputLimit: "max_tokens",
  thinking: "none",
  geminiThinking: "none",
  chatReasoning: "reasoning_effort",
  efforts: undefined,
  wantsReasoningContent: false,
  prefill: true,
  systemAnywhere: true,
  developerRole: false,
  structuredOutput: true,
  chatCache: "none",
  extraSampling: true,
  geminiGeneration: 3,
};
