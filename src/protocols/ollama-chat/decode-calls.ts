import { createId } from "../../lib/ids.ts";
import type { ToolCallPart } from "../canonical/conversation.ts";
import { fieldsOf, filledOf, listOf } from "../fields.ts";
import { argumentsText } from "./call-arguments.ts";

/**
 * Reads the calls of one answer, in order. Ollama gives every call of an answer the index 0 and often no id, or one that
 * it gave before: each call gets an id that stands for it alone, in this answer and in those that follow.
 */
export function createCallReader(): (calls: unknown) => ToolCallPart[] {
  const taken = new Set<string>();
  return (calls) => {
    const parts: ToolCallPart[] = [];
    for (const call of listOf(calls)) {
      const { id: written, function: called } = fieldsOf(call);
      const name = filledOf(fieldsOf(called)["name"]);
      // Without a name there is nothing to call.
      if (name === undefined) continue;
      const own = filledOf(written);
      const id = own === undefined || taken.has(own) ? createId("call_") : own;
      taken.add(id);
      const input = argumentsText(fieldsOf(called)["arguments"]);
      parts.push({ type: "tool_call", id, name, kind: "function", input });
    }
    return parts;
  };
}
