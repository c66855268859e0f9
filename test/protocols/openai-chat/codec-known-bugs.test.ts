import { describe, expect, test } from "bun:test";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Part } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { eventsOf as dataOf } from "../../support/chat.ts";
import {
  bodyOf,
  chunk,
  codec,
  contentOf,
  decoded,
  end,
  eventsOf,
  messagesOf,
  origin,
  problemsOf,
  sse,
  streamOf,
  told,
  turn,
} from "./codec-rig.ts";

/** Bugs that other gateways shipped, by their numbers in our list, as far as this protocol is one of the two sides. */

interface Choice {
  delta: Record<string, unknown>;
  finish_reason: unknown;
}

function choicesOf(stream: string): Choice[] {
  return dataOf(stream).flatMap((data) => (typeof data === "string" ? [] : (data["choices"] as Choice[])));
}

function finishesOf(events: readonly StreamEvent[]): unknown[] {
  return choicesOf(streamOf(events)).map(({ finish_reason: finish }) => finish);
}

function callDelta(fields: Record<string, unknown>): Record<string, unknown> {
  return chunk({ tool_calls: [fields] });
}

const usages = (...reports: unknown[]) =>
  eventsOf(
    sse(chunk({ content: "x" }), ...reports.map((usage) => ({ ...chunk({}), choices: [], usage })), end(), done),
  ).flatMap((event) => (event.type === "usage" ? [event.usage.output] : []));

const pieceOf = (index: number | undefined, text: string) => callDelta({ index, function: { arguments: text } });
const beginOf = (index: number | undefined, id: string) =>
  callDelta({ index, id, function: { name: "f", arguments: "" } });

const done = "[DONE]";
const call: Part = { type: "tool_call", id: "c1", name: "f", kind: "function", input: "{}" };
const calling: Answer = {
  id: "x",
  model: undefined,
  parts: [call],
  finish: { reason: "tool_calls", raw: "STOP" },
  usage: undefined,
  costUsd: undefined,
};

describe("from a chat upstream", () => {
  test("B01: text in the very first delta is there, once", () => {
    expect(told(eventsOf(sse(chunk({ role: "assistant", content: "Hi" }), end(), done)))).toEqual([
      "text|Hi",
      "finish end",
    ]);
  });

  test("B03: text, then one chunk with a name and all arguments", () => {
    const whole = callDelta({ index: 0, id: "c1", function: { name: "f", arguments: '{"a":1}' } });
    expect(told(eventsOf(sse(chunk({ content: "Hi" }), whole, end("tool_calls"), done)))).toEqual([
      "text|Hi",
      'function f c1|{"a":1}',
      "finish tool_calls",
    ]);
  });

  test("B05: an empty list of calls beside the content is no call", () => {
    expect(told(eventsOf(sse(chunk({ content: "x", tool_calls: [] }), end(), done)))).toEqual(["text|x", "finish end"]);
  });

  test("B07: a reasoning model's stream starts once, and thoughts are apart from the text", () => {
    const events = eventsOf(
      sse(
        chunk({ role: "assistant", reasoning_content: "Hm" }),
        chunk({ role: "assistant", content: "Hi" }),
        end(),
        done,
      ),
    );
    expect(events.filter(({ type }) => type === "start")).toHaveLength(1);
    expect(told(events)).toEqual(["reasoning|Hm", "text|Hi", "finish end"]);
  });

  test("B11: `length` with cut arguments stays `length`, and the call is closed", () => {
    const events = eventsOf(
      sse(callDelta({ index: 0, id: "c1", function: { name: "f", arguments: '{"a' } }), end("length"), done),
    );
    expect(told(events)).toEqual(['function f c1|{"a', "finish length"]);
    expect(events.filter(({ type }) => type === "part-stop")).toHaveLength(1);
  });

  test("B13: the upstream's usage is what is told", () => {
    const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
    expect(told(eventsOf(sse(chunk({ content: "x" }), end(), { ...chunk({}), choices: [], usage }, done)))).toContain(
      'usage {"input":7,"output":3}',
    );
  });

  test("B15: a chunk with content and calls loses neither, text first", () => {
    const both = chunk({
      content: "Hi",
      tool_calls: [{ index: 0, id: "c1", function: { name: "f", arguments: "{}" } }],
    });
    expect(told(eventsOf(sse(both, end("tool_calls"), done)))).toEqual([
      "text|Hi",
      "function f c1|{}",
      "finish tool_calls",
    ]);
  });

  test("B17, B19: cached tokens are not counted twice, in a stream as in a whole answer", () => {
    const usage = {
      prompt_tokens: 2626,
      completion_tokens: 5,
      total_tokens: 2631,
      prompt_tokens_details: { cached_tokens: 2606 },
    };
    const expected = { input: 20, cacheRead: 2606, output: 5 };
    const events = eventsOf(sse(chunk({ content: "x" }), end("stop", { usage }), done));
    expect(events.find((event) => event.type === "usage")).toMatchObject({ usage: expected });
    const whole = { choices: [{ message: { content: "x" }, finish_reason: "stop" }], usage };
    expect(codec.answer.decode(whole, { origin }).usage).toMatchObject(expected);
  });

  test("B21: of two usages the last counts, unless it says less", () => {
    const little = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };
    const much = {
      ...little,
      completion_tokens: 9,
      total_tokens: 14,
      completion_tokens_details: { reasoning_tokens: 2 },
    };
    expect(usages(little, much).at(-1)).toBe(7);
    expect(usages(much, little).at(-1)).toBe(7);
    expect(usages(little, { ...little, completion_tokens: 4 }).at(-1)).toBe(4);
  });

  test("B35: calls are found whatever their index is: none, the same again, from 1, with gaps", () => {
    const first = { id: "a", function: { name: "f", arguments: '{"x":1}' } };
    const second = { id: "b", function: { name: "g", arguments: '{"y":2}' } };
    const expected = ['function f a|{"x":1}', 'function g b|{"y":2}', "finish tool_calls"];
    for (const [one, two] of [
      [undefined, undefined],
      [0, 0],
      [1, 2],
      [3, 7],
      [1, 0],
      ["0", "1"],
      [null, null],
    ]) {
      const stream = sse(
        callDelta({ index: one, ...first }),
        callDelta({ index: two, ...second }),
        end("tool_calls"),
        done,
      );
      const events = eventsOf(stream);
      expect(told(events)).toEqual(expected);
      expect(problemsOf(streamOf(events))).toEqual([]);
    }
  });

  test("B35: pieces without an id belong to the call last begun at their index", () => {
    for (const index of [0, 5, undefined]) {
      const stream = sse(
        beginOf(index, "a"),
        pieceOf(index, '{"x"'),
        pieceOf(index, ":1}"),
        beginOf(index, "b"),
        pieceOf(index, "{}"),
        end("tool_calls"),
        done,
      );
      expect(told(eventsOf(stream))).toEqual(['function f a|{"x":1}', "function f b|{}", "finish tool_calls"]);
    }
  });

  test("B37: arguments that can be parsed before they are whole are not at their end", () => {
    const piece = (text: string) => callDelta({ index: 0, function: { arguments: text } });
    const begin = callDelta({ index: 0, id: "c1", function: { name: "f", arguments: "" } });
    expect(told(eventsOf(sse(begin, piece("{}"), piece(" \n"), end("tool_calls"), done)))).toEqual([
      "function f c1|{} \n",
      "finish tool_calls",
    ]);
    expect(told(eventsOf(sse(begin, piece("1"), piece("2"), end("tool_calls"), done)))).toEqual([
      "function f c1|12",
      "finish tool_calls",
    ]);
  });

  test("B59: an error in a chunk without choices fails the stream", () => {
    const events = eventsOf(sse({ ...chunk({}), choices: [], error: { code: 502, message: "Upstream gone" } }));
    expect(told(events)).toEqual(["error upstream_error: Upstream gone"]);
  });
});

describe("for a chat client", () => {
  test("B25: a call whose upstream says STOP in a later, empty chunk ends with `tool_calls`, once, at the end", () => {
    const finishes = finishesOf([...eventsOfAnswer(calling)]);
    expect(finishes.at(-1)).toBe("tool_calls");
    expect(finishes.slice(0, -1).every((finish) => finish === null)).toBe(true);
  });

  test("B27: every chunk but the last has `finish_reason: null`", () => {
    const parts: Part[] = [
      { type: "text", text: "a" },
      { type: "reasoning", text: "b", opaque: [] },
      { type: "text", text: "c" },
    ];
    const finishes = finishesOf([...eventsOfAnswer({ ...calling, parts, finish: { reason: "end", raw: "STOP" } })]);
    expect(finishes).toEqual([null, null, null, null, "stop"]);
  });

  test("B29: Anthropic's max_tokens is `length`, and the first text is kept", () => {
    const events: StreamEvent[] = [
      { type: "start", id: "msg", model: undefined },
      { type: "part-start", index: 0, part: { type: "text" } },
      { type: "part-delta", index: 0, text: "first" },
      { type: "part-stop", index: 0 },
      { type: "finish", finish: { reason: "length", raw: "max_tokens" } },
    ];
    expect(contentOf(streamOf(events))).toMatchObject({ text: "first", finish: "length" });
  });

  test("B33: two calls are numbered 0 and 1, their arguments are text, the chunks' id stays", () => {
    const stream = streamOf([...eventsOfAnswer({ ...calling, id: "", parts: [call, { ...call, id: "c2" }] })]);
    expect(problemsOf(stream)).toEqual([]);
    const indexes = choicesOf(stream).flatMap(
      ({ delta }) => (delta["tool_calls"] as { index: number; id?: string }[] | undefined) ?? [],
    );
    expect(indexes.filter(({ id }) => id !== undefined).map(({ index }) => index)).toEqual([0, 1]);
  });

  test("B63: the first chunk says `role: assistant`", () => {
    for (const parts of [[call], [{ type: "text", text: "a" } as Part], []])
      expect(choicesOf(streamOf([...eventsOfAnswer({ ...calling, parts })]))[0]?.delta).toMatchObject({
        role: "assistant",
        content: "",
      });
  });
});

describe("a chat client's request", () => {
  test("B31: two tool messages become one turn with two results", () => {
    const messages = [
      {
        role: "assistant",
        tool_calls: ["a", "b"].map((id) => ({ id, type: "function", function: { name: "f", arguments: "{}" } })),
      },
      { role: "tool", tool_call_id: "a", content: "1" },
      { role: "tool", tool_call_id: "b", content: "2" },
      { role: "user", content: "So?" },
    ];
    const { turns } = decoded({ messages });
    expect(turns.map(({ role, parts }) => [role, parts.length])).toEqual([
      ["assistant", 2],
      ["tool", 2],
      ["user", 1],
    ]);
  });

  test("B41: no content, or an empty one, makes no text part", () => {
    for (const content of [null, "", undefined, []]) {
      const tool_calls = [{ id: "a", type: "function", function: { name: "f", arguments: "" } }];
      const { turns } = decoded({ messages: [{ role: "assistant", content, tool_calls }] });
      expect(turns[0]?.parts).toEqual([{ type: "tool_call", id: "a", name: "f", kind: "function", input: "" }]);
    }
  });

  test("B47: a JSON schema is the schema itself, with its name apart", () => {
    const schema = { type: "object", properties: {} };
    expect(
      decoded({ response_format: { type: "json_schema", json_schema: { name: "n", strict: true, schema } } }).format,
    ).toEqual({
      type: "schema",
      name: "n",
      description: undefined,
      schema,
      strict: true,
    });
  });

  test("B49: Gemini's signature on a call comes back byte for byte", () => {
    const data = "CiQBcsjafA+/=é";
    const answer = {
      ...calling,
      parts: [{ ...call, opaque: [{ origin: "g", kind: "gemini-signature", data }] } as Part],
    };
    const deltas = choicesOf(streamOf([...eventsOfAnswer(answer)])).flatMap(
      ({ delta }) => (delta["tool_calls"] ?? []) as object[],
    );
    const merged = Object.assign({}, ...deltas, {
      type: "function",
      id: "c1",
      function: { name: "f", arguments: "{}" },
    }) as object;
    const { turns } = decoded({ messages: [{ role: "assistant", content: null, tool_calls: [merged] }] });
    expect(turns[0]?.parts[0]).toMatchObject({ opaque: [{ origin: "", kind: "gemini-signature", data }] });
  });
});

describe("a request to a chat upstream", () => {
  test("B43: a choice without tools is left out with them", () => {
    expect(bodyOf({ tools: [], toolChoice: { type: "required" }, parallelToolCalls: false })).not.toContainAnyKeys([
      "tools",
      "tool_choice",
      "parallel_tool_calls",
    ]);
  });

  test("B45: the limit, stop texts, the choice and pictures survive", () => {
    const picture: Part = { type: "image", source: { kind: "url", url: "https://x/y.png" } };
    const body = bodyOf({
      maxOutputTokens: 10,
      stop: ["END"],
      tools: [{ name: "f", kind: "function" }],
      toolChoice: { type: "tool", name: "f" },
      turns: [turn("user", "Look", picture)],
    });
    expect(body).toMatchObject({ max_tokens: 10, stop: ["END"], tool_choice: { function: { name: "f" } } });
    expect(JSON.stringify(body["messages"])).toContain("https://x/y.png");
  });

  test("B51: state that another upstream made stays behind", () => {
    const opaque = [{ origin: "claude", kind: "anthropic-signature", data: "secret" }] as const;
    const signed = { ...call, opaque: [{ origin: "other", kind: "gemini-signature", data: "secret" }] } as Part;
    const result: Part = { type: "tool_result", callId: "c1", parts: [], isError: false };
    const turns = [turn("assistant", { type: "reasoning", text: "Hm", opaque }, signed), turn("tool", result)];
    expect(JSON.stringify(messagesOf({ turns }))).not.toContain("secret");
  });
});
