import { invalidRequest } from "../../errors.ts";
import type { Tool, ToolChoice } from "../canonical/conversation.ts";
import { wrappedDescription, wrappedParameters } from "../canonical/custom-tools.ts";
import { offeredTools } from "../canonical/tool-choice.ts";
import { wellFormed } from "../fields.ts";
import { cacheControl, type Block, type Encoding } from "./encoding.ts";
import { inputSchema, strictSchema } from "./json-schema.ts";

export interface EncodedTools {
  tools: Block[];
  toolChoice: Block | undefined;
  answerTool: string | undefined;
  /** The model must call one: it cannot think by a budget then. */
  isForced: boolean;
}

function encodeTool(tool: Tool, encoding: Encoding): Block {
  const { names, target, losses } = encoding;
  const description = tool.kind === "custom" ? wrappedDescription(tool) : tool.description;
  const schema = tool.kind === "custom" ? wrappedParameters : inputSchema(tool.parameters);
  const isStrict = tool.strict === true && tool.kind === "function" && target.traits.structuredOutput;
  if (tool.strict === true && !isStrict)
    losses.push({ field: `tools.${tool.name}.strict`, reason: "the model has no strict tools" });
  return {
    name: names.upstream(tool.name),
    ...(description === undefined || description === "" ? {} : { description: wellFormed(description) }),
    input_schema: isStrict ? strictSchema(schema) : schema,
    ...(isStrict ? { strict: true } : {}),
    ...cacheControl(tool.cache),
  };
}

/** Tools that were called before and are not offered any more: the API wants every called one described. */
function calledTools({ conversation, names }: Encoding): Block[] {
  const called = conversation.turns.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === "tool_call" ? [part.name] : [])),
  );
  return [...new Set(called)].map((name) => ({ name: names.upstream(name), input_schema: { type: "object" } }));
}

/** How the tools that are offered may be used; a subset is told by offering no others. */
function wishOf(choice: ToolChoice | undefined): Exclude<ToolChoice, { type: "subset" }> {
  if (choice === undefined) return { type: "auto" };
  return choice.type === "subset" ? { type: choice.mode } : choice;
}

function choiceOf({ conversation, names }: Encoding): Block | undefined {
  const isSingle = conversation.parallelToolCalls === false;
  const single = isSingle ? { disable_parallel_tool_use: true } : {};
  const wish = wishOf(conversation.toolChoice);
  if (wish.type === "auto") return isSingle ? { type: "auto", ...single } : undefined;
  if (wish.type === "none") return { type: "none" };
  if (wish.type === "required") return { type: "any", ...single };
  if (!conversation.tools.some(({ name }) => name === wish.name))
    throw invalidRequest(`\`tool_choice\` names ${wish.name}, which is not among the tools.`, "tool_choice");
  return { type: "tool", name: names.upstream(wish.name), ...single };
}

/** An older model writes JSON by calling a tool whose input is the answer. */
function answerTool(encoding: Encoding): Block | undefined {
  const { format } = encoding.conversation;
  if (format?.type !== "schema" || encoding.target.traits.structuredOutput || !isObjectSchema(format.schema))
    return undefined;
  return {
    name: encoding.names.unused("json_answer"),
    description: format.description ?? "Gives the final answer.",
    input_schema: inputSchema(format.schema),
  };
}

/** Whether a tool's input can be what a schema describes. */
export function isObjectSchema({ type, properties }: Readonly<Record<string, unknown>>): boolean {
  return type === "object" || (type === undefined && properties !== undefined);
}

/** Tools and the choice among them. A choice without tools is a 400, so both go or none. */
export function encodeTools(encoding: Encoding): EncodedTools {
  const tools = offeredTools(encoding.conversation).map((tool) => encodeTool(tool, encoding));
  const answer = answerTool(encoding);
  const choice = tools.length === 0 ? undefined : choiceOf(encoding);
  if (answer !== undefined) {
    const isOnly = tools.length === 0 || choice?.["type"] === "none";
    const toolChoice = isOnly
      ? { type: "tool", name: answer["name"], disable_parallel_tool_use: true }
      : { type: "any" };
    return { tools: [...tools, answer], toolChoice, answerTool: String(answer["name"]), isForced: true };
  }
  if (tools.length > 0) {
    const isForced = choice?.["type"] === "any" || choice?.["type"] === "tool";
    return { tools, toolChoice: choice, answerTool: undefined, isForced };
  }
  const called = calledTools(encoding);
  const toolChoice = called.length === 0 ? undefined : { type: "none" };
  return { tools: called, toolChoice, answerTool: undefined, isForced: false };
}
