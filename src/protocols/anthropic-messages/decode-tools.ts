import { invalidRequest } from "../../errors.ts";
import type { Conversation, Loss, Tool, ToolChoice } from "../canonical/conversation.ts";
import { booleanOf, filledOf, isFields, stringOf, type Fields } from "../fields.ts";
import { markOf, readList, readObject, requiredText } from "../request-fields.ts";
import { builtInTools } from "./built-in-tools.ts";

/** Fields of a tool that say how Anthropic shall run it, and nothing of what it does. */
const silentFields = ["eager_input_streaming", "defer_loading"];
const knownFields = new Set([
  ...silentFields,
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
]);

function functionTool(tool: Fields, { path, losses }: { path: string; losses: Loss[] }): Tool {
  for (const field of Object.keys(tool)) {
    if (knownFields.has(field) || tool[field] === null) continue;
    losses.push({ field: `${path}.${field}`, reason: "known to Anthropic's own API only" });
  }
  const schema = tool["input_schema"];
  return {
    name: requiredText(tool, "name", path),
    kind: "function",
    description: filledOf(tool["description"]),
    parameters: isFields(schema) ? schema : undefined,
    strict: booleanOf(tool["strict"]),
    cache: markOf(tool["cache_control"]),
  };
}

/** Anthropic's own tools: those that the client runs are functions whose description its models know by heart. */
function builtInTool(tool: Fields, place: { path: string; losses: Loss[] }): Tool[] {
  const type = stringOf(tool["type"]) ?? "";
  const family = builtInTools.find(({ prefix }) => type.startsWith(prefix));
  if (family === undefined) {
    place.losses.push({ field: place.path, reason: `the tool ${type} runs at Anthropic only` });
    return [];
  }
  const { description, parameters } = family;
  return [
    {
      name: requiredText(tool, "name", place.path),
      kind: "function",
      description,
      parameters,
      cache: markOf(tool["cache_control"]),
    },
  ];
}

function readTool(tool: unknown, place: { path: string; losses: Loss[] }): Tool[] {
  if (!isFields(tool)) throw invalidRequest(`\`${place.path}\` must be an object.`, place.path);
  const { type } = tool;
  const isFunction = type === undefined || type === null || type === "custom" || isFields(tool["input_schema"]);
  return isFunction ? [functionTool(tool, place)] : builtInTool(tool, place);
}

function readChoice(choice: Fields): ToolChoice {
  switch (choice["type"]) {
    case "auto":
    case "none":
      return { type: choice["type"] };
    case "any":
      return { type: "required" };
    case "tool":
      return { type: "tool", name: requiredText(choice, "name", "tool_choice") };
    default:
      throw invalidRequest("`tool_choice.type` must be auto, any, tool or none.", "tool_choice.type");
  }
}

type ToolFields = Pick<Conversation, "tools" | "toolChoice" | "parallelToolCalls">;

/** The tools of a request. Without any left, a choice among them says nothing, and most upstreams refuse it. */
export function readTools(body: Fields, losses: Loss[]): ToolFields {
  const tools = readList(body, "tools").flatMap((tool, index) => readTool(tool, { path: `tools[${index}]`, losses }));
  const wish = readObject(body, "tool_choice");
  if (wish === undefined || tools.length === 0) return { tools };
  const choice = readChoice(wish);
  const parallelToolCalls = wish["disable_parallel_tool_use"] === true ? false : undefined;
  if (choice.type !== "tool" || tools.some(({ name }) => name === choice.name))
    return { tools, toolChoice: choice, parallelToolCalls };
  losses.push({ field: "tool_choice", reason: `there is no tool ${choice.name}` });
  return { tools, parallelToolCalls };
}
