import { describe, expect, test } from "bun:test";
import { encoded, newest, older, scripts, turn, text, violationsOf, weatherTool, wire } from "./samples.ts";

/** The tests' own idea of Anthropic: what it accepts and what it must notice. */

test.each(Object.entries(scripts))(
  "the script %p is a right stream, and says the same in one piece",
  (_name, script) => {
    const stream = wire.stream(script).events.join("");
    expect(wire.problemsOf(stream)).toEqual([]);
    const { usage, ...content } = wire.contentOf(stream);
    expect(wire.contentOf(wire.whole(script).body)).toMatchObject(content);
    expect(usage).toMatchObject({ input_tokens: script.usage.input });
  },
);

describe("a stream", () => {
  const { events } = wire.stream(scripts["tools"] as never);
  const [start = "", ...rest] = events;
  const stream = events.join("");

  test.each<[string, string]>([
    ["without an end", events.slice(0, -1).join("")],
    ["with two heads", start + stream],
    ["without a head", rest.join("")],
    ["with something behind its end", stream + rest[0]],
    ["with OpenAI's end", `${stream}data: [DONE]\n\n`],
    ["whose events have no names", stream.replaceAll(/event: .*\n/g, "")],
    ["whose blocks overlap", stream.replace(/event: content_block_stop\n.*\n\n/, "")],
    ["whose blocks are counted wrongly", stream.replaceAll('"index":1', '"index":4')],
    ["whose block has no start", stream.replace(/event: content_block_start\n.*\n\n/, "")],
    ["whose input is cut", stream.replace('"{\\"', '"\\"')],
    ["whose reason is not known", stream.replace('"stop_reason":"tool_use"', '"stop_reason":"tool_calls"')],
    ["whose ids are twice the same", stream.replaceAll("toolu_2", "toolu_1")],
    ["whose usage is missing", stream.replaceAll('"output_tokens"', '"completion_tokens"')],
    ["that is no JSON", stream.replace('{"type":"ping"}', "ping")],
  ])("%s is found out", (_name, broken) => {
    expect(wire.problemsOf(broken).length).toBeGreaterThan(0);
  });

  test("that ends with an error event has ended", () => {
    expect(wire.problemsOf(start + wire.failureInStream("Overloaded"))).toEqual([]);
    expect(wire.problemsOf(stream + wire.failureInStream("Overloaded"))).not.toEqual([]);
  });
});

function messages(...list: [string, unknown][]) {
  return { messages: list.map(([role, content]) => ({ role, content })) };
}

function asksForStream(stream: unknown): boolean {
  return wire.wantsStream({ method: "POST", path: "/v1/messages", headers: new Headers(), body: { stream } });
}

describe("a request", () => {
  const { body } = encoded({ tools: [weatherTool], turns: [turn("user", text("Hi"))] });
  const use = { type: "tool_use", id: "a", name: "get_weather", input: {} };
  const result = { type: "tool_result", tool_use_id: "a", content: "1" };
  const say = [{ type: "text", text: "x" }];

  test.each<[string, Record<string, unknown>]>([
    ["of a field that is not known", { n: 1 }],
    ["without a limit", { max_tokens: undefined }],
    ["that begins with the assistant", messages(["assistant", say], ["user", say])],
    ["with an empty text", messages(["user", [{ type: "text", text: " " }]])],
    ["whose calls have no results", messages(["user", say], ["assistant", [use]], ["user", say])],
    ["whose results have no call", messages(["user", [result]])],
    ["whose results do not come first", messages(["user", say], ["assistant", [use]], ["user", [...say, result]])],
    ["with a result twice", messages(["user", say], ["assistant", [use]], ["user", [result, result]])],
    ["with a system message in the wrong place", messages(["user", say], ["system", say], ["user", say])],
    [
      "with a foreign signature",
      messages(
        ["user", say],
        ["assistant", [{ type: "thinking", thinking: "", signature: "orc1.x" }, ...say]],
        ["user", say],
      ),
    ],
    ["that ends with the assistant", messages(["user", say], ["assistant", say])],
    ["with sampling", { temperature: 0 }],
    ["that thinks by a budget", { thinking: { type: "enabled", budget_tokens: 2000 } }],
    ["whose schema has a union at its root", { tools: [{ name: "f", input_schema: { type: "object", anyOf: [] } }] }],
    ["that chooses among no tools", { tools: undefined, tool_choice: { type: "auto" } }],
    [
      "with marks beyond four",
      messages(["user", Array.from({ length: 5 }, () => ({ ...say[0], cache_control: { type: "ephemeral" } }))]),
    ],
    ["with a loose schema", { output_config: { format: { type: "json_schema", schema: { type: "object" } } } }],
  ])("%s is refused", (_name, changes) => {
    expect(violationsOf({ ...body, model: newest.model, ...changes })).not.toEqual([]);
  });

  test("of the newer version may not sample, and one without a key or a version is none", () => {
    const request = { ...body, model: older.model, temperature: 0.5 };
    expect(violationsOf(request)).toEqual([]);
    expect(violationsOf(request, { "anthropic-version": "2026-10-21" })).toEqual([
      "temperature: Extra inputs are not permitted",
    ]);
    expect(violationsOf(request, { "anthropic-version": "2020-01-01" })).toHaveLength(1);
    expect(
      wire.violationsOf({ method: "GET", path: "/v1/models", headers: new Headers(), body: request }),
    ).toHaveLength(4);
  });

  test("that asks for a stream is known", () => {
    expect([asksForStream(true), asksForStream(false), asksForStream(undefined)]).toEqual([true, false, false]);
  });
});

test("a refusal is Anthropic's", () => {
  expect(JSON.parse(wire.refusal(529, "Overloaded").body)).toMatchObject({
    type: "error",
    error: { type: "overloaded_error", message: "Overloaded" },
  });
});
