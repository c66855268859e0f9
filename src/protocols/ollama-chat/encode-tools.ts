import { clientField } from "../canonical/client-field.ts";
import type { Conversation, Loss, Tool } from "../canonical/conversation.ts";
import { wrappedDescription, wrappedParameters } from "../canonical/custom-tools.ts";
import { isForced, offeredTools } from "../canonical/tool-choice.ts";
import type { Fields } from "../fields.ts";

function encodeTool(tool: Tool): Fields {
  const description = tool.kind === "custom" ? wrappedDescription(tool) : tool.description;
  const parameters =
    tool.kind === "custom" ? wrappedParameters : { type: "object", properties: {}, ...tool.parameters };
  const described = { name: tool.name, ...(description === undefined ? {} : { description }), parameters };
  return { type: "function", function: described };
}

function lostChoices({ protocol, toolChoice, parallelToolCalls }: Conversation, tools: readonly Tool[]): Loss[] {
  const losses: Loss[] = [];
  if (isForced(toolChoice))
    losses.push({ field: clientField(protocol, "toolChoice"), reason: "ollama-chat cannot force a call" });
  if (parallelToolCalls === false)
    losses.push({ field: clientField(protocol, "parallelToolCalls"), reason: "ollama-chat may call several at once" });
  if (tools.some(({ strict }) => strict === true))
    losses.push({ field: "tools[].strict", reason: "ollama-chat does not enforce the schema of arguments" });
  return losses;
}

export function encodeTools(conversation: Conversation): { tools: readonly Fields[]; losses: readonly Loss[] } {
  const tools = conversation.toolChoice?.type === "none" ? [] : offeredTools(conversation);
  // A choice among no tools is none.
  if (tools.length === 0) return { tools: [], losses: [] };
  return { tools: tools.map(encodeTool), losses: lostChoices(conversation, tools) };
}
