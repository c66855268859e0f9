import { describe, expect, test } from "bun:test";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { openaiResponsesWire } from "../../support/wire/openai-responses.ts";
import { conversationOf } from "../../support/conversation.ts";
import { scriptList, scripts, targetWith, upstreamAnswer } from "./samples.ts";

/** What checks our streams and requests must notice what is wrong with them. */

function renumbered(events: readonly string[]): string {
  return events.map((event, index) => event.replace(/"sequence_number":\d+/, `"sequence_number":${index}`)).join("");
}

const problemsOf = (events: readonly string[]) => openaiResponsesWire.problemsOf(renumbered(events));

describe("the checker of streams", () => {
  const events = openaiResponsesWire.stream(scripts["reasoning, text and two calls"] ?? scriptList[0]!).events;

  test("finds nothing wrong with the upstream's own", () => {
    for (const script of scriptList) {
      expect(openaiResponsesWire.problemsOf(openaiResponsesWire.stream(script).events.join(""))).toEqual([]);
      expect(openaiResponsesWire.problemsOf(utf8OfLatin1(openaiResponses.streamOf(upstreamAnswer(script))))).toEqual(
        [],
      );
    }
  });

  test("notices every event that is missing, comes twice, or changes its place", () => {
    for (const [index, event] of events.entries()) {
      const without = events.toSpliced(index, 1);
      // `response.in_progress` may be missing.
      if (!event.includes('"response.in_progress"')) expect(problemsOf(without)).not.toEqual([]);
      expect(problemsOf(events.toSpliced(index, 0, event))).not.toEqual([]);
      const next = events[index + 1];
      if (next !== undefined) expect(problemsOf(events.toSpliced(index, 2, next, event))).not.toEqual([]);
    }
  });

  test("notices other texts, gaps in the numbers, foreign ends and half events", () => {
    for (const [from, to] of [
      ['"text":"I will look."', '"text":"I will."'],
      ['"delta":"I w"', '"delta":"J w"'],
      ['"status":"completed"', '"status":"done"'],
      ['"output_index":1', '"output_index":7'],
      ['"call_id":"call_2"', '"call_id":""'],
      ['"id":"resp_all"', '"id":"chatcmpl-1"'],
      ['"usage":{', '"usage":{"input_tokens_details":1,"x":{'],
    ] as const)
      expect(openaiResponsesWire.problemsOf(events.join("").replace(from, to))).not.toEqual([]);
    expect(openaiResponsesWire.problemsOf(events.slice(1).join(""))).not.toEqual([]);
    expect(openaiResponsesWire.problemsOf(`${events.join("")}data: [DONE]\n\n`)).not.toEqual([]);
    expect(openaiResponsesWire.problemsOf(events.join("").trimEnd())).not.toEqual([]);
  });

  test("notices every member that a response lacks", () => {
    const last = events.at(-1) ?? "";
    const response = (JSON.parse(last.slice(last.indexOf("{"))) as { response: object }).response;
    for (const member of Object.keys(response)) {
      const { [member]: _gone, ...rest } = response as Record<string, unknown>;
      const changed = last.replace(JSON.stringify(response), JSON.stringify(rest));
      expect(openaiResponsesWire.problemsOf([...events.slice(0, -1), changed].join(""))).not.toEqual([]);
    }
  });
});

function violationsOf(body: unknown): string[] {
  return openaiResponsesWire.violationsOf({ method: "POST", path: "/v1/responses", headers: new Headers(), body });
}

describe("the checker of requests", () => {
  const { body } = openaiResponses.codec.request.encode(
    conversationOf({
      turns: [
        { role: "user", parts: [{ type: "text", text: "Hi" }] },
        { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "f", kind: "function", input: "{}" }] },
        {
          role: "tool",
          parts: [{ type: "tool_result", callId: "c", parts: [{ type: "text", text: "ok" }], isError: false }],
        },
      ],
      tools: [{ name: "f", kind: "function" }],
      toolChoice: { type: "tool", name: "f" },
    }),
    targetWith(),
  );

  test("finds nothing wrong with a right one", () => {
    expect(violationsOf(body)).toEqual([]);
  });

  test.each([
    ["an unknown field", { max_tokens: 5 }],
    ["a limit below the least", { max_output_tokens: 1 }],
    ["a result without its call", { input: [{ type: "function_call_output", call_id: "x", output: "" }] }],
    ["a call without its result", { input: [{ type: "function_call", call_id: "x", name: "f", arguments: "" }] }],
    [
      "reasoning that leads to nothing",
      { input: [{ type: "reasoning", id: "rs_1", summary: [], encrypted_content: "x" }] },
    ],
    [
      "text of the wrong side",
      { input: [{ role: "user", content: [{ type: "output_text", text: "x", annotations: [] }] }] },
    ],
    ["a nested tool", { tools: [{ type: "function", function: { name: "f" } }] }],
    ["a choice of no tool", { tool_choice: { type: "function", name: "g" } }],
    ["a nested schema", { text: { format: { type: "json_schema", json_schema: { name: "n", schema: {} } } } }],
    ["an effort of no scale", { reasoning: { effort: "ultra" } }],
    ["nothing at all", { input: [] }],
  ])("notices %s", (_name, changes) => {
    expect(violationsOf({ ...body, ...changes })).not.toEqual([]);
  });
});
