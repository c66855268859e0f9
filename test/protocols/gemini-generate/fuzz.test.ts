import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Conversation, Part, Turn } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { geminiGenerate } from "../../../src/protocols/gemini-generate/index.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { randomText } from "../../support/random.ts";
import { cutAtRandom, forSeeds, type Random } from "../../lib/seeded.ts";
import { randomObject } from "../../lib/random-json.ts";
import { damageOf } from "../damage.ts";
import { editPieces } from "../whole-stream.ts";
import { conversationOf } from "../../support/conversation.ts";
import { codec, decoded, encoded, gemini2, gemini3, response, streamOf, viewWith, wire } from "./samples.ts";

const usage = { promptTokenCount: 5, candidatesTokenCount: 2 };
const samples = [
  streamOf(response([{ text: "Grüße 👋" }], { usage }), response([{ text: "" }], { finishReason: "STOP", usage })),
  streamOf(
    response([{ text: "hm", thought: true }]),
    response([
      { functionCall: { name: "f", args: { a: [1] } }, thoughtSignature: "CiQ=" },
      { functionCall: { name: "g" } },
    ]),
    response([{ text: "", thoughtSignature: "Q2k=" }], { finishReason: "STOP" }),
  ),
  streamOf(
    response([{ functionCall: { name: "w", willContinue: true } }]),
    response([
      {
        functionCall: {
          partialArgs: [{ jsonPath: "$.a[0].b", stringValue: "x", willContinue: true }],
          willContinue: true,
        },
      },
    ]),
    response([{ functionCall: {} }], { finishReason: "STOP" }),
  ),
  streamOf({ promptFeedback: { blockReason: "SAFETY" } }) + wire.failureInStream("overloaded"),
];

const fragments = [
  "data: [{}]\n\n",
  '{"error":{"code":500}}',
  '"candidates":[null],',
  '"candidates":{},',
  '"parts":[null,1,"x",{}],',
  '"parts":{},',
  '"text":5,',
  '"functionCall":[],',
  '"functionCall":{"name":5,"args":[]},',
  '"functionCall":{"willContinue":true},',
  '"thoughtSignature":{},',
  '"inlineData":{"mimeType":"image/png"},',
  '"finishReason":{},',
  '"finishReason":"constructor",',
  '"promptFeedback":[],',
  '"usageMetadata":"x",',
  '"usageMetadata":{"promptTokenCount":-1,"totalTokenCount":1e999},',
  '"logprobsResult":{"chosenCandidates":[null,{}]},',
  '"error":{},',
  '"error":{"code":{},"message":[],"details":[null]},',
  '"__proto__":{"candidates":1},',
  '"partialArgs":[null,{"jsonPath":"$.__proto__.x","numberValue":1}],',
];

const mutated = damageOf({ samples, fragments });

const broken = new GatewayError({ code: "upstream_error", status: 502, message: "cut" });

/** What a client gets of a stream in the same lane, its ending included. */
function edited(stream: string, random: Random, framing: "events" | "array"): string {
  const editor = geminiGenerate.createStreamEditor({ modelShown: "smart", hideUsage: false, textLimit: 100, framing });
  const { output, failure } = editPieces(editor, cutAtRandom(stream, random, 200));
  return failure !== undefined || !editor.isComplete() ? output + (editor.fail?.(failure ?? broken) ?? "") : output;
}

test("no stream breaks the decoder, and what it makes of it is in order", () => {
  forSeeds(5000, (random) => {
    const events = decoded(cutAtRandom(mutated(random), random, 300));
    expect(grammarProblems(events)).toEqual([]);
    const last = events.at(-1)?.type;
    const output = encoded(events, viewWith({ framing: random.chance(0.5) ? "array" : "events" }));
    const problems = last === "finish" || last === "error" ? wire.problemsOf(utf8OfLatin1(output)) : [];
    // Not every upstream counts.
    expect(problems.filter((problem) => !problem.startsWith("no usageMetadata"))).toEqual([]);
  });
});

test("no stream breaks the editor, and an array stays one", () => {
  forSeeds(5000, (random) => {
    const stream = mutated(random);
    edited(stream, random, "events");
    const array = utf8OfLatin1(edited(stream, random, "array"));
    if (!Array.isArray(JSON.parse(array))) throw new Error(`no array: ${array}`);
  });
});

test("no request breaks the decoder, and what it has read can be written", () => {
  const names = [
    "contents",
    "parts",
    "text",
    "functionCall",
    "functionResponse",
    "thoughtSignature",
    "tools",
    "generationConfig",
    "role",
    "args",
    "inline_data",
  ];
  forSeeds(3000, (random) => {
    let text = randomObject(random, 6).text;
    for (const key of ['"model"', '"a"', '"0"', '"messages"', '"stream"'])
      text = text.replaceAll(key, `"${random.pick(names)}"`);
    const contents = random.chance(0.3)
      ? ""
      : `"contents":[{"role":"${random.pick(["model", "user", "x"])}","parts":[${text}]}],`;
    const body = JSON.parse(`{${contents}"generationConfig":{"thinkingConfig":{}},"x":${text}}`) as Record<
      string,
      unknown
    >;
    try {
      const conversation = codec.request.decode(body, {});
      for (const target of [gemini2, gemini3]) codec.request.encode(conversation, target);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      expect(error.status).toBe(400);
    }
  });
});

test("no answer breaks the decoder", () => {
  const names = ["candidates", "content", "parts", "text", "functionCall", "finishReason", "usageMetadata"];
  forSeeds(3000, (random) => {
    let text = randomObject(random, 6).text;
    for (const key of ['"model"', '"a"', '"0"', '"messages"', '"stream"'])
      text = text.replaceAll(key, `"${random.pick(names)}"`);
    const value = JSON.parse(random.chance(0.5) ? text : `{"candidates":[{"content":{"parts":[${text}]}}]}`) as unknown;
    try {
      codec.answer.encode(codec.answer.decode(value, { origin: "google" }), viewWith());
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
  });
});

function words(random: Random): string {
  return randomText(() => random.below(1_000_000) / 1_000_000) || "x";
}

function randomAnswer(random: Random): Answer {
  const makers: (() => Part)[] = [
    () => ({ type: "text", text: words(random) }),
    () => ({ type: "reasoning", text: words(random), isSummary: true, opaque: [] }),
    () => ({
      type: "tool_call",
      id: `c${random.below(1e9)}`,
      name: "f",
      kind: "function",
      input: JSON.stringify({ a: words(random) }),
      opaque: undefined,
    }),
  ];
  const kinds = Array.from({ length: random.below(6) }, () => random.below(makers.length));
  // Two texts side by side are one on the wire.
  const parts = kinds
    .filter((kind, index) => kind === 2 || kind !== kinds[index - 1])
    .flatMap((kind) => makers[kind]?.() ?? []);
  const hasCalls = parts.some(({ type }) => type === "tool_call");
  return {
    id: "r1",
    model: "smart",
    parts,
    finish: { reason: hasCalls ? "tool_calls" : "end", raw: "STOP" },
    usage: {
      input: random.below(100),
      cacheRead: random.below(10),
      cacheWrite: undefined,
      output: random.below(100),
      reasoning: random.below(100),
    },
    costUsd: undefined,
  };
}

test("what is encoded as a stream, or as a whole, is decoded to the same again", () => {
  forSeeds(500, (random) => {
    const answer = randomAnswer(random);
    // A client's text cannot hold half a character.
    const clean = JSON.parse(Buffer.from(JSON.stringify(answer)).toString(), (_key, value: unknown) => value) as Answer;
    const expected = { ...answer, ...clean, usage: answer.usage, costUsd: undefined, parts: answer.parts };
    const view = viewWith({ framing: "events" });
    expect(answerOfEvents(decoded(cutAtRandom(encoded(eventsOfAnswer(answer), view), random, 50)))).toEqual(expected);
    const whole = JSON.parse(JSON.stringify(codec.answer.encode(answer, view))) as unknown;
    expect(codec.answer.decode(whole, { origin: "google" })).toEqual(expected);
  });
});

function randomTurns(random: Random): Turn[] {
  const turns: Turn[] = [];
  for (let index = random.below(12); index >= 0; index -= 1) {
    const role = random.pick(["user", "assistant", "tool", "system", "assistant"] as const);
    const texts: Part[] = Array.from({ length: random.below(3) }, () => ({
      type: "text",
      text: random.chance(0.2) ? "" : words(random),
    }));
    const ids = Array.from({ length: random.below(3) }, () => `c${random.below(4)}`);
    const calls: Part[] = ids.map((id) => ({
      type: "tool_call",
      id,
      name: random.pick(["f", "a b", "9"]),
      kind: "function",
      input: random.pick(["", "{}", "[", '{"a":1}']),
    }));
    const results: Part[] = ids.map((callId) => ({
      type: "tool_result",
      callId,
      parts: texts as never,
      isError: random.chance(0.2),
    }));
    const states: Part = {
      type: "reasoning",
      text: random.pick(["", "hm"]),
      opaque: [{ origin: random.pick(["", "google", "x"]), kind: "gemini-signature", data: "CiQ=" }],
    };
    if (role === "assistant") turns.push({ role, parts: [...texts, states, ...calls] });
    else turns.push({ role, parts: role === "tool" ? results : texts });
  }
  return turns;
}

test("whatever order turns have, the request is one that the API takes", () => {
  forSeeds(1500, (random) => {
    const tools = random.chance(0.5)
      ? []
      : [
          { name: "f", kind: "function" as const },
          { name: "a b", kind: "function" as const },
        ];
    const conversation: Conversation = conversationOf({ turns: randomTurns(random), tools });
    const target = random.pick([gemini2, gemini3]);
    const path = `/v1beta/models/${target.model}:streamGenerateContent?alt=sse`;
    try {
      const body = JSON.parse(JSON.stringify(codec.request.encode(conversation, target).body)) as unknown;
      expect(wire.violationsOf({ method: "POST", path, headers: new Headers(), body })).toEqual([]);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      expect(error.message).toContain("says nothing");
    }
  });
});

test("events in any order do not break the encoder, and its stream stays readable", () => {
  const makers: ((random: Random) => StreamEvent)[] = [
    () => ({ type: "start", id: "x", model: undefined }),
    (random) => ({
      type: "part-start",
      index: 0,
      part: { type: random.pick(["text", "reasoning", "refusal"] as const) },
    }),
    () => ({ type: "part-start", index: 0, part: { type: "tool_call", id: "", name: "f", kind: "function" } }),
    (random) => ({ type: "part-delta", index: 0, text: words(random) }),
    () => ({ type: "part-opaque", index: 0, opaque: { origin: "o", kind: "reference", data: "d" } }),
    () => ({ type: "part-stop", index: 0 }),
    () => ({ type: "logprobs", logprobs: { content: [null] } }),
  ];
  forSeeds(1000, (random) => {
    const framing = random.pick(["events", "array"] as const);
    const encoder = codec.stream.createEncoder(viewWith({ framing }));
    let output = "";
    for (let count = random.below(12); count > 0; count -= 1) output += encoder.push(random.pick(makers)(random));
    output += random.chance(0.5)
      ? encoder.fail(broken)
      : encoder.push({ type: "finish", finish: { reason: "end", raw: undefined } }) + encoder.fail(broken);
    const problems = wire.problemsOf(utf8OfLatin1(output)).filter((problem) => !problem.startsWith("no usageMetadata"));
    expect(problems).toEqual([]);
  });
});
