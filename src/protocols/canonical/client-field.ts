import type { ProtocolId } from "../protocol.ts";

/** Settings of a conversation that may get lost or refused, by their names here. */
export type Setting =
  | "turns"
  | "maxOutputTokens"
  | "temperature"
  | "topP"
  | "topK"
  | "minP"
  | "presencePenalty"
  | "frequencyPenalty"
  | "repetitionPenalty"
  | "logitBias"
  | "seed"
  | "stop"
  | "count"
  | "logprobs"
  | "format"
  | "reasoning"
  | "verbosity"
  | "serviceTier"
  | "toolChoice"
  | "parallelToolCalls";

type Names = Readonly<Partial<Record<Setting, string>>>;

const chat: Names = {
  turns: "messages",
  maxOutputTokens: "max_tokens",
  count: "n",
  reasoning: "reasoning_effort",
  format: "response_format",
};

const ollama: Names = {
  turns: "messages",
  maxOutputTokens: "options.num_predict",
  repetitionPenalty: "options.repeat_penalty",
  reasoning: "think",
};

/** Names that are more than another spelling. */
const special: Readonly<Partial<Record<ProtocolId, Names>>> = {
  "openai-chat": chat,
  "openai-completions": { ...chat, turns: "prompt" },
  "openai-responses": {
    turns: "input",
    count: "n",
    logprobs: "top_logprobs",
    format: "text.format",
    verbosity: "text.verbosity",
  },
  "anthropic-messages": {
    turns: "messages",
    maxOutputTokens: "max_tokens",
    stop: "stop_sequences",
    reasoning: "thinking",
    format: "output_config.format",
    parallelToolCalls: "tool_choice.disable_parallel_tool_use",
  },
  "gemini-generate": {
    turns: "contents",
    stop: "generationConfig.stopSequences",
    count: "generationConfig.candidateCount",
    logprobs: "generationConfig.responseLogprobs",
    reasoning: "generationConfig.thinkingConfig",
    format: "generationConfig.responseJsonSchema",
    toolChoice: "toolConfig.functionCallingConfig",
    serviceTier: "serviceTier",
  },
  "ollama-chat": ollama,
  "ollama-generate": { ...ollama, turns: "prompt" },
};

/** Settings that Ollama has beside its options. */
const besideOptions: ReadonlySet<Setting> = new Set(["format", "logprobs", "toolChoice", "parallelToolCalls"]);

function snakeOf(setting: Setting): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The name by which a client of a protocol knows a setting. */
export function clientField(protocol: ProtocolId, setting: Setting): string {
  const name = special[protocol]?.[setting];
  if (name !== undefined) return name;
  if (protocol === "gemini-generate") return `generationConfig.${setting}`;
  const isOllama = protocol === "ollama-chat" || protocol === "ollama-generate";
  return (isOllama && !besideOptions.has(setting) ? "options." : "") + snakeOf(setting);
}
