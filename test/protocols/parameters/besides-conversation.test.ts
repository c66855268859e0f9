import { expect, test } from "bun:test";
import { besidesConversation, withParameters } from "../../../src/protocols/parameters/index.ts";

const rules = {
  defaults: { temperature: 0.2, dimensions: 256, "provider.order": ["a"], "reasoning.effort": "low" },
  overrides: { max_tokens: 5, encoding_format: "float", "generationConfig.topK": 1 },
  remove: ["seed", "user"],
};

test("of rules for conversations nothing reaches other requests, and all else does", () => {
  const kept = besidesConversation(rules);
  expect(kept).toEqual({
    defaults: { dimensions: 256, "provider.order": ["a"] },
    overrides: { encoding_format: "float" },
    remove: ["user"],
  });
  if (kept === undefined) return;
  expect(withParameters(`{"input":"i","user":"u"}`, "openai-chat", kept)).toBe(
    `{"input":"i","dimensions":256,"provider":{"order":["a"]},"encoding_format":"float"}`,
  );
});

test("rules that speak of conversations alone are none", () => {
  const defaults = { temperature: 0.2, "output_config.effort": "low", "thinking.type": "adaptive" };
  expect(besidesConversation({ defaults, overrides: { stop: "x" }, remove: ["n"] })).toBeUndefined();
});

test("the same rules are looked at once", () => {
  expect(besidesConversation(rules)).toBe(besidesConversation(rules));
});
