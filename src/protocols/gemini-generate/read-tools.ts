import { invalidRequest } from "../../errors.ts";
import type { Conversation, Loss, Tool, ToolChoice } from "../canonical/conversation.ts";
import { isFields, type Fields } from "../fields.ts";
import { jsonSchemaOf } from "./openapi-schema.ts";
import { camelOf, protoEnum, protoField, protoList, protoObject, protoText } from "./proto-fields.ts";

type ReadTools = Pick<Conversation, "tools" | "losses">;

function objectAt(value: unknown, path: string): Fields {
  if (isFields(value)) return value;
  throw invalidRequest(`\`${path}\` must be an object.`, path);
}

function parametersOf(declaration: Fields, path: string): Fields | undefined {
  const schema = protoObject(declaration, "parametersJsonSchema", `${path}.parametersJsonSchema`);
  if (schema !== undefined) return schema;
  const parameters = jsonSchemaOf(protoObject(declaration, "parameters", `${path}.parameters`));
  return isFields(parameters) ? parameters : undefined;
}

function readDeclaration(value: unknown, path: string): { tool: Tool; losses: Loss[] } {
  const declaration = objectAt(value, path);
  const name = protoText(declaration, "name");
  if (name === undefined) throw invalidRequest(`\`${path}.name\` must be a text.`, `${path}.name`);
  const description = protoText(declaration, "description");
  const parameters = parametersOf(declaration, path);
  const left = ["behavior", "response", "responseJsonSchema"].filter(
    (field) => protoField(declaration, field) !== undefined,
  );
  return {
    tool: {
      name,
      kind: "function",
      ...(description === undefined ? {} : { description }),
      ...(parameters === undefined ? {} : { parameters }),
    },
    losses: left.map((field) => ({ field: `${path}.${field}`, reason: "known to gemini-generate only" })),
  };
}

/** `tools`: the functions; Google's own tools are losses. */
export function readTools(body: Fields): ReadTools {
  const tools: Tool[] = [];
  const losses: Loss[] = [];
  for (const [index, value] of protoList(body, "tools").entries()) {
    const path = `tools[${index}]`;
    const group = objectAt(value, path);
    for (const [place, declared] of protoList(group, "functionDeclarations").entries()) {
      const read = readDeclaration(declared, `${path}.functionDeclarations[${place}]`);
      tools.push(read.tool);
      losses.push(...read.losses);
    }
    const hosted = Object.keys(group).filter((key) => camelOf(key) !== "functionDeclarations" && group[key] !== null);
    losses.push(
      ...hosted.map((key) => ({ field: `${path}.${key}`, reason: "a tool that only Google's servers have" })),
    );
  }
  return { tools, losses };
}

function choiceOf(mode: string, names: readonly string[]): ToolChoice | undefined {
  const [name] = names;
  switch (mode) {
    case "NONE":
      return { type: "none" };
    case "ANY":
      if (name === undefined) return { type: "required" };
      return names.length === 1 ? { type: "tool", name } : { type: "subset", mode: "required", names };
    case "VALIDATED":
    case "AUTO":
      return name === undefined ? { type: "auto" } : { type: "subset", mode: "auto", names };
    default:
      return undefined;
  }
}

/** `toolConfig`: which of the functions may or must be called. */
export function readToolChoice(body: Fields): { toolChoice: ToolChoice | undefined; losses: Loss[] } {
  const config = protoObject(body, "toolConfig", "toolConfig");
  if (config === undefined) return { toolChoice: undefined, losses: [] };
  const losses: Loss[] = Object.keys(config)
    .filter((key) => camelOf(key) !== "functionCallingConfig" && config[key] !== null)
    .map((key) => ({ field: `toolConfig.${key}`, reason: "known to gemini-generate only" }));
  const path = "toolConfig.functionCallingConfig";
  const calling = protoObject(config, "functionCallingConfig", path);
  if (calling === undefined) return { toolChoice: undefined, losses };
  const mode = protoEnum(calling, "mode") ?? "";
  const names = protoList(calling, "allowedFunctionNames").filter((name) => typeof name === "string");
  if (mode === "VALIDATED") losses.push({ field: `${path}.mode`, reason: "VALIDATED is taken as AUTO" });
  return { toolChoice: choiceOf(mode, names), losses };
}
