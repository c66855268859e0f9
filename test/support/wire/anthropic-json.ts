import { objectOf } from "./json.ts";
export function isThought(block: unknown): boolean {
  return ["thinking", "redacted_thinking"].includes(String(objectOf(block)["type"]));
}

export function isResult(block: unknown): boolean {
  return objectOf(block)["type"] === "tool_result";
}

export function isBlank(value: unknown): boolean {
  return typeof value !== "string" || value.trim() === "";
}

/** What ids of tool calls are made of. */
export const callId = /^[a-zA-Z0-9_-]+$/;
