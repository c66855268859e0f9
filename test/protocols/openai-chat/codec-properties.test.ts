import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import type { Target } from "../../../src/protocols/canonical/codec.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Conversation, Part, Tool, Turn } from "../../../src/protocols/canonical/conversation.ts";
import { forSeeds, type Random } from "../../lib/seeded.ts";
import { oddCall, oddNames, oddResult, oddTexts } from "../random-parts.ts";
import { decodePieces, encodeEvents } from "../whole-stream.ts";
import {
  codec,
  contentOf,
  decoded,
  encoded,
  openaiTarget,
  openrouterTarget,
  origin,
  problemsOf,
  targetOf,
  viewOf,
} from "./codec-rig.ts";

const kinds = [
  "anthropic-signature",
  "gemini-signature",
  "reasoning-details",
  "reference",
  "openai-encrypted",
] as const;

function opaqueOf(random: Random) {
  return Array.from({ length: random.below(3) }, () => ({
    origin: random.pick([origin, "other", ""]),
    kind: random.pick(kinds),
    data: random.pick(['[{"type":"reasoning.text"}]', "EqoB", "[1", ""]),
  }));
}

function randomPart(random: Random): Part {
  switch (random.below(9)) {
    case 0:
      return { ...oddCall(random), opaque: opaqueOf(random) };
    case 1:
      return oddResult(random);
    case 2:
      return { type: "reasoning", text: random.pick(oddTexts), opaque: opaqueOf(random) };
    case 3:
      return {
        type: "image",
        source: random.pick([
          { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" },
          { kind: "file-id", id: "f" },
        ] as const),
      };
    case 4:
      return {
        type: "file",
        source: { kind: "base64", mediaType: random.pick(["application/pdf", "text/plain"]), data: "SGVsbG8=" },
      };
    case 5:
      return { type: "refusal", text: random.pick(oddTexts) };
    case 6:
      return { type: "opaque", protocol: "anthropic-messages", value: { type: "x" } };
    default:
      return { type: "text", text: random.pick(oddTexts), cache: random.chance(0.2) ? { ttl: undefined } : undefined };
  }
}

function listOf<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: random.below(most + 1) }, make);
}

/** Ids twice in one message are the client's own mistake. */
function withoutTwins(turns: readonly Turn[]): Turn[] {
  let count = 0;
  return turns.map(({ role, parts }) => ({
    role,
    parts: parts.map((part) => {
      count += 1;
      return part.type === "tool_call" ? { ...part, id: `${part.id}${count}` } : part;
    }),
  }));
}

function randomConversation(random: Random): Partial<Conversation> {
  const roles = ["system", "developer", "user", "assistant", "tool"] as const;
  const tools: Tool[] = listOf(random, 4, () => random.pick(oddNames))
    .filter((name, index, all) => all.indexOf(name) === index)
    .map((name) => ({ name, kind: random.pick(["function", "custom"]) }));
  return {
    protocol: random.pick([
      "anthropic-messages",
      "openai-responses",
      "gemini-generate",
      "ollama-chat",
      "openai-completions",
    ]),
    stream: random.chance(0.5),
    turns: withoutTwins([
      { role: "user", parts: [] },
      ...listOf(random, 6, () => ({ role: random.pick(roles), parts: listOf(random, 4, () => randomPart(random)) })),
    ]),
    tools,
    toolChoice: random.pick([
      undefined,
      { type: "auto" },
      { type: "none" },
      { type: "required" },
      { type: "subset", mode: "auto", names: [random.pick(oddNames)] },
    ] as const),
    parallelToolCalls: random.pick([undefined, true, false]),
    maxOutputTokens: random.pick([undefined, 0, 1, 1e6]),
    temperature: random.pick([undefined, 0, 1, 2, 1.7]),
    topP: random.pick([undefined, 0.5, 1]),
    topK: random.pick([undefined, 40]),
    stop: listOf(random, 6, () => random.pick(["END", ""])),
    format: random.pick([
      undefined,
      { type: "json" },
      { type: "schema", name: "ü", description: undefined, schema: { type: "object" }, strict: true },
    ] as const),
    reasoning: random.pick([
      undefined,
      { effort: "xhigh" },
      { budget: 3000 },
      { budget: "dynamic", isShown: false },
    ] as const),
    user: random.pick([undefined, "u", "{}".repeat(60)]),
    cacheKey: random.pick([undefined, "k"]),
    logprobs: random.pick([undefined, { top: 2 }]),
    serviceTier: random.pick([undefined, "auto", "flex"]),
    verbosity: random.pick([undefined, "low"]),
    extra: random.pick([{}, { container: "x", store: false }]),
  };
}

const targets: readonly Target[] = [
  targetOf(),
  openaiTarget,
  openrouterTarget,
  targetOf({
    provider: "deepseek",
    chatReasoning: "thinking",
    wantsReasoningContent: true,
    systemAnywhere: false,
    structuredOutput: false,
  }),
  targetOf({
    provider: "mistral",
    chatReasoning: "none",
    prefill: false,
    sampling: "one",
    extraSampling: false,
    maxOutputTokens: 100,
  }),
];

test("whatever a conversation holds, no server would refuse the request for its form", () => {
  forSeeds(3000, (random) => {
    const conversation = randomConversation(random);
    try {
      const { violations, losses } = encoded(conversation, random.pick(targets));
      if (violations.length > 0) throw new Error(`${violations.join("; ")} in ${JSON.stringify(conversation)}`);
      for (const { field, reason } of losses) expect([field, reason].every((text) => text !== "")).toBe(true);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.status !== 400) throw error;
    }
  });
});

function textual(random: Random): string {
  return random.pick(["Hi", "Grüße 👋🏽", "日本\n\u0000", '{"a":1}', "Error: no"]);
}

/** What this protocol can say in full. */
function sayable(random: Random): Conversation {
  const turns: Turn[] = [];
  const text = (): Part => ({ type: "text", text: textual(random) });
  if (random.chance(0.5)) turns.push({ role: random.pick(["system", "developer"]), parts: [text()] });
  for (let round = 0; round <= random.below(4); round += 1) {
    const picture: Part = {
      type: "image",
      source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" },
      detail: random.pick([undefined, "low"]),
    };
    const sound: Part = { type: "audio", source: { kind: "base64", mediaType: "audio/mpeg", data: "AAAA" } };
    turns.push({ role: "user", parts: random.chance(0.6) ? [text()] : [text(), picture, sound] });
    const calls = listOf(random, 3, () => `c${turns.length}_${random.below(1e6)}`).map((id): Part => ({
      type: "tool_call",
      id,
      name: "f",
      kind: random.pick(["function", "custom"]),
      input: random.pick(["{}", '{"a": 1.0}']),
    }));
    turns.push({ role: "assistant", parts: [...(calls.length === 0 || random.chance(0.5) ? [text()] : []), ...calls] });
    if (calls.length === 0) continue;
    const results = calls.map((call): Part => ({
      type: "tool_result",
      callId: call.type === "tool_call" ? call.id : "",
      parts: [{ type: "text", text: textual(random) }],
      isError: false,
    }));
    turns.push({ role: "tool", parts: results });
  }
  const tools: Tool[] = random.chance(0.5)
    ? []
    : [
        { name: "f", kind: "function", description: "d", parameters: { type: "object" }, strict: true },
        { name: "g", kind: "custom" },
      ];
  return {
    protocol: "openai-chat",
    model: "vendor/model",
    stream: random.chance(0.5),
    turns,
    tools,
    toolChoice:
      tools.length === 0
        ? undefined
        : random.pick([
            undefined,
            { type: "auto" },
            { type: "required" },
            { type: "tool", name: "g" },
            { type: "subset", mode: "auto", names: ["f"] },
          ] as const),
    parallelToolCalls: tools.length === 0 ? undefined : random.pick([undefined, false]),
    maxOutputTokens: random.pick([undefined, 7]),
    temperature: random.pick([undefined, 0, 0.7]),
    topP: random.pick([undefined, 0.5]),
    topK: random.pick([undefined, 5]),
    minP: random.pick([undefined, 0.1]),
    presencePenalty: random.pick([undefined, -1]),
    frequencyPenalty: random.pick([undefined, 1]),
    repetitionPenalty: random.pick([undefined, 1.1]),
    logitBias: random.pick([undefined, { 5: -100 }]),
    seed: random.pick([undefined, 0]),
    stop: listOf(random, 4, () => "END"),
    logprobs: random.pick([undefined, { top: 0 }, { top: 3 }]),
    format: random.pick([
      undefined,
      { type: "schema", name: "x", description: "d", schema: { type: "object" }, strict: true },
    ] as const),
    reasoning: random.pick([undefined, { effort: "low" }] as const),
    verbosity: random.pick([undefined, "high"]),
    cacheKey: random.pick([undefined, "k"]),
    user: random.pick([undefined, "u"]),
    serviceTier: random.pick([undefined, "flex"]),
    extra: random.pick([{}, { web_search_options: {} }]),
    losses: [],
  };
}

test("what this protocol can say survives its writing and reading", () => {
  const target = targetOf({ provider: "openai", developerRole: true });
  forSeeds(1000, (random) => {
    const conversation = sayable(random);
    const { body, losses } = codec.request.encode(conversation, target);
    expect(losses).toEqual([]);
    expect(decoded(JSON.parse(JSON.stringify(body)) as Record<string, unknown>)).toEqual(conversation);
  });
});

function randomAnswer(random: Random): Answer {
  const text = (): string => random.pick(["Hi", "Grüße 👋🏽", "日本\n", "\u0000", '\\"', "data: [DONE]\n\n"]);
  let count = 0;
  const part = (): Part => {
    count += 1;
    if (random.chance(0.3))
      return {
        type: "tool_call",
        id: `c${count}`,
        name: "f",
        kind: "function",
        input: random.pick(["{}", '{"a":"ü"}']),
      };
    if (random.chance(0.3)) return { type: "reasoning", text: text(), opaque: [] };
    return { type: "text", text: text() };
  };
  const made = listOf(random, 5, part);
  // Neighbours of one kind are one part in a stream of this protocol.
  const parts = made.filter((entry, index) => entry.type === "tool_call" || entry.type !== made[index - 1]?.type);
  const hasCalls = parts.some(({ type }) => type === "tool_call");
  const reason = random.chance(0.2) ? "length" : hasCalls ? "tool_calls" : "end";
  const raw = { length: "length", tool_calls: "tool_calls", end: "stop" }[reason];
  const usage = random.pick([undefined, { input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5 }]);
  return { id: "x", model: "shown-ü", parts, finish: { reason, raw }, usage, costUsd: undefined };
}

test("a stream that was written is read as the answer it was, wherever it is cut", () => {
  forSeeds(1000, (random) => {
    const answer = randomAnswer(random);
    const encoder = codec.stream.createEncoder(viewOf({ wantsUsage: true }));
    const stream = encodeEvents(encoder, eventsOfAnswer(answer));
    expect(problemsOf(utf8OfLatin1(stream))).toEqual([]);
    const decoder = codec.stream.createDecoder({ origin });
    const at = random.below(stream.length);
    expect(answerOfEvents(decodePieces(decoder, [stream.slice(0, at), stream.slice(at)]))).toEqual(answer);
  });
});

test("a whole answer that was written says what its stream says", () => {
  forSeeds(300, (random) => {
    const answer = randomAnswer(random);
    const view = viewOf({ wantsUsage: true });
    const whole = JSON.stringify(codec.answer.encode(answer, view));
    const encoder = codec.stream.createEncoder(view);
    const stream = encodeEvents(encoder, eventsOfAnswer(answer));
    expect(contentOf(utf8OfLatin1(stream))).toEqual(contentOf(whole));
    expect(latin1OfUtf8(utf8OfLatin1(stream))).toBe(stream);
  });
});

test("a request of any shape is read or refused with 400", () => {
  const values = [null, true, 7, "x", [], {}, [[]], [null], { role: "user" }, [{ type: "text" }], "assistant", 1e308];
  const fields = [
    "messages",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "reasoning",
    "thinking",
    "response_format",
    "stop",
    "logit_bias",
    "metadata",
    "temperature",
    "stream",
    "n",
    "logprobs",
    "cache_control",
    "user",
  ];
  const roles = ["system", "user", "assistant", "tool", "function"];
  forSeeds(4000, (random) => {
    const value = (): unknown => random.pick(values);
    const message = () => ({
      role: random.pick(roles),
      content: value(),
      name: value(),
      tool_calls: random.chance(0.3) ? value() : undefined,
      function_call: value(),
      tool_call_id: value(),
      reasoning_details: value(),
      refusal: value(),
      images: value(),
      cot_id: value(),
    });
    const body = {
      messages: listOf(random, 4, message),
      ...Object.fromEntries(listOf(random, 4, () => [random.pick(fields), value()])),
    };
    try {
      codec.request.decode(body, {});
    } catch (error) {
      if (!(error instanceof GatewayError) || error.status !== 400 || error.param === undefined) throw error;
    }
  });
});
