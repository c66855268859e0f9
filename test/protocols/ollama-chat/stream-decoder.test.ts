import { describe, expect, test } from "bun:test";
import { latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import { answerOfEvents } from "../../../src/protocols/canonical/collect.ts";
import type { Answer } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { ollamaGenerate } from "../../../src/protocols/ollama-generate/index.ts";
import { ollamaChatWire } from "../../support/wire/ollama-chat.ts";
import { ollamaGenerateWire } from "../../support/wire/ollama-generate.ts";
import { decoded, done, lines, said, scripts, target } from "./rig.ts";

const call = (name: string, input: unknown = {}, more: Record<string, unknown> = {}) => ({
  ...more,
  function: { index: 0, name, arguments: input },
});

function answerOf(events: readonly StreamEvent[]): Answer {
  const answer = answerOfEvents(events);
  if (answer === undefined) throw new Error("the stream did not finish");
  return answer;
}

/** Deltas that follow one another make one. */
function joined(events: readonly StreamEvent[]): StreamEvent[] {
  const all: StreamEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    if (event.type === "part-delta" && last?.type === "part-delta")
      all[all.length - 1] = { ...last, text: last.text + event.text };
    else all.push(event);
  }
  return all;
}

test("a stream becomes parts one after another, usage and the end", () => {
  const stream = lines(
    said({ content: "", thinking: "let " }),
    said({ content: "", thinking: "me" }),
    said({ content: "Grüße " }),
    said({ content: "世界 👋🏽" }),
    said({ content: "", tool_calls: [call("f", { a: "é" }, { id: "call_1" })] }),
    done(),
  );
  expect(decoded([stream])).toEqual([
    { type: "start", id: "", model: "llama3.2" },
    { type: "part-start", index: 0, part: { type: "reasoning" } },
    { type: "part-delta", index: 0, text: "let " },
    { type: "part-delta", index: 0, text: "me" },
    { type: "part-stop", index: 0 },
    { type: "part-start", index: 1, part: { type: "text" } },
    { type: "part-delta", index: 1, text: "Grüße " },
    { type: "part-delta", index: 1, text: "世界 👋🏽" },
    { type: "part-stop", index: 1 },
    { type: "part-start", index: 2, part: { type: "tool_call", id: "call_1", name: "f", kind: "function" } },
    { type: "part-delta", index: 2, text: '{"a":"é"}' },
    { type: "part-stop", index: 2 },
    {
      type: "usage",
      usage: { input: 26, cacheRead: undefined, cacheWrite: undefined, output: 12, reasoning: undefined },
      costUsd: undefined,
    },
    { type: "finish", finish: { reason: "tool_calls", raw: "stop" } },
  ]);
});

for (const { protocol, wire } of [
  { protocol: ollamaChat, wire: ollamaChatWire },
  { protocol: ollamaGenerate, wire: ollamaGenerateWire },
])
  describe(protocol.id, () => {
    for (const [name, script] of Object.entries(scripts)) {
      const stream = latin1OfUtf8(wire.stream(script).events.join(""));

      test(`a stream of ${name} means the same wherever it is cut`, () => {
        const whole = decoded([stream], protocol);
        for (let at = 0; at <= stream.length; at += 1)
          expect(decoded([stream.slice(0, at), stream.slice(at)], protocol)).toEqual(whole);
        expect(decoded(Array.from(stream), protocol)).toEqual(whole);
      });

      test(`a stream of ${name} says what the whole answer says`, () => {
        const whole = protocol.codec.answer.decode(JSON.parse(wire.whole(script).body), target());
        expect(answerOf(decoded([stream], protocol))).toEqual(whole);
      });
    }
  });

describe("B33: calls", () => {
  const stream = lines(
    said({ content: "", tool_calls: [call("get_weather", { city: "Zürich" })] }),
    said({ content: "", tool_calls: [call("get_weather", { city: "Genf" }), call("get_time")] }),
    done(),
  );

  test("that all have the index 0 stay apart, in order, with arguments as JSON text", () => {
    const { parts, finish } = answerOf(decoded([stream]));
    expect(parts.map((part) => (part.type === "tool_call" ? [part.name, part.input] : part.type))).toEqual([
      ["get_weather", '{"city":"Zürich"}'],
      ["get_weather", '{"city":"Genf"}'],
      ["get_time", "{}"],
    ]);
    expect(finish).toEqual({ reason: "tool_calls", raw: "stop" });
  });

  test("without ids get their own, in this answer and in the next", () => {
    const ids = [1, 2].flatMap(() =>
      answerOf(decoded([stream])).parts.map((part) => (part.type === "tool_call" ? part.id : "")),
    );
    expect(ids.every((id) => /^call_[a-z0-9]+$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(6);
  });

  test("with the same id get different ones", () => {
    const twice = lines(
      said({ tool_calls: [call("f", {}, { id: "call_0" }), call("g", {}, { id: "call_0" })] }),
      done(),
    );
    const ids = answerOf(decoded([twice])).parts.map((part) => (part.type === "tool_call" ? part.id : ""));
    expect(ids[0]).toBe("call_0");
    expect(ids[1]).not.toBe("call_0");
  });
});

test("B15: a line with text and a call keeps both, text first", () => {
  const events = joined(
    decoded([lines(said({ content: "Looking", thinking: "hm", tool_calls: [call("f")] }), done())]),
  );
  expect(events.flatMap((event) => (event.type === "part-start" ? [event.part.type] : []))).toEqual([
    "reasoning",
    "text",
    "tool_call",
  ]);
});

test("B05: an empty list of calls beside text is none", () => {
  const { parts, finish } = answerOf(decoded([lines(said({ content: "x", tool_calls: [] }), done())]));
  expect(parts).toEqual([{ type: "text", text: "x" }]);
  expect(finish.reason).toBe("end");
});

test("B11: an answer that was cut stays cut, whatever it called", () => {
  const { finish } = answerOf(
    decoded([lines(said({ content: "", tool_calls: [call("f")] }), done({ done_reason: "length" }))]),
  );
  expect(finish).toEqual({ reason: "length", raw: "length" });
});

test("B25: calls in an early line and an empty last one finish once, as calls", () => {
  const events = decoded([
    lines(said({ tool_calls: [call("f")] }), said({ content: "" }), done(), done(), said({ content: "late" })),
  ]);
  expect(events.filter(({ type }) => type === "finish")).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ type: "finish", finish: { reason: "tool_calls" } });
});

test("text behind a call is a part of its own", () => {
  const { parts } = answerOf(
    decoded([lines(said({ content: "a" }), said({ tool_calls: [call("f")] }), said({ content: "b" }), done())]),
  );
  expect(parts.map(({ type }) => type)).toEqual(["text", "tool_call", "text"]);
});

test("arguments in any form become JSON text, and a call without a name is none", () => {
  const calls = [
    call("f", '{"a": 1.0}'),
    call("g", null),
    { function: { name: "h" } },
    call("", {}),
    5,
    null,
    { function: [] },
  ];
  const { parts } = answerOf(decoded([lines(said({ tool_calls: calls }), done())]));
  expect(parts.map((part) => (part.type === "tool_call" ? [part.name, part.input] : []))).toEqual([
    ["f", '{"a": 1.0}'],
    ["g", ""],
    ["h", ""],
  ]);
});

test("log probabilities have OpenAI's shape", () => {
  const logprobs = [{ token: "x", logprob: -0.1, bytes: [120], top_logprobs: [] }];
  const line = { ...said({ content: "x" }), logprobs };
  expect(decoded([lines(line, done())])).toContainEqual({ type: "logprobs", logprobs: { content: logprobs } });
  expect(ollamaChat.codec.answer.decode({ ...line, done: true }, target()).logprobs).toEqual({ content: logprobs });
});

test("counts that are missing are not known, and odd ones are none", () => {
  expect(
    decoded([lines(done({ prompt_eval_count: undefined, eval_count: undefined }))]).map(({ type }) => type),
  ).toEqual(["start", "finish"]);
  expect(answerOf(decoded([lines(done({ prompt_eval_count: undefined, eval_count: 3 }))])).usage).toMatchObject({
    input: undefined,
    output: 3,
  });
  expect(answerOf(decoded([lines(done({ prompt_eval_count: -1, eval_count: "3" }))])).usage).toBeUndefined();
});

test("an error in a line ends the stream as what it is", () => {
  const decoder = ollamaChat.codec.stream.createDecoder(target());
  const events = decoder.push(lines(said({ content: "x" }), { error: "rate limit" }, done()));
  expect(events.at(-1)).toMatchObject({
    type: "error",
    error: { status: 502, code: "upstream_error", message: "rate limit" },
  });
  expect(decoder.isEnded()).toBe(true);
  expect(decoder.push(lines(done()))).toEqual([]);
  expect(decoder.end()).toEqual([]);
});

test("a stream that was cut has no finish, and half a line is nothing", () => {
  const decoder = ollamaChat.codec.stream.createDecoder(target());
  const line = lines(said({ content: "x" }));
  decoder.push(line + line.slice(0, 20));
  expect(decoder.waiting()).toBe(20);
  expect(decoder.end()).toEqual([]);
  expect(decoder.isEnded()).toBe(false);
});

test("a last line without its line end counts", () => {
  expect(decoded([lines(said({ content: "x" }), done()).trimEnd()]).at(-1)?.type).toBe("finish");
});

test("single lines that cannot be read are skipped, three in a row are a failure", () => {
  const good = lines(said({ content: "x" }));
  expect(decoded([`${good}<html>\n[1]\n${good}nonsense\n\n\n5\n${lines(done())}`]).at(-1)?.type).toBe("finish");
  expect(decoded([`${good}<html>\n[1]\n\nnull\n${lines(done())}`]).at(-1)).toMatchObject({
    type: "error",
    error: { code: "upstream_invalid_response" },
  });
});

test("nesting without end is a line that cannot be read", () => {
  const line = `{"message":{"tool_calls":[{"function":{"name":"f","arguments":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}}]},"done":false}\n`;
  expect(decoded([line, lines(done())]).map(({ type }) => type)).toEqual(["start", "usage", "finish"]);
});

function decode(value: unknown): () => Answer {
  return () => ollamaChat.codec.answer.decode(value, target());
}

describe("a whole answer", () => {
  test("that holds an error throws it, and one that is none is the upstream's fault", () => {
    expect(decode({ error: "no" })).toThrow(expect.objectContaining({ status: 502, message: "no" }) as never);
    for (const value of [null, 5, "x", [], {}, { choices: [] }, { message: "x" }])
      expect(decode(value)).toThrow(expect.objectContaining({ code: "upstream_invalid_response" }) as never);
  });

  test("of any odd types is read as far as it goes", () => {
    const odd = {
      message: { content: 5, thinking: [], tool_calls: { a: 1 } },
      done: "yes",
      done_reason: 7,
      model: 3,
      logprobs: "x",
    };
    expect(ollamaChat.codec.answer.decode(odd, target())).toEqual({
      id: "",
      model: undefined,
      parts: [],
      finish: { reason: "end", raw: undefined },
      usage: undefined,
      costUsd: undefined,
    });
  });
});
