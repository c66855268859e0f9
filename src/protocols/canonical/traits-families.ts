import type { Effort } from "./conversation.ts";
import type { ModelTraits } from "./model-traits.ts";

/** What is peculiar to models from a version on, `major * 100 + minor`. */
export interface FamilyChange {
  since: number;
  /** Only those whose name matches. */
  only?: RegExp;
  /** Only at these types of provider. */
  at?: readonly string[];
  traits: Partial<ModelTraits>;
}

/** Models that share a name; of the changes that hold for one, a later row wins over an earlier one. */
export interface Family {
  /** Groups 1 and 2 are major and minor version; a name without them (`-latest`) is taken for the newest. */
  name: RegExp;
  changes: readonly FamilyChange[];
}

function upTo(first: "none" | "minimal" | "low", last: "high" | "xhigh" | "max"): readonly Effort[] {
  const lower: Effort[] = first === "low" ? [] : [first];
  const upper: Effort[] = last === "high" ? [] : last === "xhigh" ? ["xhigh"] : ["xhigh", "max"];
  return [...lower, "low", "medium", "high", ...upper];
}

const withoutXhigh: readonly Effort[] = ["none", "low", "medium", "high", "max"];

/** Claude: `claude-sonnet-4-5-20250929`, `claude-3-5-haiku-latest`, `claude-4.6-opus`, `claude-opus-4@20250514`, `claude-v2`. */
const claude: Family = {
  name: /claude(?:-[a-z]+)*?-v?(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)|claude/,
  changes: [
    {
      since: 0,
      traits: {
        sampling: "one",
        highestTemperature: 1,
        maxOutputTokens: 4096,
        thinking: "none",
        systemAnywhere: false,
        structuredOutput: false,
      },
    },
    { since: 305, traits: { maxOutputTokens: 8192 } },
    { since: 307, traits: { maxOutputTokens: 64_000, thinking: "budget" } },
    { since: 400, only: /opus/, traits: { maxOutputTokens: 32_000 } },
    { since: 405, traits: { maxOutputTokens: 64_000, structuredOutput: true } },
    // 4.6 still takes a budget, but calls it deprecated; it was the first to refuse a prefilled answer.
    { since: 406, traits: { thinking: "adaptive", prefill: false, efforts: withoutXhigh } },
    { since: 406, only: /opus/, traits: { maxOutputTokens: 128_000 } },
    {
      since: 407,
      traits: { sampling: "none", systemAnywhere: true, maxOutputTokens: 128_000, efforts: upTo("none", "max") },
    },
    { since: 500, only: /sonnet/, traits: { efforts: withoutXhigh } },
  ],
};

/** `gpt-35-turbo` is Azure's spelling of 3.5. */
const gpt: Family = {
  name: /(?:^|[^a-z])(?:chat)?gpt-(?!35)(\d{1,2})(?:\.(\d{1,2}))?/,
  changes: [
    { since: 0, traits: { chatReasoning: "none", structuredOutput: false } },
    { since: 400, only: /gpt-4(?:o|\.)/, traits: { structuredOutput: true } },
    {
      since: 500,
      traits: {
        sampling: "none",
        outputLimit: "max_completion_tokens",
        maxOutputTokens: 128_000,
        developerRole: true,
        structuredOutput: true,
        chatReasoning: "reasoning_effort",
        efforts: upTo("minimal", "high"),
      },
    },
    { since: 501, traits: { efforts: upTo("none", "high") } },
    { since: 502, traits: { efforts: upTo("none", "xhigh") } },
    { since: 506, traits: { efforts: upTo("none", "max"), chatCache: "prompt_cache_breakpoint" } },
    { since: 600, traits: { efforts: upTo("low", "max") } },
    { since: 500, only: /-codex/, traits: { efforts: upTo("low", "high") } },
    { since: 501, only: /-codex-max/, traits: { efforts: upTo("low", "xhigh") } },
    { since: 502, only: /-codex/, traits: { efforts: upTo("low", "xhigh") } },
    { since: 500, only: /-pro(?:-|$)/, traits: { efforts: ["high"] } },
    { since: 502, only: /-pro(?:-|$)/, traits: { efforts: ["medium", "high", "xhigh"] } },
    { since: 500, only: /-chat/, traits: { chatReasoning: "none", efforts: undefined, maxOutputTokens: 16_384 } },
  ],
};

const oSeries: Family = {
  name: /^o(\d)(?=$|[-.@])|^codex-mini/,
  changes: [
    {
      since: 0,
      traits: {
        sampling: "none",
        outputLimit: "max_completion_tokens",
        maxOutputTokens: 100_000,
        developerRole: true,
        efforts: upTo("low", "high"),
      },
    },
    {
      since: 0,
      only: /^o1-(?:mini|preview)/,
      traits: { developerRole: false, chatReasoning: "none", structuredOutput: false, maxOutputTokens: 32_768 },
    },
  ],
};

const gptOss: Family = {
  name: /gpt-oss/,
  changes: [
    { since: 0, traits: { chatReasoning: "reasoning_effort", efforts: upTo("low", "high"), structuredOutput: true } },
  ],
};

const gemini: Family = {
  name: /gemini(?:-[a-z]+)*?-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)|gemini/,
  changes: [
    {
      since: 0,
      traits: { chatReasoning: "none", geminiGeneration: 2, maxOutputTokens: 8192, systemAnywhere: false },
    },
    {
      since: 205,
      traits: { chatReasoning: "reasoning_effort", geminiThinking: "budget", maxOutputTokens: 65_536 },
    },
    { since: 300, traits: { geminiThinking: "level", geminiGeneration: 3, efforts: upTo("low", "high") } },
    { since: 300, only: /-pro/, traits: { efforts: ["low", "high"] } },
    { since: 301, only: /-pro/, traits: { efforts: upTo("low", "high") } },
    { since: 300, only: /-flash/, traits: { efforts: upTo("minimal", "high") } },
    { since: 307, only: /-flash(?!-lite)/, traits: { efforts: upTo("low", "high") } },
    { since: 205, only: /-image/, traits: { geminiThinking: "none", chatReasoning: "none", maxOutputTokens: 32_768 } },
  ],
};

/** Open models at Gemini's API: none of Gemini 3's rules. */
const gemma: Family = {
  name: /gemma/,
  changes: [{ since: 0, traits: { chatReasoning: "none", geminiGeneration: 2, systemAnywhere: false } }],
};

/** `grok-4.20` came before 4.3: two digits are no minor version here. */
const grok: Family = {
  name: /grok-(?:latest|(\d{1,2})(?:\.(\d)(?!\d))?)/,
  changes: [
    { since: 0, traits: { chatReasoning: "none" } },
    { since: 300, only: /grok-3-mini/, traits: { chatReasoning: "reasoning_effort", efforts: ["low", "high"] } },
    { since: 403, traits: { chatReasoning: "reasoning_effort", efforts: upTo("none", "high") } },
    { since: 404, traits: { efforts: upTo("low", "high") } },
    { since: 407, traits: { efforts: upTo("low", "xhigh") } },
  ],
};

const deepseek: Family = {
  name: /deepseek-v(\d)(?:\.(\d))?/,
  changes: [{ since: 302, traits: { wantsReasoningContent: true } }],
};

const moonshot = ["moonshot"];

const kimi: Family = {
  name: /kimi-k(\d)(?:\.(\d))?|kimi/,
  changes: [
    { since: 0, only: /thinking/, traits: { wantsReasoningContent: true } },
    { since: 205, traits: { wantsReasoningContent: true } },
    // Moonshot fixes the sampling of these itself and refuses other values.
    { since: 0, at: moonshot, traits: { sampling: "none" } },
    { since: 205, at: moonshot, traits: { chatReasoning: "thinking", efforts: ["none", "high"] } },
    // 2.7 cannot be kept from thinking.
    { since: 207, at: moonshot, traits: { efforts: ["high"] } },
    { since: 300, at: moonshot, traits: { chatReasoning: "reasoning_effort", efforts: ["low", "high", "max"] } },
    { since: 0, at: ["groq"], traits: { structuredOutput: true } },
  ],
};

const mistral: Family = {
  name: /^mistral-(?:small-(?:latest|2603|4)|medium-(?:latest|2604|3[.-]5)|large-4)/,
  changes: [{ since: 0, at: ["mistral"], traits: { chatReasoning: "reasoning_effort", efforts: ["none", "high"] } }],
};

export const families: readonly Family[] = [claude, gpt, oSeries, gptOss, gemini, gemma, grok, deepseek, kimi, mistral];
