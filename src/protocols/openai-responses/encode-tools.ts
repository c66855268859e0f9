import type { Conversation, Tool } from "../canonical/conversation.ts";
import type { ToolNames } from "../canonical/tool-names.ts";
import { isFields, type Fields } from "../fields.ts";

/** Chat completions nest a grammar under its type. */
function formatOf(format: unknown): unknown {
  if (!isFields(format) || !isFields(format["grammar"])) return format;
  return { type: "grammar", ...format["grammar"] };
}

/** OpenAI refuses a schema that does not say of what object it speaks. */
function parametersOf({ parameters }: Tool): Fields {
  return { type: "object", properties: {}, ...parameters };
}

/** `strict` is on where a request does not say: only Responses clients know that. */
function encodeTool(tool: Tool, names: ToolNames, isOwn: boolean): Fields {
  const name = names.upstream(tool.name);
  const description = tool.description === undefined ? {} : { description: tool.description };
  if (tool.kind === "custom")
    return {
      type: "custom",
      name,
      ...description,
      ...(tool.format === undefined ? {} : { format: formatOf(tool.format) }),
    };
  const strict = tool.strict ?? (isOwn ? null : false);
  return { type: "function", name, ...description, parameters: parametersOf(tool), strict };
}

/** `tools`, `tool_choice`, `parallel_tool_calls`; the latter two only where there are tools. */
export function encodeTools(conversation: Conversation, names: ToolNames): Fields {
  const { tools, toolChoice, parallelToolCalls, protocol } = conversation;
  if (tools.length === 0) return {};
  const reference = (name: string): Fields => {
    const kind = tools.find((tool) => tool.name === name)?.kind ?? "function";
    return { type: kind, name: names.upstream(name) };
  };
  const choice = (): unknown => {
    if (toolChoice?.type === "tool") return reference(toolChoice.name);
    if (toolChoice?.type !== "subset") return toolChoice?.type;
    return { type: "allowed_tools", mode: toolChoice.mode, tools: toolChoice.names.map(reference) };
  };
  return {
    tools: tools.map((tool) => encodeTool(tool, names, protocol === "openai-responses")),
    ...(toolChoice === undefined ? {} : { tool_choice: choice() }),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}
