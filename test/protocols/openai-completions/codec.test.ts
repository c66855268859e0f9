import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { answerOfEvents, eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import type { Fields } from "../../../src/protocols/fields.ts";
import { openaiCompletions } from "../../../src/protocols/openai-completions/index.ts";
import { openaiCompletionsWire } from "../../support/wire/openai-completions.ts";
import type { Script } from "../../support/wire/wire.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { thrownBy } from "../../support/thrown-by.ts";
import { decodePieces, encodeEvents } from "../whole-stream.ts";
import { conversationOf, sse, targetOf, told, viewOf } from "../openai-chat/codec-rig.ts";

const { codec } = openaiCompletions;
const origin = "upstream";
const view = viewOf({ wantsUsage: true, conversation: conversationOf({ protocol: "openai-completions" }) });

function eventsOf(stream: string): StreamEvent[] {
  return decodePieces(codec.stream.createDecoder({ origin }), [latin1OfUtf8(stream)]);
}

function streamOf(events: Iterable<StreamEvent>): string {
  return utf8OfLatin1(encodeEvents(codec.stream.createEncoder(view), events));
}

describe("a request", () => {
  test("is one turn of the user's, with the settings that have a place", () => {
    for (const prompt of ["Once upon", ["Once upon"]])
      expect(
        codec.request.decode(
          {
            model: "m",
            prompt,
            max_tokens: 5,
            temperature: 0,
            stop: "\n",
            stream: true,
            echo: false,
            best_of: 1,
            n: 1,
            logprobs: null,
            user: "u",
          },
          {},
        ),
      ).toEqual({
        protocol: "openai-completions",
        model: "m",
        stream: true,
        turns: [{ role: "user", parts: [{ type: "text", text: "Once upon" }] }],
        tools: [],
        maxOutputTokens: 5,
        temperature: 0,
        stop: ["\n"],
        count: 1,
        user: "u",
        extra: {},
        losses: [],
      });
  });

  test("is refused by name where it asks for what only this protocol has", () => {
    const bodies: [Fields, string][] = [
      [{ prompt: ["a", "b"] }, "prompt"],
      [{ prompt: [1, 2, 3] }, "prompt"],
      [{ prompt: [[1, 2]] }, "prompt"],
      [{ prompt: [] }, "prompt"],
      [{ prompt: 7 }, "prompt"],
      [{}, "prompt"],
      [{ prompt: "a", suffix: "z" }, "suffix"],
      [{ prompt: "a", echo: true }, "echo"],
      [{ prompt: "a", best_of: 2 }, "best_of"],
      [{ prompt: "a", logprobs: 0 }, "logprobs"],
      [{ prompt: "a", n: 2 }, "n"],
      [{ prompt: "a", temperature: "hot" }, "temperature"],
    ];
    for (const [body, param] of bodies) {
      const refusal = thrownBy(() => codec.request.decode(body, {}));
      expect(refusal).toMatchObject({ status: 400, param });
      expect(refusal.message).toContain(`\`${param}\``);
    }
    expect(thrownBy(() => codec.request.decode({ prompt: "a", echo: true }, {})).message).toContain(
      "speak this protocol themselves",
    );
  });

  test("tells of unknown fields", () => {
    expect(codec.request.decode({ prompt: "a", guided_json: {}, suffix: null }, {}).extra).toEqual({ guided_json: {} });
  });

  test("is never made of a conversation", () => {
    const refusal = thrownBy(() => codec.request.encode(conversationOf(), targetOf()));
    expect(refusal).toMatchObject({ status: 400 });
    expect(refusal.message).toContain("openai-completions only");
  });
});

const usage = { input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5 };
const answer: Answer = {
  id: "msg_1",
  model: "u",
  parts: [
    { type: "reasoning", text: "Hm", opaque: [] },
    { type: "text", text: "Grüße " },
    { type: "tool_call", id: "c", name: "f", kind: "function", input: "{}" },
    { type: "text", text: "👋🏽" },
  ],
  finish: { reason: "tool_calls", raw: undefined },
  usage,
  costUsd: 0.5,
};

describe("an answer", () => {
  test("is its text alone", () => {
    expect(codec.answer.encode(answer, view)).toEqual({
      id: "msg_1",
      object: "text_completion",
      created: 1_790_000_000,
      model: "shown-ü",
      choices: [{ index: 0, text: "Grüße 👋🏽", logprobs: null, finish_reason: "stop" }],
      usage: {
        prompt_tokens: 6,
        completion_tokens: 9,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 3 },
        completion_tokens_details: { reasoning_tokens: 5 },
        cost: 0.5,
      },
    });
  });

  test("says the same as a stream", () => {
    const stream = streamOf(eventsOfAnswer(answer));
    expect(openaiCompletionsWire.problemsOf(stream)).toEqual([]);
    expect(openaiCompletionsWire.contentOf(stream)).toEqual(
      openaiCompletionsWire.contentOf(JSON.stringify(codec.answer.encode(answer, view))),
    );
  });

  test("that breaks says so, wherever it is, and then nothing more", () => {
    const events = [...eventsOfAnswer(answer)];
    const failure = new GatewayError({ code: "upstream_error", status: 502, message: "Gone." });
    for (let count = 0; count < events.length; count += 1) {
      const encoder = codec.stream.createEncoder(view);
      const stream =
        events
          .slice(0, count)
          .map((event) => encoder.push(event))
          .join("") + encoder.fail(failure);
      expect(openaiCompletionsWire.problemsOf(utf8OfLatin1(stream))).toEqual([]);
      expect(stream).toContain("Gone.");
      expect(encoder.fail(failure) + encoder.push({ type: "part-delta", index: 0, text: "x" })).toBe("");
    }
    const broken = streamOf(eventsOfAnswer({ ...answer, finish: { reason: "error", raw: "OTHER" } }));
    expect(openaiCompletionsWire.contentOf(broken).finish).toBe("error");
  });
});

const script: Script = {
  id: "cmpl-1",
  model: "m",
  finish: "length",
  usage,
  parts: [{ type: "text", text: "Grüße 👋🏽 日本" }],
};

describe("an upstream's answer", () => {
  const whole = codec.answer.decode(JSON.parse(openaiCompletionsWire.whole(script).body), { origin });

  test("is read, and its stream as the same", () => {
    expect(whole).toMatchObject({
      id: "cmpl-1",
      parts: [{ type: "text", text: "Grüße 👋🏽 日本" }],
      finish: { reason: "length" },
      usage,
    });
    expect(answerOfEvents(eventsOf(openaiCompletionsWire.stream(script).events.join("")))).toEqual(whole);
  });

  test("is the same wherever its stream is cut", () => {
    const stream = latin1OfUtf8(openaiCompletionsWire.stream(script).events.join(""));
    for (let at = 0; at <= stream.length; at += 1) {
      const decoder = codec.stream.createDecoder({ origin });
      expect(answerOfEvents(decodePieces(decoder, [stream.slice(0, at), stream.slice(at)]))).toEqual(whole);
    }
  });

  test("has no finish when it was cut, and fails where the upstream says so", () => {
    const chunk = { id: "c", choices: [{ index: 0, text: "a", finish_reason: null }] };
    expect(told(eventsOf(sse(chunk)))).toEqual(["text|a"]);
    expect(told(eventsOf(sse(chunk, "[DONE]")))).toEqual(["text|a", "finish end"]);
    expect(told(eventsOf(sse("[DONE]")))).toEqual([]);
    expect(told(eventsOf(sse(chunk, { error: { message: "no", code: 429 } })))).toEqual([
      "text|a",
      "error rate_limit_exceeded: no",
    ]);
    expect(thrownBy(() => codec.answer.decode({ error: { message: "no", code: 429 } }, { origin }))).toMatchObject({
      status: 429,
    });
    expect(thrownBy(() => codec.answer.decode({}, { origin }))).toMatchObject({ status: 502 });
  });

  test("does no harm whatever becomes of it", () => {
    const stream = latin1OfUtf8(openaiCompletionsWire.stream(script).events.join(""));
    const fragments = ['"', "{", "}", "null", "7", "\n\n", "[DONE]", '"choices":', '"text":', '{"error":{}}', "data: "];
    forSeeds(5000, (random) => {
      const at = random.below(stream.length);
      const text = stream.slice(0, at) + random.pick(fragments) + stream.slice(at + random.below(9));
      const decoder = codec.stream.createDecoder({ origin });
      expect(grammarProblems(decodePieces(decoder, [text]))).toEqual([]);
    });
  });
});
