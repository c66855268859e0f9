import type { ModelTraits } from "./model-traits.ts";

/** What a type of provider says of all its models. */
export interface ProviderTraits {
  /** Unless the model's family knows better. */
  usual?: Partial<ModelTraits>;
  /** Whatever the family says. */
  always?: Partial<ModelTraits>;
}

/** Fields that they do not know make these refuse a request. */
const strictChat: Partial<ModelTraits> = { chatReasoning: "none", extraSampling: false };
const noReasoningContent: Partial<ModelTraits> = { wantsReasoningContent: false };

const openai: ProviderTraits = { usual: { extraSampling: false }, always: noReasoningContent };

/** By type of provider; those that are missing (own servers, compatible services) are taken as they come. */
export const providerTraits: Readonly<Record<string, ProviderTraits>> = {
  openai,
  azure: openai,
  openrouter: {
    // It brings efforts and cache marks to what each of its upstreams takes, and carries reasoning in `reasoning_details`.
    always: {
      chatReasoning: "reasoning",
      chatCache: "cache_control",
      efforts: undefined,
      extraSampling: true,
      ...noReasoningContent,
    },
  },
  anthropic: {
    // A name that is not Claude's is a service with Anthropic's protocol: it knows what Claude knew first.
    usual: { thinking: "budget", systemAnywhere: false, structuredOutput: false },
    always: { chatReasoning: "none", extraSampling: false },
  },
  gemini: { usual: { systemAnywhere: false, chatReasoning: "none" }, always: { extraSampling: false } },
  ollama: { always: noReasoningContent },
  groq: {
    // JSON Schema and effort are for some models only; their families say so.
    usual: { ...strictChat, outputLimit: "max_completion_tokens", structuredOutput: false },
    always: noReasoningContent,
  },
  deepseek: {
    usual: { ...strictChat, chatReasoning: "thinking", efforts: ["none", "high", "max"], structuredOutput: false },
    // Its models think also when nobody asked, and then refuse a history without the thoughts.
    always: { wantsReasoningContent: true },
  },
  mistral: {
    // An assistant turn at the end is refused unless it says `prefix`.
    usual: { ...strictChat, highestTemperature: 1.5, prefill: false },
    always: noReasoningContent,
  },
  xai: { usual: strictChat, always: noReasoningContent },
  cerebras: {
    usual: { ...strictChat, outputLimit: "max_completion_tokens", highestTemperature: 1.5 },
    always: noReasoningContent,
  },
  moonshot: { usual: { ...strictChat, highestTemperature: 1 } },
  qwen: { usual: { chatReasoning: "none" } },
  litellm: { always: { chatCache: "cache_control" } },
};
