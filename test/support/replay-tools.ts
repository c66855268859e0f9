import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { at, listOf, stringOf } from "./replay-fields.ts";

export interface DeclaredTool {
  name: string;
  /** JSON Schema of its input. */
  schema: unknown;
}

interface ToolReader {
  declared(body: unknown): DeclaredTool[];
  /** Name of the tool that must be called, empty for any; `undefined` = the model is free. */
  forced(body: unknown): string | undefined;
}

function chatTools(body: unknown): DeclaredTool[] {
  return listOf(at(body, "tools")).map((tool) => ({
    name: stringOf(at(tool, "function", "name")),
    schema: at(tool, "function", "parameters"),
  }));
}

const none: ToolReader = { declared: () => [], forced: () => undefined };

const readers: Readonly<Record<ProtocolName, ToolReader>> = {
  "openai-chat": {
    declared: chatTools,
    forced(body) {
      const choice = at(body, "tool_choice");
      const name = at(choice, "function", "name");
      return choice === "required" ? "" : typeof name === "string" ? name : undefined;
    },
  },
  "openai-responses": {
    declared: (body) =>
      listOf(at(body, "tools")).map((tool) => ({ name: stringOf(tool["name"]), schema: tool["parameters"] })),
    forced(body) {
      const choice = at(body, "tool_choice");
      const name = at(choice, "name");
      return choice === "required" ? "" : typeof name === "string" ? name : undefined;
    },
  },
  "anthropic-messages": {
    declared: (body) =>
      listOf(at(body, "tools")).map((tool) => ({ name: stringOf(tool["name"]), schema: tool["input_schema"] })),
    forced(body) {
      const type = at(body, "tool_choice", "type");
      if (type === "any") return "";
      return type === "tool" ? stringOf(at(body, "tool_choice", "name")) : undefined;
    },
  },
  "gemini-generate": {
    declared: (body) =>
      listOf(at(body, "tools"))
        .flatMap((tool) => listOf(tool["functionDeclarations"]))
        .map((tool) => ({
          name: stringOf(tool["name"]),
          schema: tool["parametersJsonSchema"] ?? tool["parameters"],
        })),
    forced(body) {
      const config = at(body, "toolConfig", "functionCallingConfig");
      if (at(config, "mode") !== "ANY") return undefined;
      const allowed = at(config, "allowedFunctionNames");
      return Array.isArray(allowed) ? stringOf(allowed[0]) : "";
    },
  },
  "ollama-chat": { declared: chatTools, forced: () => undefined },
  "openai-completions": none,
  "ollama-generate": none,
};

export function toolsIn(
  protocol: ProtocolName,
  body: unknown,
): { tools: DeclaredTool[]; forcedTool: DeclaredTool | undefined } {
  const tools = readers[protocol].declared(body);
  const name = readers[protocol].forced(body);
  const forcedTool = name === undefined ? undefined : (tools.find((tool) => tool.name === name) ?? tools[0]);
  return { tools, forcedTool };
}
