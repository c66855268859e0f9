import type { Conversation, Tool, ToolChoice } from "../canonical/conversation.ts";
import { wrappedDescription, wrappedParameters } from "../canonical/custom-tools.ts";
import type { Fields } from "../fields.ts";
import { cleanParameters } from "./clean-schema.ts";
import { loseSetting, type Encoding } from "./encoding.ts";

function declarationOf(tool: Tool, { names }: Encoding): Fields {
  const name = names.upstream(tool.name);
  const isCustom = tool.kind === "custom";
  const description = isCustom ? wrappedDescription(tool) : tool.description;
  const parameters = isCustom ? wrappedParameters : tool.parameters;
  return {
    name,
    ...(description === undefined || description === "" ? {} : { description }),
    ...(parameters === undefined ? {} : { parametersJsonSchema: cleanParameters(parameters) }),
  };
}

interface Calling {
  mode: "AUTO" | "ANY" | "NONE" | "VALIDATED";
  allowed?: readonly string[];
}

function callingOf(choice: ToolChoice | undefined, isStrict: boolean): Calling | undefined {
  if (choice === undefined) return isStrict ? { mode: "VALIDATED" } : undefined;
  if (choice.type === "auto") return { mode: isStrict ? "VALIDATED" : "AUTO" };
  if (choice.type === "none") return { mode: "NONE" };
  if (choice.type === "required") return { mode: "ANY" };
  if (choice.type === "tool") return { mode: "ANY", allowed: [choice.name] };
  // Names may stand beside these two modes only.
  return { mode: choice.mode === "required" ? "ANY" : "VALIDATED", allowed: choice.names };
}

/** `tools` and `toolConfig`; a choice without tools is refused, and left out. */
export function writeTools(conversation: Conversation, encoding: Encoding): Fields {
  const { tools, toolChoice, parallelToolCalls } = conversation;
  if (tools.length === 0) return {};
  if (parallelToolCalls === false) loseSetting(encoding, "parallelToolCalls");
  const calling = callingOf(
    toolChoice,
    tools.some(({ strict }) => strict === true),
  );
  const allowed = calling?.allowed?.map((name) => encoding.names.upstream(name));
  const functionCallingConfig = {
    mode: calling?.mode,
    ...(allowed === undefined ? {} : { allowedFunctionNames: allowed }),
  };
  return {
    tools: [{ functionDeclarations: tools.map((tool) => declarationOf(tool, encoding)) }],
    ...(calling === undefined ? {} : { toolConfig: { functionCallingConfig } }),
  };
}
