import { describe, expect, test } from "bun:test";
import type { Conversation, Part } from "../../../src/protocols/canonical/conversation.ts";
import { call, encoded, messagesOf, newest, older, result, targetOf, text, turn, weatherTool } from "./samples.ts";

const thinkingFor = (reasoning: Conversation["reasoning"], traits = {}) => {
  const { body } = encoded({ reasoning }, targetOf(traits));
  return [body["thinking"], body["output_config"]];
};

const budgetFor = (changes: Partial<Conversation>, target = older) => {
  const { body, fields } = encoded(changes, target);
  return [(body["thinking"] as { budget_tokens?: number } | undefined)?.budget_tokens, body["max_tokens"], fields];
};

describe("thinking", () => {
  test("is adaptive with an effort on newer models", () => {
    expect(thinkingFor({ effort: "high" })).toEqual([{ type: "adaptive" }, { effort: "high" }]);
    expect(thinkingFor({ effort: "minimal" })).toEqual([{ type: "adaptive" }, { effort: "low" }]);
    expect(thinkingFor({ effort: "xhigh" }, { efforts: ["low", "medium", "high"] })).toEqual([
      { type: "adaptive" },
      { effort: "high" },
    ]);
    expect(thinkingFor({ budget: 3000 })).toEqual([{ type: "adaptive" }, { effort: "low" }]);
    expect(thinkingFor({ budget: 7000 })).toEqual([{ type: "adaptive" }, { effort: "medium" }]);
    expect(thinkingFor({ budget: 50_000 })).toEqual([{ type: "adaptive" }, { effort: "high" }]);
    expect(thinkingFor({ budget: "dynamic", isShown: true })).toEqual([
      { type: "adaptive", display: "summarized" },
      undefined,
    ]);
    expect(thinkingFor({ summary: "auto" })).toEqual([{ type: "adaptive", display: "summarized" }, undefined]);
    expect(thinkingFor({ effort: "low", isShown: false })).toEqual([
      { type: "adaptive", display: "omitted" },
      { effort: "low" },
    ]);
    expect(thinkingFor({ isShown: false })).toEqual([undefined, undefined]);
    expect(thinkingFor({ effort: "none" })).toEqual([{ type: "disabled" }, undefined]);
    expect(thinkingFor({ budget: 0 })).toEqual([{ type: "disabled" }, undefined]);
    expect(thinkingFor(undefined)).toEqual([undefined, undefined]);
  });

  test("is a budget below max_tokens on older ones, which is raised for it", () => {
    expect(budgetFor({ reasoning: { effort: "high" } })).toEqual([16_384, 64_000, []]);
    expect(budgetFor({ reasoning: { effort: "low" }, maxOutputTokens: 1000 })).toEqual([4096, 5096, []]);
    expect(budgetFor({ reasoning: { budget: 10 }, maxOutputTokens: 1000 })).toEqual([1024, 2024, []]);
    expect(budgetFor({ reasoning: { budget: "dynamic" } })).toEqual([16_384, 64_000, []]);
    expect(budgetFor({ reasoning: { budget: 90_000 }, maxOutputTokens: 2000 })).toEqual([62_976, 64_000, []]);
    expect(budgetFor({ reasoning: { effort: "high" } }, targetOf({ ...older.traits, maxOutputTokens: 1500 }))).toEqual([
      undefined,
      1500,
      ["reasoning_effort"],
    ]);
    expect(budgetFor({ reasoning: { effort: "none" } })).toEqual([undefined, 64_000, []]);
  });

  test("by a budget gives way to a tool that must be called", () => {
    const { body, fields } = encoded(
      { reasoning: { effort: "high" }, tools: [weatherTool], toolChoice: { type: "required" } },
      older,
    );
    expect([body["thinking"], body["tool_choice"], fields]).toEqual([undefined, { type: "any" }, ["reasoning_effort"]]);
    expect(
      encoded({ reasoning: { effort: "high" }, tools: [weatherTool], toolChoice: { type: "required" } }).body[
        "thinking"
      ],
    ).toEqual({ type: "adaptive" });
  });

  test("by a budget is off while tools run whose thoughts are not at hand", () => {
    const turns = [turn("user", text("x")), turn("assistant", call("a")), turn("tool", result("a"))];
    const { body, fields } = encoded({ turns, tools: [weatherTool], reasoning: { effort: "high" } }, older);
    expect([body["thinking"], fields]).toEqual([undefined, ["reasoning_effort"]]);
    const over = [...turns, turn("assistant", text("ok")), turn("user", text("next"))];
    expect(
      encoded({ turns: over, tools: [weatherTool], reasoning: { effort: "high" } }, older).body["thinking"],
    ).toMatchObject({ type: "enabled" });
    const kept = [
      turn("user", text("x")),
      turn(
        "assistant",
        { type: "reasoning", text: "", opaque: [{ origin: "claude", kind: "anthropic-signature", data: "E" }] },
        call("a"),
      ),
      turn("tool", result("a")),
    ];
    expect(
      encoded({ turns: kept, tools: [weatherTool], reasoning: { effort: "high" } }, older).body["thinking"],
    ).toMatchObject({ type: "enabled" });
  });

  test("is lost on a model that does not think", () => {
    const plain = targetOf({ thinking: "none" });
    expect(encoded({ reasoning: { effort: "high" } }, plain).fields).toEqual(["reasoning_effort"]);
    expect(encoded({ protocol: "gemini-generate", reasoning: { budget: 5 } }, plain).fields).toEqual([
      "generationConfig.thinkingConfig",
    ]);
    expect(encoded({ reasoning: { effort: "none" } }, plain)).toMatchObject({ fields: [], body: {} });
  });
});

const sampling = (changes: Partial<Conversation>, target = targetOf({ sampling: "all", thinking: "none" })) => {
  const { body, fields } = encoded(changes, { ...target, model: "other" });
  return [body["temperature"], body["top_p"], body["top_k"], fields];
};

describe("sampling", () => {
  test("goes as far as the model takes it", () => {
    expect(sampling({ temperature: 0.3, topP: 0.9, topK: 40 })).toEqual([0.3, 0.9, 40, []]);
    expect(sampling({ temperature: 1.7 })).toEqual([1, undefined, undefined, ["temperature"]]);
    expect(sampling({ topK: 0 })).toEqual([undefined, undefined, undefined, []]);
    const one = targetOf({ sampling: "one" });
    expect(sampling({ temperature: 0.1, topP: 1 }, one)).toEqual([0.1, undefined, undefined, []]);
    expect(sampling({ temperature: 0.1, topP: 0.5 }, one)).toEqual([0.1, undefined, undefined, ["top_p"]]);
    expect(sampling({ topP: 0.5 }, one)).toEqual([undefined, 0.5, undefined, []]);
  });

  test("B53: is dropped, and said to be, on models that take none", () => {
    const { body, fields } = encoded({ temperature: 0, topP: 0.5, topK: 5 }, newest);
    expect(["temperature", "top_p", "top_k"].some((field) => field in body)).toBe(false);
    expect(fields).toEqual(["temperature", "top_p", "top_k"]);
    expect(encoded({ temperature: 1, topP: 1 }, newest).fields).toEqual([]);
  });

  test("B53: is dropped while an older model thinks", () => {
    const { body, fields } = encoded(
      { temperature: 0, topP: 0.96, topK: 5, reasoning: { effort: "high" } },
      { ...older, traits: { ...older.traits, sampling: "all" } },
    );
    expect([body["temperature"], body["top_p"], body["top_k"]]).toEqual([undefined, 0.96, undefined]);
    expect(fields).toEqual(["temperature", "top_k"]);
    expect(body["thinking"]).toEqual({ type: "enabled", budget_tokens: 16_384 });
  });
});

describe("other settings", () => {
  test("that Anthropic has are carried", () => {
    const { body, losses } = encoded({
      maxOutputTokens: 500,
      stop: ["END", " "],
      user: "me@example.org",
      serviceTier: "default",
      cache: { ttl: "1h" },
    });
    expect(body).toMatchObject({
      max_tokens: 500,
      stop_sequences: ["END"],
      metadata: { user_id: expect.stringMatching(/^[0-9a-f]{64}$/) },
      service_tier: "standard_only",
      cache_control: { type: "ephemeral", ttl: "1h" },
    });
    expect(losses.map(({ field }) => field)).toEqual(["stop"]);
    expect(encoded({ protocol: "anthropic-messages", user: '{"s":1}' }).body["metadata"]).toEqual({
      user_id: '{"s":1}',
    });
    expect(encoded({ maxOutputTokens: 0 }).body["max_tokens"]).toBe(0);
  });

  test("that ask for too much are brought down", () => {
    const { body, fields } = encoded({ maxOutputTokens: 10_000_000 });
    expect([body["max_tokens"], fields]).toEqual([128_000, ["max_tokens"]]);
  });

  test("that Anthropic does not have are lost by their own names", () => {
    const changes: Partial<Conversation> = {
      minP: 0.1,
      presencePenalty: 1,
      frequencyPenalty: 1,
      repetitionPenalty: 1.1,
      logitBias: { 5: 1 },
      seed: 1,
      verbosity: "high",
      logprobs: { top: 0 },
      serviceTier: "flex",
      extra: { prediction: {}, store: true, stream_options: {}, prompt_cache_retention: "24h" },
    };
    expect(encoded(changes).fields).toEqual([
      "min_p",
      "presence_penalty",
      "frequency_penalty",
      "repetition_penalty",
      "seed",
      "verbosity",
      "logit_bias",
      "logprobs",
      "prediction",
      "store",
      "service_tier",
    ]);
    expect(encoded({ ...changes, protocol: "gemini-generate", extra: {} }).fields).toContain("generationConfig.seed");
    expect(encoded({ ...changes, protocol: "ollama-chat", extra: {} }).fields).toContain("options.min_p");
  });

  test("that say nothing are lost in silence", () => {
    expect(
      encoded({
        presencePenalty: 0,
        frequencyPenalty: 0,
        repetitionPenalty: 1,
        logitBias: {},
        minP: 0,
        verbosity: "medium",
        serviceTier: "auto",
        cacheKey: "k",
        metadata: { a: 1 },
        extra: { store: false, user: "x", safety_identifier: "y" },
      }).fields,
    ).toEqual([]);
  });

  test("of Anthropic's own go back where they came from", () => {
    const { body } = encoded({ protocol: "anthropic-messages", extra: { speed: "fast", model: "evil" } });
    expect(body).toMatchObject({ speed: "fast", model: "claude-opus-5" });
  });
});

const count = (value: unknown): number => JSON.stringify(value).split('"cache_control"').length - 1;

describe("cache marks", () => {
  const mark = { ttl: undefined };
  const marked = (value: string, cache: { ttl: string | undefined } = mark): Part => ({
    type: "text",
    text: value,
    cache,
  });

  test("are four at most: of tools, of system, and the latest", () => {
    const { body } = encoded({
      tools: [
        { ...weatherTool, cache: mark },
        { name: "b", kind: "function", cache: mark },
      ],
      turns: [
        turn("system", marked("s1"), marked("s2")),
        ...["1", "2", "3", "4", "5"].map((value) => turn("user", marked(value))),
      ],
    });
    expect([count(body["tools"]), count(body["system"]), count(body.messages)]).toEqual([1, 1, 2]);
    expect(body.messages[0]?.content.slice(3).map((block) => block["cache_control"])).toEqual([
      { type: "ephemeral" },
      { type: "ephemeral" },
    ]);
    const whole = encoded({
      cache: mark,
      turns: ["1", "2", "3", "4", "5"].map((value) => turn("user", marked(value))),
    });
    expect(count(whole.body.messages)).toBe(3);
  });

  test("that last longer stand before those that do not", () => {
    const { body } = encoded({
      turns: [turn("system", marked("s", { ttl: "5m" })), turn("user", marked("a", { ttl: "30m" }), marked("b"))],
    });
    expect(body["system"]).toMatchObject([{ cache_control: { ttl: "1h" } }]);
    expect(body.messages[0]?.content.map((block) => block["cache_control"])).toEqual([
      { type: "ephemeral", ttl: "1h" },
      { type: "ephemeral" },
    ]);
  });

  test("inside of results are the results' own", () => {
    const inner = [marked("a"), marked("b", { ttl: "1h" })] as never;
    const { body } = messagesOf(
      turn("user", text("x")),
      turn("assistant", call("a")),
      turn("tool", { type: "tool_result", callId: "a", parts: inner, isError: false }),
    );
    expect(count(body.messages)).toBe(1);
    expect(body.messages[2]?.content[0]?.["cache_control"]).toEqual({ type: "ephemeral", ttl: "1h" });
  });

  test("on calls, results and pictures are kept", () => {
    const { body } = messagesOf(
      turn("user", { type: "image", source: { kind: "url", url: "https://x" }, cache: mark }),
      turn("assistant", { ...(call("a") as Extract<Part, { type: "tool_call" }>), cache: mark }),
      turn("tool", { ...(result("a") as Extract<Part, { type: "tool_result" }>), cache: mark }),
    );
    expect(count(body.messages)).toBe(3);
  });
});
