import { expect, test } from "bun:test";
import type { Conversation } from "../../../src/protocols/canonical/conversation.ts";
import { createToolNames, openaiNames, type NameRule } from "../../../src/protocols/canonical/tool-names.ts";

function namesOf(offered: readonly string[], called: readonly string[] = [], rule: NameRule = openaiNames) {
  const tools: Conversation["tools"] = offered.map((name) => ({ name, kind: "function" }));
  const calls = called.map((name) => ({ type: "tool_call", id: name, name, kind: "function", input: "" }) as const);
  return createToolNames({ tools, turns: [{ role: "assistant", parts: calls }] }, rule);
}

test("legal names stay, and no two become one, whether they are offered or were called", () => {
  const names = namesOf(["a.b", "a_b", "a b"], ["a/b", "a_b_2"]);
  const shown = ["a.b", "a_b", "a b", "a/b", "a_b_2"].map((name) => names.upstream(name));
  expect(shown).toEqual(["a_b_3", "a_b", "a_b_4", "a_b_5", "a_b_2"]);
  expect(names.renamed()).toEqual(
    new Map([
      ["a_b_3", "a.b"],
      ["a_b_4", "a b"],
      ["a_b_5", "a/b"],
    ]),
  );
  expect(namesOf(["a"]).renamed()).toBeUndefined();
});

test("names are cut to the rule's length, begin as it says, and are never empty", () => {
  const long = "x".repeat(70);
  const names = namesOf([`${long}1`, `${long}2`, ""]);
  expect(names.upstream(`${long}1`)).toBe("x".repeat(64));
  expect(names.upstream(`${long}2`)).toBe(`${"x".repeat(62)}_2`);
  expect(names.upstream("")).toBe("tool");
  const rule: NameRule = { legal: /^[a-z][a-z0-9]{0,9}$/, foreign: /[^a-z0-9]/g, start: /^[a-z]/, longest: 10 };
  expect(namesOf(["1st"], [], rule).upstream("1st")).toBe("_1st");
});

test("a name for the gateway's own tool is one that no tool has", () => {
  expect(namesOf(["json_answer"]).unused("json_answer")).toBe("json_answer_2");
});
