import { describe, expect, test } from "bun:test";
import { ordinaryTraits, type ModelTraits } from "../../../src/protocols/canonical/model-traits.ts";
import { traitsOf, type TraitFacts } from "../../../src/protocols/canonical/traits-of.ts";

/** The traits of a model that a row of a table names. */
function picked<Key extends keyof ModelTraits>(provider: string, model: string, keys: readonly Key[]) {
  const traits = traitsOf({ model, provider });
  return keys.map((key) => traits[key]);
}

describe("Claude's versions are told apart by number, whatever the spelling", () => {
  const rows = [
    ["claude-2.1", "one", "none", 4096, true, false, false],
    ["anthropic.claude-v2", "one", "none", 4096, true, false, false],
    ["claude-instant-1.2", "one", "none", 4096, true, false, false],
    ["claude-3-opus-20240229", "one", "none", 4096, true, false, false],
    ["claude-3-5-haiku-latest", "one", "none", 8192, true, false, false],
    ["us.anthropic.claude-3-5-sonnet-20241022-v2:0", "one", "none", 8192, true, false, false],
    ["anthropic/claude-3.5-sonnet:beta", "one", "none", 8192, true, false, false],
    ["claude-3-7-sonnet-20250219", "one", "budget", 64_000, true, false, false],
    ["claude-sonnet-4-20250514", "one", "budget", 64_000, true, false, false],
    ["claude-opus-4@20250514", "one", "budget", 32_000, true, false, false],
    ["claude-opus-4-1-20250805", "one", "budget", 32_000, true, false, false],
    ["claude-sonnet-4-5-20250929", "one", "budget", 64_000, true, false, true],
    ["claude-haiku-4-5", "one", "budget", 64_000, true, false, true],
    ["claude-opus-4-5-20251101", "one", "budget", 64_000, true, false, true],
    ["anthropic/claude-4.6-opus", "one", "adaptive", 128_000, false, false, true],
    ["claude-sonnet-4-6", "one", "adaptive", 64_000, false, false, true],
    ["claude-opus-4-7", "none", "adaptive", 128_000, false, true, true],
    ["claude-opus-4-8-fast", "none", "adaptive", 128_000, false, true, true],
    ["anthropic/claude-opus-5", "none", "adaptive", 128_000, false, true, true],
    ["claude-opus-5-5", "none", "adaptive", 128_000, false, true, true],
    ["claude-haiku-5-5-20260901", "none", "adaptive", 128_000, false, true, true],
    ["claude-fable-5", "none", "adaptive", 128_000, false, true, true],
    ["claude-mythos-preview", "none", "adaptive", 128_000, false, true, true],
    ["claude-opus-4-10", "none", "adaptive", 128_000, false, true, true],
    ["claude-opus-latest", "none", "adaptive", 128_000, false, true, true],
    ["CLAUDE-SONNET-5", "none", "adaptive", 128_000, false, true, true],
  ] as const;
  for (const [model, ...expected] of rows) {
    test(`${model}: ${expected.join(", ")}`, () => {
      const keys = [
        "sampling",
        "thinking",
        "maxOutputTokens",
        "prefill",
        "systemAnywhere",
        "structuredOutput",
      ] as const;
      expect(picked("anthropic", model, keys)).toEqual([...expected]);
      expect(traitsOf({ model, provider: "anthropic" }).highestTemperature).toBe(1);
    });
  }
});

describe("OpenAI's reasoning models take neither sampling nor max_tokens", () => {
  const keys = ["sampling", "outputLimit", "developerRole", "chatReasoning", "chatCache", "structuredOutput"] as const;
  const old = ["all", "max_tokens", false, "none", "none"] as const;
  const reasoning = ["none", "max_completion_tokens", true, "reasoning_effort"] as const;
  const rows: readonly (readonly [string, ...unknown[]])[] = [
    ["gpt-3.5-turbo", ...old, false],
    ["gpt-35-turbo", "all", "max_tokens", false, "reasoning_effort", "none", true],
    ["gpt-4-0613", ...old, false],
    ["gpt-4-turbo", ...old, false],
    ["gpt-4o", ...old, true],
    ["openai/gpt-4o-mini-2024-07-18", ...old, true],
    ["ft:gpt-4o-mini-2024-07-18:acme::abc", ...old, true],
    ["chatgpt-4o-latest", ...old, true],
    ["gpt-4.1-nano", ...old, true],
    ["o1", ...reasoning, "none", true],
    ["o3-mini", ...reasoning, "none", true],
    ["o4-mini-2025-04-16", ...reasoning, "none", true],
    ["codex-mini-latest", ...reasoning, "none", true],
    ["o1-mini", "none", "max_completion_tokens", false, "none", "none", false],
    ["gpt-5", ...reasoning, "none", true],
    ["gpt-5-2025-08-07", ...reasoning, "none", true],
    ["openai/gpt-5.2", ...reasoning, "none", true],
    ["gpt-5.5-pro", ...reasoning, "none", true],
    ["gpt-5.6", ...reasoning, "prompt_cache_breakpoint", true],
    ["gpt-5.10", ...reasoning, "prompt_cache_breakpoint", true],
    ["gpt-6", ...reasoning, "prompt_cache_breakpoint", true],
    ["gpt-6.1-astra", ...reasoning, "prompt_cache_breakpoint", true],
    ["gpt-5-chat-latest", "none", "max_completion_tokens", true, "none", "none", true],
  ];
  for (const [model, ...expected] of rows) {
    test(`${model}: ${expected.join(", ")}`, () =>
      expect(picked("openai", model, keys) as unknown[]).toEqual(expected));
  }

  test("other names with these letters are none of them", () => {
    for (const model of ["o", "ollama3", "phi-o3", "o3x", "gpt-image-1", "gpt-neo", "egpt-5"]) {
      expect(picked("openai", model, ["sampling", "outputLimit"])).toEqual(["all", "max_tokens"]);
    }
  });
});

describe("each model takes its own efforts", () => {
  const rows = [
    ["openai", "o3-mini", "low medium high"],
    ["openai", "gpt-5", "minimal low medium high"],
    ["openai", "gpt-5-pro", "high"],
    ["openai", "gpt-5.1", "none low medium high"],
    ["openai", "gpt-5.1-codex-max", "low medium high xhigh"],
    ["openai", "gpt-5.2", "none low medium high xhigh"],
    ["azure", "gpt-5.2-pro", "medium high xhigh"],
    ["openai", "gpt-5.3-codex", "low medium high xhigh"],
    ["openai", "gpt-5.6-terra", "none low medium high xhigh max"],
    ["openai", "gpt-6-astra", "low medium high xhigh max"],
    ["anthropic", "claude-opus-4-5", undefined],
    ["anthropic", "claude-opus-4-6", "none low medium high max"],
    ["anthropic", "claude-opus-4-7", "none low medium high xhigh max"],
    ["anthropic", "claude-sonnet-5", "none low medium high max"],
    ["gemini", "gemini-3-pro-preview", "low high"],
    ["gemini", "models/gemini-3.1-pro-preview", "low medium high"],
    ["gemini", "gemini-3-flash-preview", "minimal low medium high"],
    ["gemini", "gemini-3.8-flash", "low medium high"],
    ["gemini", "gemini-3.8-flash-lite", "minimal low medium high"],
    ["deepseek", "deepseek-v4-pro", "none high max"],
    ["groq", "openai/gpt-oss-120b", "low medium high"],
    ["mistral", "mistral-medium-3.5", "none high"],
    ["xai", "grok-3-mini-fast", "low high"],
    ["xai", "grok-4.3", "none low medium high"],
    ["xai", "grok-4.7", "low medium high xhigh"],
    ["moonshot", "kimi-k2.6", "none high"],
    ["moonshot", "kimi-k3", "low high max"],
    ["openrouter", "openai/gpt-5", undefined],
  ] as const;
  for (const [provider, model, efforts] of rows) {
    test(`${provider} ${model}: ${efforts}`, () =>
      expect(traitsOf({ model, provider }).efforts?.join(" ")).toBe(efforts));
  }
});

describe("Gemini thinks by budget in 2.5 and by level from 3 on", () => {
  const rows = [
    ["gemini-1.5-pro-002", "none", 2, 8192],
    ["gemini-2.0-flash", "none", 2, 8192],
    ["gemini-2.5-flash", "budget", 2, 65_536],
    ["google/gemini-2.5-pro:free", "budget", 2, 65_536],
    ["gemini-2.5-flash-image", "none", 2, 32_768],
    ["models/gemini-3-pro-preview", "level", 3, 65_536],
    ["gemini-3.8-flash", "level", 3, 65_536],
    ["gemini-flash-latest", "level", 3, 65_536],
    ["gemma-4-26b-a4b-it", "none", 2, undefined],
  ] as const;
  for (const [model, ...expected] of rows) {
    test(`${model}: ${expected.join(", ")}`, () =>
      expect(picked("gemini", model, ["geminiThinking", "geminiGeneration", "maxOutputTokens"])).toEqual([
        ...expected,
      ]));
  }
});

describe("providers have dialects of their own", () => {
  const keys = ["chatReasoning", "chatCache", "wantsReasoningContent", "extraSampling", "structuredOutput"] as const;
  const rows = [
    ["openrouter", "anthropic/claude-opus-5", "reasoning", "cache_control", false, true, true],
    ["openrouter", "deepseek/deepseek-v4-pro:free", "reasoning", "cache_control", false, true, true],
    ["openrouter", "openai/gpt-5.6", "reasoning", "cache_control", false, true, true],
    ["deepseek", "deepseek-chat", "thinking", "none", true, false, false],
    ["deepseek", "deepseek-v4-flash", "thinking", "none", true, false, false],
    ["openai-compatible", "deepseek-v4-flash", "reasoning_effort", "none", true, true, true],
    ["fireworks", "accounts/fireworks/models/deepseek-v3p2", "reasoning_effort", "none", true, true, true],
    ["fireworks", "accounts/fireworks/models/deepseek-v3p1", "reasoning_effort", "none", false, true, true],
    ["together", "deepseek-ai/DeepSeek-V3", "reasoning_effort", "none", false, true, true],
    ["moonshot", "kimi-k2.6", "thinking", "none", true, false, true],
    ["moonshot", "kimi-k3", "reasoning_effort", "none", true, false, true],
    ["moonshot", "moonshot-v1-8k", "none", "none", false, false, true],
    ["groq", "llama-3.3-70b-versatile", "none", "none", false, false, false],
    ["groq", "openai/gpt-oss-20b", "reasoning_effort", "none", false, false, true],
    ["groq", "qwen/qwen3-32b", "none", "none", false, false, false],
    ["cerebras", "gpt-oss-120b", "reasoning_effort", "none", false, false, true],
    ["mistral", "mistral-large-2512", "none", "none", false, false, true],
    ["mistral", "mistral-small-latest", "reasoning_effort", "none", false, false, true],
    ["xai", "grok-4-0709", "none", "none", false, false, true],
    ["xai", "grok-4.20-0309-reasoning", "none", "none", false, false, true],
    ["xai", "grok-code-fast-1", "none", "none", false, false, true],
    ["xai", "grok-4.5", "reasoning_effort", "none", false, false, true],
    ["litellm", "claude-sonnet-4-5", "reasoning_effort", "cache_control", false, true, true],
    ["ollama", "gpt-oss:20b", "reasoning_effort", "none", false, true, true],
    ["qwen", "qwen3-max", "none", "none", false, true, true],
  ] as const;
  for (const [provider, model, ...expected] of rows) {
    test(`${provider} ${model}: ${expected.join(", ")}`, () =>
      expect(picked(provider, model, keys)).toEqual([...expected]));
  }

  test("Moonshot sets the sampling of Kimi itself; others leave it to the client", () => {
    expect(picked("moonshot", "kimi-k3", ["sampling"])).toEqual(["none"]);
    expect(picked("together", "moonshotai/Kimi-K3", ["sampling"])).toEqual(["all"]);
  });

  test("Groq and Cerebras know max_completion_tokens, Mistral lets no assistant turn stand last", () => {
    expect(picked("groq", "x", ["outputLimit"])).toEqual(["max_completion_tokens"]);
    expect(picked("cerebras", "x", ["outputLimit", "highestTemperature"])).toEqual(["max_completion_tokens", 1.5]);
    expect(picked("mistral", "x", ["prefill", "highestTemperature"])).toEqual([false, 1.5]);
  });

  test("a foreign model behind Anthropic's protocol is asked as the first thinking Claude was", () => {
    expect(picked("anthropic", "glm-5", ["thinking", "systemAnywhere", "prefill", "sampling"])).toEqual([
      "budget",
      false,
      true,
      "all",
    ]);
  });
});

test("a model that nobody knows has the ordinary traits", () => {
  for (const provider of [
    "openai-compatible",
    "vllm",
    "lmstudio",
    "llamacpp",
    "dummy",
    "constructor",
    "__proto__",
    "",
  ]) {
    for (const model of ["my-model", "", "/", ":", "ft:", "llama3.1:8b", "日本語", "__proto__", "x".repeat(100_000)]) {
      expect(traitsOf({ model, provider })).toEqual(ordinaryTraits);
    }
  }
});

function openrouter(model: string, facts: TraitFacts) {
  return traitsOf({ model, provider: "openrouter", facts });
}

describe("the provider's own list wins where it says something", () => {
  test("the most output tokens", () => {
    expect(openrouter("anthropic/claude-opus-5", { maxOutputTokens: 4242 }).maxOutputTokens).toBe(4242);
    expect(openrouter("anthropic/claude-opus-5", { maxOutputTokens: undefined }).maxOutputTokens).toBe(128_000);
    expect(openrouter("anthropic/claude-opus-5", { maxOutputTokens: 0 }).maxOutputTokens).toBe(128_000);
  });

  test("parameters that the model takes and does not take", () => {
    const bare = openrouter("openai/gpt-4o", { supportedParameters: ["max_tokens", "tools"] });
    expect(bare).toMatchObject({
      sampling: "none",
      structuredOutput: false,
      extraSampling: false,
      chatReasoning: "none",
    });
    const rich = openrouter("openai/gpt-5", {
      supportedParameters: ["temperature", "top_k", "reasoning", "include_reasoning", "structured_outputs"],
    });
    expect(rich).toMatchObject({
      sampling: "all",
      structuredOutput: true,
      extraSampling: true,
      chatReasoning: "reasoning",
    });
    const claude = openrouter("anthropic/claude-sonnet-4", {
      supportedParameters: ["temperature", "top_p", "reasoning"],
    });
    expect(claude.sampling).toBe("one");
  });

  test("an empty list says nothing", () => {
    const traits = traitsOf({ model: "openai/gpt-4o", provider: "openrouter" });
    expect(openrouter("openai/gpt-4o", { supportedParameters: [], capabilities: undefined })).toEqual(traits);
  });

  test("a model that cannot think is not asked to", () => {
    const facts = { capabilities: { tools: true, vision: false, reasoning: false } };
    expect(traitsOf({ model: "llama3", provider: "ollama", facts }).chatReasoning).toBe("none");
    expect(traitsOf({ model: "gemini-2.5-flash", provider: "gemini", facts }).geminiThinking).toBe("none");
    const able = { capabilities: { tools: true, vision: false, reasoning: true } };
    expect(traitsOf({ model: "gemini-2.5-flash", provider: "gemini", facts: able }).geminiThinking).toBe("budget");
  });

  test("facts of one question do not change the next one's answer", () => {
    openrouter("openai/gpt-4o", { maxOutputTokens: 7, supportedParameters: ["tools"] });
    expect(traitsOf({ model: "openai/gpt-4o", provider: "openrouter" })).toMatchObject({
      sampling: "all",
      maxOutputTokens: undefined,
    });
  });
});

test("what is remembered is bounded, and stays right when it is forgotten", () => {
  const first = traitsOf({ model: "gpt-5", provider: "openai" });
  expect(traitsOf({ model: "gpt-5", provider: "openai" })).toBe(first);
  for (let index = 0; index < 5000; index += 1) traitsOf({ model: `model-${index}`, provider: "vllm" });
  expect(traitsOf({ model: "gpt-5", provider: "openai" })).not.toBe(first);
  expect(traitsOf({ model: "gpt-5", provider: "openai" })).toEqual(first);
});

test("a name made to be slow to read is not", () => {
  const start = performance.now();
  for (const piece of ["claude-", "-a", "gemini-a", "1p1", "gpt-", "/", ":"]) {
    traitsOf({ model: `claude${piece.repeat(100_000)}`, provider: "anthropic" });
    traitsOf({ model: `gemini${piece.repeat(100_000)}`, provider: "gemini" });
  }
  expect(performance.now() - start).toBeLessThan(100);
});
