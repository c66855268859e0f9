import { describe, expect, test } from "bun:test";
import { latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import { answerOfEvents } from "../../../src/protocols/canonical/collect.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { cutAtRandom, forSeeds, quickest } from "../../lib/seeded.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { decodePieces } from "../whole-stream.ts";
import { dialects, failures } from "./codec-dialects.ts";
import { chunk, codec, end, eventsOf, origin, sse, told } from "./codec-rig.ts";

/** Ids that were made differ from run to run. */
function withoutMadeIds(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/call_[0-9a-z]{24}\|/, "?|"));
}

function decodeLatin1(pieces: readonly string[]): StreamEvent[] {
  return decodePieces(codec.stream.createDecoder({ origin }), pieces);
}

/** Deltas of a part as one: how they were cut does not count. */
function merged(events: readonly StreamEvent[]): string {
  return JSON.stringify(withoutMadeIds(told(events)));
}

describe("dialects", () => {
  for (const [name, { stream, told: expected }] of Object.entries({ ...dialects, ...failures }))
    test(name, () => {
      const events = eventsOf(stream);
      // An odd type is no count that is known.
      expect(withoutMadeIds(told(events))).toEqual(expected);
      expect(grammarProblems(events)).toEqual([]);
    });
});

test("cut anywhere, every dialect says the same", () => {
  for (const { stream } of [...Object.values(dialects), ...Object.values(failures)]) {
    const text = latin1OfUtf8(stream);
    const expected = merged(decodeLatin1([text]));
    for (let at = 0; at <= text.length; at += 1)
      expect(merged(decodeLatin1([text.slice(0, at), text.slice(at)]))).toBe(expected);
    expect(merged(decodeLatin1(text.split("")))).toBe(expected);
  }
});

test("the start carries the upstream's id and model", () => {
  expect(eventsOf(sse(chunk({ content: "a" }), end()))[0]).toEqual({ type: "start", id: "c1", model: "m" });
  const bare = eventsOf(sse({ choices: [{ delta: { content: "a" }, finish_reason: "stop" }] }));
  expect(bare[0]).toEqual({ type: "start", id: "", model: undefined });
});

describe("how a stream ends", () => {
  test("one that was cut has no finish, and its parts stay open", () => {
    const events = eventsOf(sse(chunk({ content: "a" })));
    expect(events.map(({ type }) => type)).toEqual(["start", "part-start", "part-delta"]);
    expect(answerOfEvents(events)).toBeUndefined();
  });

  test("half an event at the end is not read", () => {
    expect(told(eventsOf(`${sse(chunk({ content: "a" }))}data: {"choices":[{"delta":{"con`))).toEqual(["text|a"]);
  });

  test("an end with nothing before it is no answer", () => {
    expect(eventsOf(sse("[DONE]"))).toEqual([]);
    expect(told(eventsOf(sse(chunk({ role: "assistant", content: "" }), "[DONE]")))).toEqual([]);
    expect(told(eventsOf(""))).toEqual([]);
  });

  test("the finish waits for `[DONE]`, since usage may come behind it; nothing counts behind `[DONE]`", () => {
    const decoder = codec.stream.createDecoder({ origin });
    expect(decoder.push(sse(chunk({ content: "a" }), end())).at(-1)?.type).toBe("part-delta");
    expect(decoder.isEnded()).toBe(false);
    expect(decoder.push(sse("[DONE]", chunk({ content: "b" }))).at(-1)?.type).toBe("finish");
    expect(decoder.isEnded()).toBe(true);
    expect(decoder.push(sse(chunk({ content: "c" }), "[DONE]"))).toEqual([]);
    expect(decoder.end()).toEqual([]);
    expect(decoder.waiting()).toBe(0);
  });

  test("what waits for its end is counted", () => {
    const decoder = codec.stream.createDecoder({ origin });
    decoder.push("data: {");
    expect(decoder.waiting()).toBe(7);
  });

  test("length beats calls, and the stop text is told", () => {
    const call = chunk({ tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: '{"a' } }] });
    expect(eventsOf(sse(call, end("length"), "[DONE]")).at(-1)).toEqual({
      type: "finish",
      finish: { reason: "length", raw: "length" },
    });
    expect(eventsOf(sse(chunk({ content: "a" }), end("stop", { stop_reason: "X" }), "[DONE]")).at(-1)).toEqual({
      type: "finish",
      finish: { reason: "stop", raw: "stop", stopSequence: "X" },
    });
    const words = {
      "content_filter: SAFETY": "filtered",
      content_filter: "filtered",
      model_length: "length",
      eos: "end",
      constructor: "end",
    };
    for (const [word, reason] of Object.entries(words))
      expect(eventsOf(sse(chunk({ content: "a" }), end(word), "[DONE]")).at(-1)).toMatchObject({
        finish: { reason, raw: word },
      });
  });
});

test("log probabilities follow the text they belong to", () => {
  const logprobs = { content: [{ token: "a", logprob: -0.1, bytes: [97], top_logprobs: [] }], refusal: null };
  const events = eventsOf(sse(chunk({ content: "a" }, { logprobs }), end("stop", { logprobs: null }), "[DONE]"));
  expect(events.map(({ type }) => type)).toEqual([
    "start",
    "part-start",
    "part-delta",
    "logprobs",
    "part-stop",
    "finish",
  ]);
  expect(events[3]).toEqual({ type: "logprobs", logprobs });
});

test("a first call goes out as it comes, a second one as soon as the first is whole", () => {
  const decoder = codec.stream.createDecoder({ origin });
  const delta = (fields: object) => decoder.push(sse(chunk({ tool_calls: [fields] }))).map(({ type }) => type);
  expect(delta({ index: 0, id: "a", function: { name: "f", arguments: "{" } })).toEqual([
    "start",
    "part-start",
    "part-delta",
  ]);
  expect(delta({ index: 1, id: "b", function: { name: "g", arguments: "{" } })).toEqual([]);
  expect(delta({ index: 0, function: { arguments: "}" } })).toEqual([
    "part-delta",
    "part-stop",
    "part-start",
    "part-delta",
  ]);
  expect(delta({ index: 1, function: { arguments: '"x":1}' } })).toEqual(["part-delta"]);
});

/** A word, a value or a character in the place of another. */
const fragments = [
  '"',
  "{",
  "}",
  "[",
  "]",
  "null",
  "true",
  "-1",
  "1e999",
  '"tool_calls":',
  '"index":',
  '"content":',
  "\n\n",
  "data: ",
  "[DONE]",
  "\\ud800",
  "\u0000",
  '{"error":{}}',
  '"__proto__":{},',
  '"choices":[],',
  '"finish_reason":"stop"',
  '"id":"c1"',
  '"name":"f"',
  '"arguments":"{}"',
  "é",
  "[".repeat(200),
];

test("whatever becomes of a stream, nothing is thrown and the order of events is kept", () => {
  const streams = Object.values(dialects).map(({ stream }) => latin1OfUtf8(stream));
  forSeeds(6000, (random) => {
    let text = random.pick(streams);
    for (let wounds = 1 + random.below(4); wounds > 0; wounds -= 1) {
      const at = random.below(text.length);
      const fragment = latin1OfUtf8(random.pick(fragments));
      text = text.slice(0, at) + fragment + text.slice(at + random.below(12));
    }
    const pieces = random.chance(0.3) ? cutAtRandom(text, random, 40) : [text];
    const problems = grammarProblems(decodeLatin1(pieces));
    if (problems.length > 0) throw new Error(`${problems.join(", ")} in ${text}`);
  });
});

test("odd values where objects are expected do no harm", () => {
  const values = [null, true, 7, "x", [], {}, [[]], [null], { a: 1 }, "__proto__", 1e308];
  forSeeds(4000, (random) => {
    const value = (): unknown => random.pick(values);
    const call = {
      index: value(),
      id: value(),
      type: value(),
      function: random.chance(0.5) ? { name: value(), arguments: value() } : value(),
      custom: value(),
      extra_content: value(),
    };
    const delta = {
      content: value(),
      reasoning: value(),
      reasoning_content: value(),
      reasoning_details: random.chance(0.5)
        ? [{ type: value(), text: value(), signature: value(), index: value() }]
        : value(),
      refusal: value(),
      images: value(),
      audio: value(),
      function_call: value(),
      tool_calls: random.chance(0.7) ? [call, value()] : value(),
    };
    const body = {
      id: value(),
      model: value(),
      usage: value(),
      choices: random.chance(0.8) ? [{ index: value(), delta, finish_reason: value(), logprobs: value() }] : value(),
    };
    expect(grammarProblems(eventsOf(sse(body, body, end(), "[DONE]")))).toEqual([]);
  });
});

test("calls that grow in turns take time in proportion", () => {
  const chunks: string[] = [
    sse(
      chunk({
        tool_calls: [0, 1].map((index) => ({ index, id: `c${index}`, function: { name: "f", arguments: '{"a":"' } })),
      }),
    ),
  ];
  for (let count = 0; count < 20_000; count += 1)
    chunks.push(sse(chunk({ tool_calls: [{ index: count % 2, function: { arguments: "}}}}}}}}" } }] })));
  const stream = chunks.join("");
  expect(quickest(() => void decodeLatin1([stream]))).toBeLessThan(1000);
});
