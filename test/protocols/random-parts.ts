import type { ToolCallPart, ToolResultPart } from "../../src/protocols/canonical/conversation.ts";
import type { Random } from "../lib/seeded.ts";

/** Texts, and names and ids of tools, that are hard to write down or to find again. */
export const oddTexts = [
  "Hi",
  "Grüße 👋🏽",
  "日本",
  " ",
  "",
  "\n",
  "\ud83d",
  "\u0000",
  '"}]',
  "data: x\n\n",
  "[DONE]",
  "{",
  "a".repeat(300),
];
export const oddNames = ["get_weather", "mcp.server/x", "mcp_server_x", "x".repeat(200), "é"];
const oddIds = ["a", "b", "call|1", "call_0", "", "orcid_eA", "ü".repeat(40)];
const oddInputs = ["", "{}", '{"a":[1,{"b":null}]}', '{"a":', "[1]", "7", '{"__proto__":{"x":1}}', '"é"'];

export function oddCall(random: Random): ToolCallPart {
  return {
    type: "tool_call",
    id: random.pick(oddIds),
    name: random.pick(["", ...oddNames]),
    kind: random.pick(["function", "custom"]),
    input: random.pick(oddInputs),
  };
}

export function oddResult(random: Random): ToolResultPart {
  return {
    type: "tool_result",
    callId: random.pick(oddIds),
    parts: random.chance(0.7)
      ? [{ type: "text", text: random.pick(oddTexts) }]
      : [{ type: "image", source: { kind: "url", url: "https://x/y" } }],
    isError: random.chance(0.3),
    cache: random.chance(0.2) ? { ttl: random.pick([undefined, "5m", "1h", "12h"]) } : undefined,
  };
}
