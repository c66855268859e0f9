import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Opaque } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { statesOfSignature } from "../../../src/protocols/gemini-generate/signature.ts";
import { encodeEvents } from "../whole-stream.ts";
import { conversationOf } from "../../support/conversation.ts";
import { codec, decoded, encoded, viewWith, wire, type Json } from "./samples.ts";

const state: Opaque = { origin: "claude", kind: "anthropic-signature", data: "sig" };
const broken = new GatewayError({ code: "upstream_timeout", status: 504, message: "Too slow: über 60 s." });

const answer: Answer = {
  id: "msg_1",
  model: "claude",
  parts: [
    { type: "reasoning", text: "Ich denke 🤔", opaque: [state] },
    { type: "text", text: "Grüße\n\r\u2028 👋 \ud800" },
    { type: "tool_call", id: "toolu_1", name: "f", kind: "function", input: '{"a": "ü", "n": 1.5}' },
    { type: "tool_call", id: "toolu_2", name: "g", kind: "function", input: "" },
  ],
  finish: { reason: "tool_calls", raw: "tool_use" },
  usage: { input: 5, cacheRead: 1, cacheWrite: 2, output: 3, reasoning: 4 },
  costUsd: undefined,
};

function responsesOf(stream: string): Json[] {
  return utf8OfLatin1(stream)
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => JSON.parse(event.slice("data: ".length)) as Json);
}

function partsOf(value: Json): Json[] {
  return (value["candidates"] as { content: { parts: Json[] } }[])[0]?.content.parts ?? [];
}

const compact = (event: StreamEvent): StreamEvent =>
  event.type === "part-delta" && event.text.startsWith("{")
    ? { ...event, text: JSON.stringify(JSON.parse(event.text)) }
    : event;

describe("events as a stream of responses", () => {
  test("every delta is a response, calls come whole, the last has finish and usage", () => {
    const stream = encoded(eventsOfAnswer(answer));
    expect(wire.problemsOf(utf8OfLatin1(stream))).toEqual([]);
    const responses = responsesOf(stream);
    expect(responses.map((value) => partsOf(value).map((part) => Object.keys(part)[0]))).toEqual([
      ["text"],
      ["text"],
      ["functionCall"],
      ["functionCall"],
      ["text"],
    ]);
    expect(responses.at(-1)).toEqual({
      candidates: [{ content: { role: "model", parts: [{ text: "" }] }, finishReason: "STOP", index: 0 }],
      usageMetadata: {
        promptTokenCount: 8,
        cachedContentTokenCount: 1,
        candidatesTokenCount: 3,
        thoughtsTokenCount: 4,
        totalTokenCount: 15,
      },
      modelVersion: "smart",
      responseId: "msg_1",
    });
  });

  test("comes to the same as the answer in one piece, in both framings", () => {
    const view = viewWith();
    const whole = wire.contentOf(JSON.stringify(codec.answer.encode(answer, view)));
    expect(whole.calls).toEqual([
      { name: "f", input: { a: "ü", n: 1.5 } },
      { name: "g", input: {} },
    ]);
    expect(wire.contentOf(utf8OfLatin1(encoded(eventsOfAnswer(answer), view)))).toEqual(whole);
    const array = utf8OfLatin1(encoded(eventsOfAnswer(answer), viewWith({ framing: "array" })));
    expect(wire.contentOf(array)).toEqual(whole);
    expect(wire.problemsOf(array)).toEqual([]);
  });

  test("an array begins with the first response and is closed with the last", () => {
    const encoder = codec.stream.createEncoder(viewWith({ framing: "array" }));
    const outputs = [...eventsOfAnswer(answer)].map((event) => encoder.push(event)).filter((output) => output !== "");
    expect(outputs.map((output) => output.slice(0, 3))).toEqual(['[{"', ",\r\n", ",\r\n", ",\r\n", ",\r\n"]);
    expect(outputs.at(-1)).toEndWith("}]");
    expect(JSON.parse(utf8OfLatin1(outputs.join("\n\n")))).toHaveLength(5);
  });

  test("states of reasoning go with the next call, else with the last response", () => {
    const signatures = responsesOf(encoded(eventsOfAnswer(answer))).flatMap((value) =>
      partsOf(value).map((part) => part["thoughtSignature"]),
    );
    expect(signatures.map((signature) => (typeof signature === "string" ? statesOfSignature(signature) : []))).toEqual([
      [],
      [],
      [state],
      [],
      [],
    ]);
    const withoutCalls = responsesOf(encoded(eventsOfAnswer({ ...answer, parts: answer.parts.slice(0, 2) })));
    expect(statesOfSignature(String(partsOf(withoutCalls.at(-1) ?? {})[0]?.["thoughtSignature"]))).toEqual([state]);
  });

  test("thoughts are kept back from those who said that they want none", () => {
    const view = viewWith({ conversation: conversationOf({ reasoning: { isShown: false } }) });
    expect(wire.contentOf(utf8OfLatin1(encoded(eventsOfAnswer(answer), view))).reasoning).toBe("");
    expect(wire.contentOf(utf8OfLatin1(encoded(eventsOfAnswer(answer)))).reasoning).toBe("Ich denke 🤔");
  });

  test("an id is made where the upstream gave none, and is the same in all responses", () => {
    const ids = responsesOf(encoded(eventsOfAnswer({ ...answer, id: "" }))).map((value) => value["responseId"]);
    expect(new Set(ids).size).toBe(1);
    expect(String(ids[0])).toMatch(/^[a-z0-9]{24}$/);
  });

  test("pictures, refusals and log probabilities have their responses", () => {
    const events: StreamEvent[] = [
      { type: "start", id: "1", model: undefined },
      {
        type: "part-start",
        index: 0,
        part: {
          type: "image",
          image: { type: "image", source: { kind: "base64", mediaType: "image/png", data: "aa" } },
        },
      },
      { type: "part-stop", index: 0 },
      { type: "part-start", index: 1, part: { type: "refusal" } },
      { type: "part-delta", index: 1, text: "No." },
      { type: "part-stop", index: 1 },
      { type: "logprobs", logprobs: { content: [{ token: "N", logprob: -1 }] } },
      { type: "finish", finish: { reason: "filtered", raw: undefined } },
    ];
    const responses = responsesOf(encoded(events));
    expect(responses.map((value) => (value["candidates"] as Json[])[0])).toEqual([
      { content: { role: "model", parts: [{ inlineData: { mimeType: "image/png", data: "aa" } }] }, index: 0 },
      { content: { role: "model", parts: [{ text: "No." }] }, index: 0 },
      {
        index: 0,
        logprobsResult: { topCandidates: [{ candidates: [] }], chosenCandidates: [{ token: "N", logProbability: -1 }] },
      },
      { content: { role: "model", parts: [{ text: "" }] }, finishReason: "SAFETY", index: 0 },
    ]);
  });

  test("a stream of ours decodes to the events it was made of", () => {
    const plain = { ...answer, parts: answer.parts.slice(1), finish: { reason: "tool_calls" as const, raw: "STOP" } };
    const again = decoded([encoded(eventsOfAnswer(plain))]).filter(
      ({ type }) => type.startsWith("part") || type === "finish",
    );
    const expected = [...eventsOfAnswer(plain)].filter(({ type }) => type.startsWith("part") || type === "finish");
    const noInput = { type: "part-delta", index: 2, text: "{}" } as const;
    expect(again).toEqual([...expected.slice(0, -2).map(compact), noInput, ...expected.slice(-2)]);
  });
});

describe("a stream that breaks", () => {
  const begun: StreamEvent[] = [...eventsOfAnswer(answer)].slice(0, 6);

  test("ends with the error as an event, wherever it is", () => {
    for (let count = 0; count <= begun.length; count += 1) {
      const encoder = codec.stream.createEncoder(viewWith());
      const output = encodeEvents(encoder, begun.slice(0, count));
      const ending = encoder.fail(broken);
      expect(ending).toStartWith("data: ");
      expect(JSON.parse(utf8OfLatin1(ending).slice("data: ".length))).toEqual({
        error: { code: 504, message: "Too slow: über 60 s.", status: "DEADLINE_EXCEEDED" },
      });
      expect(wire.problemsOf(utf8OfLatin1(output + ending))).toEqual([]);
      expect([
        encoder.fail(broken),
        encoder.push({ type: "finish", finish: { reason: "end", raw: undefined } }),
      ]).toEqual(["", ""]);
    }
  });

  test("is closed as an array, with the error as its last element", () => {
    for (let count = 0; count <= begun.length; count += 1) {
      const encoder = codec.stream.createEncoder(viewWith({ framing: "array" }));
      const output = encodeEvents(encoder, begun.slice(0, count)) + encoder.fail(broken);
      expect((JSON.parse(utf8OfLatin1(output)) as Json[]).at(-1)).toHaveProperty("error.status", "DEADLINE_EXCEEDED");
      expect(wire.problemsOf(utf8OfLatin1(output))).toEqual([]);
    }
  });

  test("behind its finish nothing is added", () => {
    const encoder = codec.stream.createEncoder(viewWith({ framing: "array" }));
    const output = encodeEvents(encoder, eventsOfAnswer(answer));
    expect(encoder.fail(broken)).toBe("");
    expect(wire.problemsOf(utf8OfLatin1(output))).toEqual([]);
  });
});

test("events in an order nobody promised do not break it", () => {
  const events: StreamEvent[] = [
    { type: "part-delta", index: 9, text: "lost" },
    { type: "part-stop", index: 9 },
    { type: "part-start", index: 0, part: { type: "tool_call", id: "1", name: "f", kind: "function" } },
    { type: "part-delta", index: 0, text: "{}" },
    { type: "part-start", index: 1, part: { type: "text" } },
    { type: "part-delta", index: 1, text: "a" },
    { type: "start", id: "late", model: undefined },
    { type: "finish", finish: { reason: "end", raw: undefined } },
    { type: "part-delta", index: 1, text: "behind" },
  ];
  const content = wire.contentOf(utf8OfLatin1(encoded(events)));
  expect([content.text, content.calls]).toEqual(["a", [{ name: "f", input: {} }]]);
});
