import { invalidRequest } from "../../errors.ts";
import type { Loss, Tool } from "../canonical/conversation.ts";
import { booleanOf, fieldsOf, filledOf, isFields, stringOf } from "../fields.ts";

interface ReadTools {
  tools: Tool[];
  losses: Loss[];
}

function readTool(value: unknown, param: string): Tool | undefined {
  if (!isFields(value)) throw invalidRequest(`\`${param}\` must be an object.`, param);
  if ((value["type"] ?? "function") !== "function") return undefined;
  const described = fieldsOf(value["function"]);
  const name = filledOf(described["name"]);
  if (name === undefined) throw invalidRequest(`\`${param}.function.name\` is missing.`, `${param}.function.name`);
  const { parameters } = described;
  return {
    name,
    kind: "function",
    description: stringOf(described["description"]),
    parameters: isFields(parameters) ? parameters : undefined,
    strict: booleanOf(described["strict"]),
  };
}

/** The tools of a request. Throws GatewayError (400) where they cannot be read. */
export function decodeTools(value: unknown): ReadTools {
  const read: ReadTools = { tools: [], losses: [] };
  if (value === undefined || value === null) return read;
  if (!Array.isArray(value)) throw invalidRequest("`tools` must be a list.", "tools");
  const names = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const field = `tools[${index}]`;
    const tool = readTool(entry, field);
    if (tool === undefined) read.losses.push({ field, reason: "only function tools are known" });
    else if (names.has(tool.name)) read.losses.push({ field, reason: "another tool has this name" });
    else read.tools.push(tool);
    if (tool !== undefined) names.add(tool.name);
  }
  return read;
}
