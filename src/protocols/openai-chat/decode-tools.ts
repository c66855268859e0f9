import { invalidRequest } from "../../errors.ts";
import type { Loss, Tool, ToolChoice } from "../canonical/conversation.ts";
import { booleanOf, fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { readObjects, requiredText } from "../request-fields.ts";
import { cacheOf } from "./decode-parts.ts";

function functionTool(said: Fields, path: string): Tool {
  const { parameters } = said;
  return {
    name: requiredText(said, "name", path),
    kind: "function",
    description: filledOf(said["description"]),
    parameters: isFields(parameters) ? parameters : undefined,
    strict: booleanOf(said["strict"]),
  };
}

function customTool(said: Fields, path: string): Tool {
  const format = said["format"] ?? undefined;
  return {
    name: requiredText(said, "name", path),
    kind: "custom",
    description: filledOf(said["description"]),
    ...(format === undefined ? {} : { format }),
  };
}

function readTool(tool: Fields, path: string, losses: Loss[]): Tool[] {
  const type = filledOf(tool["type"]) ?? (isFields(tool["function"]) ? "function" : "");
  if (type !== "function" && type !== "custom") {
    losses.push({ field: path, reason: `tools of type ${type.slice(0, 60)} run at their own provider only` });
    return [];
  }
  // Clients of Responses do not nest a tool under its type.
  const isNested = isFields(tool[type]);
  const said = isNested ? fieldsOf(tool[type]) : tool;
  const at = isNested ? `${path}.${type}` : path;
  const read = type === "function" ? functionTool(said, at) : customTool(said, at);
  const cache = cacheOf(tool) ?? cacheOf(said);
  return [cache === undefined ? read : { ...read, cache }];
}

/** `tools`, and the `functions` of before. */
export function readTools(body: Fields, losses: Loss[]): Tool[] {
  const named = readObjects(body, "tools").flatMap((tool, index) => readTool(tool, `tools[${index}]`, losses));
  const legacy = readObjects(body, "functions").map((said, index) => functionTool(said, `functions[${index}]`));
  const tools = new Map<string, Tool>();
  for (const tool of [...named, ...legacy]) {
    if (tools.has(tool.name))
      losses.push({ field: "tools", reason: `there is more than one tool ${tool.name.slice(0, 60)}` });
    else tools.set(tool.name, tool);
  }
  return [...tools.values()];
}

const words: Readonly<Record<string, ToolChoice>> = {
  auto: { type: "auto" },
  none: { type: "none" },
  required: { type: "required" },
  // Mistral's word.
  any: { type: "required" },
};

/** The tool that an object names: `{type, function: {name}}`, or without the nesting. */
function nameIn(choice: Fields): string | undefined {
  const nested = fieldsOf(choice[stringOf(choice["type"]) ?? "function"]);
  return filledOf(nested["name"]) ?? filledOf(choice["name"]);
}

function subsetOf(choice: Fields, losses: Loss[]): ToolChoice {
  const allowed = { ...choice, ...fieldsOf(choice["allowed_tools"]) };
  const names = listOf(allowed["tools"]).flatMap((entry, index) => {
    const name = nameIn(fieldsOf(entry));
    if (name === undefined)
      losses.push({ field: `tool_choice.allowed_tools.tools[${index}]`, reason: "it names no tool" });
    return name === undefined ? [] : [name];
  });
  if (names.length === 0) return { type: "none" };
  return { type: "subset", mode: allowed["mode"] === "required" ? "required" : "auto", names };
}

function wrongChoice(field: string): Error {
  return invalidRequest(`\`${field}\` must be auto, none, required, or an object that names a tool.`, field);
}

/** `tool_choice` in all its forms, and the `function_call` of before. */
export function readToolChoice(body: Fields, losses: Loss[]): ToolChoice | undefined {
  const field = (body["tool_choice"] ?? undefined) === undefined ? "function_call" : "tool_choice";
  const choice = body[field] ?? undefined;
  if (choice === undefined) return undefined;
  if (typeof choice === "string") {
    const known = Object.hasOwn(words, choice) ? words[choice] : undefined;
    if (known === undefined) throw wrongChoice(field);
    return known;
  }
  if (!isFields(choice)) throw wrongChoice(field);
  if (choice["type"] === "allowed_tools") return subsetOf(choice, losses);
  const name = nameIn(choice);
  if (name !== undefined) return { type: "tool", name };
  const type = stringOf(choice["type"]) ?? "";
  if (type === "" || type === "function" || type === "custom") throw wrongChoice(field);
  losses.push({ field, reason: `tools of type ${type.slice(0, 60)} run at their own provider only` });
  return undefined;
}
