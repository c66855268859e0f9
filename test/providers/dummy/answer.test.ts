import { describe, expect, test } from "bun:test";
import { createDummyAnswer, dummyRequestSchema, type DummyRequest } from "../../../src/providers/dummy/answer.ts";

function requestOf(fields: Record<string, unknown>): DummyRequest {
  return dummyRequestSchema.parse({ model: "m", messages: [{ role: "user", content: "Hello there" }], ...fields });
}

const tool = (name: string, properties?: Record<string, unknown>) => ({
  type: "function",
  function: { name, ...(properties && { parameters: { type: "object", properties } }) },
});
const tools = [tool("get_weather", { city: { type: "string" }, days: { type: "integer" } }), tool("other")];

describe("the dummy's answer", () => {
  test("is the same for the same request, and another for another", () => {
    expect(createDummyAnswer(requestOf({}))).toEqual(createDummyAnswer(requestOf({})));
    const other = createDummyAnswer(requestOf({ messages: [{ role: "user", content: "Bye" }] }));
    expect(other.id).not.toBe(createDummyAnswer(requestOf({})).id);
  });

  test("repeats the last user text and counts tokens", () => {
    const answer = createDummyAnswer(
      requestOf({
        messages: [
          { role: "system", content: "s" },
          { role: "user", content: "one" },
          { role: "assistant", content: "x" },
          { role: "user", content: [{ type: "text", text: "two" }, { type: "image_url" }, null] },
        ],
      }),
    );
    const text = answer.pieces.join("");
    expect(text).toContain("You said: two");
    expect(answer.promptTokens).toBeGreaterThan(0);
    expect(answer.completionTokens).toBe(Math.ceil(text.length / 4));
  });

  test("answers a conversation without text", () => {
    for (const content of [null, "", 7, {}, []])
      expect(createDummyAnswer(requestOf({ messages: [{ role: "user", content }] })).pieces.join("")).toContain(
        "nothing",
      );
  });
});

const callOf = (fields: Record<string, unknown>) => createDummyAnswer(requestOf({ tools, ...fields })).toolCall;

describe("a tool is called", () => {
  test("when the user's text names it", () => {
    const call = callOf({ messages: [{ role: "user", content: "use get_weather now" }] });
    expect(call).toMatchObject({ name: "get_weather", id: expect.stringMatching(/^call_/) });
    expect(JSON.parse(call?.arguments ?? "")).toEqual({ city: "sample", days: 1 });
  });

  test("when it is required or named by tool_choice", () => {
    expect(callOf({ tool_choice: "required" })?.name).toBe("get_weather");
    expect(callOf({ tool_choice: { type: "function", function: { name: "other" } } })).toMatchObject({
      name: "other",
      arguments: "{}",
    });
  });

  test("not when it is forbidden, not named, or has just answered", () => {
    expect(callOf({})).toBeUndefined();
    expect(callOf({ tool_choice: "none", messages: [{ role: "user", content: "get_weather" }] })).toBeUndefined();
    const answered = [
      { role: "user", content: "get_weather" },
      { role: "tool", content: "sunny" },
    ];
    expect(callOf({ messages: answered })).toBeUndefined();
    expect(createDummyAnswer(requestOf({ tools, messages: answered })).pieces.join("")).toBe(
      "The tool answered: sunny",
    );
    expect(createDummyAnswer(requestOf({ tools: [], tool_choice: "required" })).toolCall).toBeUndefined();
  });

  test("with arguments of the types it declares", () => {
    const properties = {
      s: { type: "string" },
      n: { type: "number" },
      b: { type: "boolean" },
      a: { type: "array" },
      o: { type: "object" },
      u: {},
      w: null,
    };
    const call = createDummyAnswer(requestOf({ tools: [tool("f", properties)], tool_choice: "required" })).toolCall;
    expect(JSON.parse(call?.arguments ?? "")).toEqual({
      s: "sample",
      n: 1,
      b: true,
      a: [],
      o: {},
      u: "sample",
      w: "sample",
    });
  });
});
