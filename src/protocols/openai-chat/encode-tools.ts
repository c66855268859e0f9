import { invalidRequest } from "../../errors.ts";
import type { Tool } from "../canonical/conversation.ts";
import { wrappedDescription, wrappedParameters } from "../canonical/custom-tools.ts";
import { offeredTools } from "../canonical/tool-choice.ts";
import { isFields, wellFormed, type Fields } from "../fields.ts";
import { isOpenai, type Encoding } from "./encoding.ts";

const noParameters: Fields = { type: "object", properties: {} };

/** Responses do not nest a grammar. */
function formatOf(format: unknown): unknown {
  if (!isFields(format) || format["type"] !== "grammar" || isFields(format["grammar"])) return format;
  const { type, ...grammar } = format;
  return { type, grammar };
}

function encodeTool(tool: Tool, encoding: Encoding): Fields {
  const name = encoding.names.upstream(tool.name);
  const isCustom = tool.kind === "custom";
  const description = isCustom && !isOpenai(encoding) ? wrappedDescription(tool) : tool.description;
  const described = { name, ...(description === undefined ? {} : { description: wellFormed(description) }) };
  if (isCustom && isOpenai(encoding)) {
    const format = tool.format === undefined ? {} : { format: formatOf(tool.format) };
    return { type: "custom", custom: { ...described, ...format } };
  }
  const parameters = isCustom ? wrappedParameters : (tool.parameters ?? noParameters);
  const strict = tool.strict === undefined || isCustom ? {} : { strict: tool.strict };
  return { type: "function", function: { ...described, parameters, ...strict } };
}

function reference(tool: Tool, encoding: Encoding): Fields {
  const type = tool.kind === "custom" && isOpenai(encoding) ? "custom" : "function";
  return { type, [type]: { name: encoding.names.upstream(tool.name) } };
}

function choiceOf(encoding: Encoding): unknown {
  const { toolChoice, tools } = encoding.conversation;
  if (toolChoice?.type === "tool") {
    const tool = tools.find(({ name }) => name === toolChoice.name);
    if (tool !== undefined) return reference(tool, encoding);
    throw invalidRequest(`\`tool_choice\` names ${toolChoice.name}, which is not among the tools.`, "tool_choice");
  }
  if (toolChoice?.type !== "subset") return toolChoice?.type;
  if (!isOpenai(encoding)) return toolChoice.mode;
  const allowed = tools.filter(({ name }) => toolChoice.names.includes(name));
  const list = allowed.map((tool) => reference(tool, encoding));
  if (list.length === 0) return "none";
  return { type: "allowed_tools", allowed_tools: { mode: toolChoice.mode, tools: list } };
}

/** `tools`, `tool_choice`, `parallel_tool_calls`: the latter two are refused where there are no tools. */
export function encodeTools(encoding: Encoding): Fields {
  const { toolChoice, parallelToolCalls } = encoding.conversation;
  // Only OpenAI keeps tools that may not be used: others get those that may.
  const tools = isOpenai(encoding) ? encoding.conversation.tools : offeredTools(encoding.conversation);
  if (tools.length === 0) return {};
  return {
    tools: tools.map((tool) => encodeTool(tool, encoding)),
    ...(toolChoice === undefined ? {} : { tool_choice: choiceOf(encoding) }),
    // It is on by itself, and some models refuse the field.
    ...(parallelToolCalls === false ? { parallel_tool_calls: false } : {}),
  };
}
