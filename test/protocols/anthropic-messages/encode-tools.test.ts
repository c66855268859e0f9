import { describe, expect, test } from "bun:test";
import { call, encoded, result, targetOf, text, turn, weatherTool } from "./samples.ts";

describe("tools", () => {
  test("are functions with a schema of type object", () => {
    const { body } = encoded({
      tools: [
        weatherTool,
        { name: "now", kind: "function" },
        { name: "x", kind: "function", parameters: { $schema: "s", properties: { a: {} } } },
      ],
    });
    expect(body["tools"]).toEqual([
      { name: "get_weather", description: "Tells the weather", input_schema: weatherTool.parameters },
      { name: "now", input_schema: { type: "object", properties: {} } },
      { name: "x", input_schema: { $schema: "s", properties: { a: {} }, type: "object" } },
    ]);
  });

  test("get legal names of their own, and the way back", () => {
    const tools = ["mcp.server/tool", "mcp_server_tool", "mcp:server:tool", "é".repeat(3), "x".repeat(200), ""].map(
      (name) => ({ name, kind: "function" as const }),
    );
    const { body, toolNames } = encoded({
      tools,
      toolChoice: { type: "tool", name: "mcp:server:tool" },
      turns: [turn("user", text("x")), turn("assistant", call("a", "mcp.server/tool")), turn("tool", result("a"))],
    });
    const names = (body["tools"] as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual([
      "mcp_server_tool_2",
      "mcp_server_tool",
      "mcp_server_tool_3",
      "___",
      "x".repeat(128),
      "tool",
    ]);
    expect(toolNames?.get("mcp_server_tool_2")).toBe("mcp.server/tool");
    expect(toolNames?.has("mcp_server_tool")).toBe(false);
    expect(body["tool_choice"]).toEqual({ type: "tool", name: "mcp_server_tool_3" });
    expect(body.messages[1]?.content[0]?.["name"]).toBe("mcp_server_tool_2");
    expect(encoded({ tools: [weatherTool] }).toolNames).toBeUndefined();
  });

  test("of free text are functions with one text", () => {
    const { body } = encoded({
      tools: [
        {
          name: "apply_patch",
          kind: "custom",
          description: "Patches",
          format: { type: "grammar", syntax: "lark", definition: "start: x" },
        },
      ],
    });
    expect(body["tools"]).toMatchObject([
      {
        name: "apply_patch",
        description: expect.stringContaining("start: x"),
        input_schema: { type: "object", required: ["input"] },
      },
    ]);
  });

  test("that are strict stay so where the model knows it", () => {
    const strict = {
      ...weatherTool,
      strict: true,
      parameters: { type: "object", properties: { n: { type: "integer", minimum: 1 } } },
    };
    expect(encoded({ tools: [strict] }).body["tools"]).toMatchObject([
      { strict: true, input_schema: { additionalProperties: false, properties: { n: { description: "minimum: 1" } } } },
    ]);
    const weak = encoded({ tools: [strict] }, targetOf({ structuredOutput: false }));
    expect(weak.body["tools"]).toMatchObject([{ input_schema: strict.parameters }]);
    expect(weak.fields).toEqual(["tools.get_weather.strict"]);
  });

  const other = { name: "other", kind: "function" as const };
  test.each([
    [{ toolChoice: { type: "auto" } }, undefined],
    [{ toolChoice: { type: "none" } }, { type: "none" }],
    [{ toolChoice: { type: "none" }, parallelToolCalls: false }, { type: "none" }],
    [{ toolChoice: { type: "required" } }, { type: "any" }],
    [{ toolChoice: { type: "tool", name: "other" } }, { type: "tool", name: "other" }],
    [{ parallelToolCalls: false }, { type: "auto", disable_parallel_tool_use: true }],
    [{ parallelToolCalls: true }, undefined],
    [
      { toolChoice: { type: "required" }, parallelToolCalls: false },
      { type: "any", disable_parallel_tool_use: true },
    ],
  ] as const)("%j is the choice %j", (changes, choice) => {
    expect(encoded({ tools: [weatherTool, other], ...changes }).body["tool_choice"]).toEqual(choice as never);
  });

  test("of which only some may be used are those", () => {
    const { body } = encoded({
      tools: [weatherTool, other],
      toolChoice: { type: "subset", mode: "required", names: ["other"] },
    });
    expect(body["tools"]).toMatchObject([{ name: "other" }]);
    expect(body["tool_choice"]).toEqual({ type: "any" });
    const none = encoded({ tools: [weatherTool], toolChoice: { type: "subset", mode: "required", names: [] } });
    expect([none.body["tools"], none.body["tool_choice"]]).toEqual([undefined, undefined]);
  });

  test("B43: without any, the choice goes as well", () => {
    const { body } = encoded({ tools: [], toolChoice: { type: "required" }, parallelToolCalls: false });
    expect("tools" in body || "tool_choice" in body).toBe(false);
  });

  test("of which an unknown one is chosen are refused", () => {
    expect(() => encoded({ tools: [weatherTool], toolChoice: { type: "tool", name: "x" } })).toThrow(
      "not among the tools",
    );
  });
});

describe("the form of an answer", () => {
  const schema = {
    type: "object",
    properties: { n: { type: "integer", minimum: 1, description: "A number." } },
    required: ["n"],
  };
  const format = { type: "schema", name: "answer", description: undefined, schema, strict: true } as const;

  test("B47: a JSON schema is output_config.format, with nothing in it that Anthropic refuses", () => {
    expect(encoded({ format }).body["output_config"]).toEqual({
      format: {
        type: "json_schema",
        schema: {
          type: "object",
          properties: { n: { type: "integer", description: "A number. minimum: 1" } },
          required: ["n"],
          additionalProperties: false,
        },
      },
    });
    expect(encoded({ format, reasoning: { effort: "low" } }).body["output_config"]).toMatchObject({ effort: "low" });
  });

  test("a JSON schema is a tool that must be called on models without", () => {
    const plain = targetOf({ structuredOutput: false });
    const alone = encoded({ format }, plain);
    expect(alone.answerTool).toBe("json_answer");
    expect(alone.body["tools"]).toMatchObject([
      { name: "json_answer", input_schema: { type: "object", required: ["n"] } },
    ]);
    expect(alone.body["tool_choice"]).toEqual({ type: "tool", name: "json_answer", disable_parallel_tool_use: true });
    const beside = encoded({ format, tools: [{ ...weatherTool, name: "json_answer" }] }, plain);
    expect(beside.answerTool).toBe("json_answer_2");
    expect(beside.body["tool_choice"]).toEqual({ type: "any" });
    const list = encoded({ format: { ...format, schema: { type: "array" } } }, plain);
    expect(list.answerTool).toBeUndefined();
    expect(list.body["system"]).toContain('{"type":"array"}');
  });

  test("any JSON object is an instruction", () => {
    const { body, losses } = encoded({
      format: { type: "json" },
      turns: [turn("system", text("Be brief.")), turn("user", text("x"))],
    });
    expect(body["system"]).toMatchObject([{ text: "Be brief." }, { text: expect.stringContaining("one JSON object") }]);
    expect(losses).toEqual([]);
    expect(encoded({ format: { type: "text" } }).body["system"]).toBeUndefined();
  });
});
