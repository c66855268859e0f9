import { isFilled, isObject, list, objectOf, textOf, type Json } from "./json.ts";
import { idPrefixes } from "./openai-responses-words.ts";
import type { PlayedRequest } from "./wire.ts";

/** What OpenAI refuses in a request for a response, by its documentation and its own refusals. */

const bodyFields = new Set([
  "background",
  "context_management",
  "conversation",
  "include",
  "input",
  "instructions",
  "max_output_tokens",
  "max_tool_calls",
  "metadata",
  "model",
  "moderation",
  "parallel_tool_calls",
  "previous_response_id",
  "prompt",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "reasoning",
  "safety_identifier",
  "service_tier",
  "store",
  "stream",
  "stream_options",
  "temperature",
  "text",
  "tool_choice",
  "tools",
  "top_logprobs",
  "top_p",
  "truncation",
  "user",
]);

/** Fields of each kind of item, beside `type`; the required ones first, then what may stand there too. */
const itemFields: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  message: [
    ["role", "content"],
    ["id", "status", "phase"],
  ],
  function_call: [
    ["call_id", "name", "arguments"],
    ["id", "status", "namespace"],
  ],
  function_call_output: [
    ["call_id", "output"],
    ["id", "status", "name", "namespace"],
  ],
  custom_tool_call: [
    ["call_id", "name", "input"],
    ["id", "status", "namespace"],
  ],
  custom_tool_call_output: [["call_id", "output"], ["id"]],
  reasoning: [
    ["id", "summary"],
    ["content", "encrypted_content"],
  ],
  image_generation_call: [
    ["id", "result", "status"],
    ["output_format", "revised_prompt", "size", "quality", "background"],
  ],
  item_reference: [["id"], []],
};

/** Fields of each kind of content, beside `type`. */
const contentFields: Readonly<Record<string, readonly string[]>> = {
  input_text: ["text", "prompt_cache_breakpoint"],
  input_image: ["image_url", "file_id", "detail", "prompt_cache_breakpoint"],
  input_file: ["file_data", "file_id", "file_url", "filename", "detail", "prompt_cache_breakpoint"],
  output_text: ["text", "annotations", "logprobs"],
  refusal: ["refusal"],
};

const toolName = /^[a-zA-Z0-9_-]{1,64}$/;

function contentViolations(part: Json, path: string, role: string): string[] {
  const type = textOf(part["type"]);
  const known = contentFields[type];
  if (known === undefined) return [`${path}.type is '${type}'`];
  const found = Object.keys(part)
    .filter((field) => field !== "type" && !known.includes(field))
    .map((field) => `${path}.${field} is unknown`);
  const isAnswer = type === "output_text" || type === "refusal";
  if (isAnswer !== (role === "assistant")) found.push(`${path} is ${type} in a message of ${role}`);
  if ((type === "input_text" || type === "output_text") && typeof part["text"] !== "string")
    found.push(`${path}.text is no text`);
  if (type === "output_text" && !Array.isArray(part["annotations"])) found.push(`${path}.annotations is missing`);
  if (type === "refusal" && typeof part["refusal"] !== "string") found.push(`${path}.refusal is no text`);
  if (type === "input_image") found.push(...imageViolations(part, path));
  if (type === "input_file") found.push(...fileViolations(part, path));
  return found;
}

function imageViolations(part: Json, path: string): string[] {
  const { image_url: url, file_id: id, detail } = part;
  const found: string[] = [];
  if (isFilled(url) === isFilled(id)) found.push(`${path} must have image_url or file_id`);
  if (isFilled(url) && !/^(?:https?:\/\/|data:image\/[a-z+.-]+;base64,)/.test(url))
    found.push(`${path}.image_url is '${url}'`);
  if (detail !== undefined && !["auto", "low", "high", "original"].includes(textOf(detail)))
    found.push(`${path}.detail is wrong`);
  return found;
}

function fileViolations({ file_data: data, file_id: id, file_url: url, filename }: Json, path: string): string[] {
  const found: string[] = [];
  if ([data, id, url].filter(isFilled).length !== 1)
    found.push(`${path} must have one of file_data, file_id, file_url`);
  if (isFilled(data) && !isFilled(filename)) found.push(`${path}.filename is missing`);
  if (isFilled(data) && !/^data:[^;,]+;base64,/.test(data)) found.push(`${path}.file_data is no data URL`);
  return found;
}

function outputViolations(output: unknown, path: string): string[] {
  if (typeof output === "string") return [];
  if (!Array.isArray(output)) return [`${path} is neither text nor list`];
  return output.flatMap((part, index) => contentViolations(objectOf(part), `${path}[${index}]`, "tool"));
}

function messageViolations(item: Json, path: string): string[] {
  const { role, content } = item;
  if (!["system", "developer", "user", "assistant"].includes(textOf(role))) return [`${path}.role is wrong`];
  if (typeof content === "string") return content === "" ? [`${path}.content is empty`] : [];
  if (!Array.isArray(content) || content.length === 0) return [`${path}.content is no list with parts`];
  const found = content.flatMap((part, index) =>
    contentViolations(objectOf(part), `${path}.content[${index}]`, textOf(role)),
  );
  if (role === "assistant" && (!isFilled(item["id"]) || item["status"] !== "completed"))
    found.push(`${path} is an answer without id and status`);
  return found;
}

function itemViolations(value: unknown, path: string): string[] {
  if (!isObject(value)) return [`${path} is no object`];
  const type = textOf(value["type"] ?? (isFilled(value["role"]) ? "message" : ""));
  const fields = itemFields[type];
  if (fields === undefined) return [`${path}.type is '${type}'`];
  const [required, optional] = fields;
  const found = Object.keys(value)
    .filter((field) => field !== "type" && !required.includes(field) && !optional.includes(field))
    .map((field) => `${path}.${field} is unknown`);
  for (const field of required) if (!(field in value)) found.push(`${path}.${field} is missing`);
  const prefix = idPrefixes[type];
  const { id, call_id: callId, name } = value;
  if (id !== undefined && prefix !== undefined && (!textOf(id).startsWith(prefix) || textOf(id).length > 64))
    found.push(`${path}.id is '${JSON.stringify(id)}'`);
  if (callId !== undefined && (!isFilled(callId) || callId.length > 64)) found.push(`${path}.call_id is wrong`);
  if (name !== undefined && !toolName.test(textOf(name))) found.push(`${path}.name is '${JSON.stringify(name)}'`);
  for (const field of ["arguments", "input"])
    if (field in value && typeof value[field] !== "string") found.push(`${path}.${field} is no text`);
  if (type === "message") found.push(...messageViolations(value, path));
  if ("output" in value) found.push(...outputViolations(value["output"], `${path}.output`));
  if (type === "reasoning" && !isFilled(value["encrypted_content"]) && list(value["content"]).length === 0)
    found.push(`${path} is reasoning that nobody keeps`);
  return found;
}

function isReasoning(item: unknown): boolean {
  return objectOf(item)["type"] === "reasoning";
}

/** Reasoning must lead to something of the model's; calls and outputs must pair. */
function orderViolations(items: readonly unknown[]): string[] {
  const found: string[] = [];
  const open = new Map<string, string>();
  const ids = new Set<string>();
  for (const [index, value] of items.entries()) {
    const item = objectOf(value);
    const type = textOf(item["type"]);
    const callId = textOf(item["call_id"]);
    const id = textOf(item["id"]);
    if (id !== "" && ids.has(id)) found.push(`input[${index}].id ${id} came twice`);
    ids.add(id);
    const next = objectOf(items[index + 1]);
    const isOfModel =
      ["function_call", "custom_tool_call", "reasoning", "image_generation_call"].includes(textOf(next["type"])) ||
      next["role"] === "assistant";
    if (isReasoning(item) && !isOfModel) found.push(`input[${index}] is reasoning without the item that follows it`);
    if (type === "function_call" || type === "custom_tool_call") {
      if (open.has(callId)) found.push(`input[${index}].call_id ${callId} came twice`);
      open.set(callId, type);
    }
    if (!type.endsWith("_output")) continue;
    if (open.get(callId) !== type.slice(0, -"_output".length)) found.push(`No tool call found for ${type} ${callId}`);
    open.delete(callId);
  }
  for (const callId of open.keys()) found.push(`No tool output found for call ${callId}`);
  return found;
}

function toolViolations(value: unknown, path: string): string[] {
  const tool = objectOf(value);
  const { type, name, strict, parameters, format } = tool;
  const fields: Readonly<Record<string, readonly string[]>> = {
    function: ["type", "name", "description", "parameters", "strict"],
    custom: ["type", "name", "description", "format"],
  };
  const known = fields[textOf(type)];
  if (known === undefined) return [`${path}.type is '${String(type)}'`];
  const found = Object.keys(tool)
    .filter((field) => !known.includes(field))
    .map((field) => `${path}.${field} is unknown`);
  if (!toolName.test(textOf(name))) found.push(`${path}.name is '${String(name)}'`);
  if (type === "function" && !(isObject(parameters) || parameters === null))
    found.push(`${path}.parameters is missing`);
  if (type === "function" && typeof strict !== "boolean" && strict !== null) found.push(`${path}.strict is missing`);
  if (format === undefined) return found;
  const { type: kind, syntax, definition } = objectOf(format);
  const isGrammar = kind === "grammar" && ["lark", "regex"].includes(textOf(syntax)) && isFilled(definition);
  if (kind !== "text" && !isGrammar) found.push(`${path}.format is wrong`);
  return found;
}

function choiceViolations(choice: unknown, tools: readonly unknown[]): string[] {
  if (tools.length === 0) return ["tool_choice without tools"];
  if (typeof choice === "string")
    return ["none", "auto", "required"].includes(choice) ? [] : [`tool_choice is '${choice}'`];
  const { type, mode, name, tools: allowed } = objectOf(choice);
  const isOffered = (wanted: unknown): boolean =>
    tools.some((tool) => {
      const offered = objectOf(tool);
      return offered["name"] === objectOf(wanted)["name"] && offered["type"] === objectOf(wanted)["type"];
    });
  if (type === "function" || type === "custom") return isOffered({ type, name }) ? [] : ["tool_choice names no tool"];
  if (type !== "allowed_tools") return ["tool_choice.type is wrong"];
  const found = mode === "auto" || mode === "required" ? [] : ["tool_choice.mode is wrong"];
  if (list(allowed).length === 0 || !list(allowed).every(isOffered)) found.push("tool_choice.tools names no tool");
  return found;
}

function textViolations(text: unknown): string[] {
  const { format, verbosity, ...rest } = objectOf(text);
  const found = Object.keys(rest).map((field) => `text.${field} is unknown`);
  if (verbosity !== undefined && !["low", "medium", "high"].includes(textOf(verbosity)))
    found.push("text.verbosity is wrong");
  if (format === undefined) return found;
  const { type, name, schema, strict, description, ...others } = objectOf(format);
  found.push(...Object.keys(others).map((field) => `text.format.${field} is unknown`));
  if (!["text", "json_object", "json_schema"].includes(textOf(type))) found.push("text.format.type is wrong");
  if (type === "json_schema" && (!toolName.test(textOf(name)) || !isObject(schema)))
    found.push("text.format has no name or schema");
  if (type !== "json_schema" && (name ?? schema ?? strict ?? description) !== undefined)
    found.push("text.format has too much");
  return found;
}

function isBetween(least: number, most: number): (value: unknown) => boolean {
  return (value) => typeof value === "number" && value >= least && value <= most;
}

function settingViolations(body: Json): string[] {
  const found: string[] = [];
  const check = (field: string, isRight: (value: unknown) => boolean): void => {
    if (body[field] !== undefined && !isRight(body[field])) found.push(`${field} is wrong`);
  };
  check("max_output_tokens", (value) => isBetween(16, Infinity)(value) && Number.isInteger(value));
  check("temperature", isBetween(0, 2));
  check("top_p", isBetween(0, 1));
  check("top_logprobs", isBetween(0, 20));
  check("stream", (value) => typeof value === "boolean");
  check("store", (value) => typeof value === "boolean");
  check("instructions", isFilled);
  check("prompt_cache_key", isFilled);
  check("parallel_tool_calls", (value) => typeof value === "boolean");
  check("safety_identifier", (value) => isFilled(value) && value.length <= 64);
  check("service_tier", (value) =>
    ["auto", "default", "flex", "priority", "scale", "fast", "ultrafast"].includes(textOf(value)),
  );
  check("truncation", (value) => value === "auto" || value === "disabled");
  check(
    "metadata",
    (value) =>
      isObject(value) && Object.values(value).every((entry) => typeof entry === "string" && entry.length <= 512),
  );
  const includes = ["reasoning.encrypted_content", "message.output_text.logprobs"];
  check("include", (value) => list(value).length > 0 && list(value).every((entry) => includes.includes(textOf(entry))));
  const { effort, summary, ...rest } = objectOf(body["reasoning"]);
  if (effort !== undefined && !["none", "minimal", "low", "medium", "high", "xhigh", "max"].includes(textOf(effort)))
    found.push("reasoning.effort is wrong");
  if (summary !== undefined && !["auto", "concise", "detailed"].includes(textOf(summary)))
    found.push("reasoning.summary is wrong");
  for (const field of Object.keys(rest))
    if (!["context", "mode"].includes(field)) found.push(`reasoning.${field} is unknown`);
  return found;
}

export function violationsOf({ method, path, body }: PlayedRequest): string[] {
  const found: string[] = [];
  if (method !== "POST" || !new URL(path, "http://upstream").pathname.endsWith("/responses"))
    found.push(`${method} ${path}`);
  if (!isObject(body)) return [...found, "the body is no object"];
  for (const field of Object.keys(body)) if (!bodyFields.has(field)) found.push(`${field} is unknown`);
  if (!isFilled(body["model"])) found.push("model is missing");
  const { input, tools, tool_choice: choice, text, include, store } = body;
  if (typeof input !== "string" && list(input).length === 0) found.push("input is empty");
  found.push(
    ...list(input).flatMap((item, index) => itemViolations(item, `input[${index}]`)),
    ...orderViolations(list(input)),
  );
  if (tools !== undefined && list(tools).length === 0) found.push("tools is empty");
  found.push(...list(tools).flatMap((tool, index) => toolViolations(tool, `tools[${index}]`)));
  if (new Set(list(tools).map((tool) => objectOf(tool)["name"])).size !== list(tools).length)
    found.push("a tool came twice");
  if (choice !== undefined) found.push(...choiceViolations(choice, list(tools)));
  if (body["parallel_tool_calls"] !== undefined && tools === undefined) found.push("parallel_tool_calls without tools");
  if (text !== undefined) found.push(...textViolations(text));
  if (objectOf(objectOf(text)["format"])["type"] === "json_object" && !/json/i.test(JSON.stringify(input)))
    found.push("json_object without the word in the input");
  if (list(input).some(isReasoning) && store === false && !list(include).includes("reasoning.encrypted_content"))
    found.push("encrypted reasoning is sent and not asked for");
  return [...found, ...settingViolations(body)];
}
