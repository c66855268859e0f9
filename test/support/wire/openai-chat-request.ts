import { isFilled, isObject, list, objectOf, textOf, type Json } from "./json.ts";
import type { PlayedRequest } from "./wire.ts";

/** What servers of OpenAI chat completions refuse in a request, by OpenAI's documentation and refusals. */

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isPositive: Check = (value) => Number.isInteger(value) && Number(value) > 0;
const isBoolean: Check = (value) => typeof value === "boolean";
const isText: Check = (value) => typeof value === "string";
const isBetween =
  (low: number, high: number): Check =>
  (value) =>
    isNumber(value) && Number(value) >= low && Number(value) <= high;
const isOneOf =
  (...words: unknown[]): Check =>
  (value) =>
    words.includes(value);
const isStop: Check = (value) =>
  isFilled(value) || (Array.isArray(value) && value.length > 0 && value.length <= 4 && value.every(isFilled));
const isBias: Check = (value) => isObject(value) && Object.values(value).every(isBetween(-100, 100));

const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/** Fields of OpenAI's, and those that most compatible servers take besides. */
const bodyChecks: Readonly<Record<string, Check>> = {
  model: isFilled,
  messages: Array.isArray,
  tools: (value) => Array.isArray(value) && value.length > 0,
  tool_choice: (value) => isOneOf("none", "auto", "required")(value) || isObject(value),
  functions: (value) => Array.isArray(value) && value.length > 0,
  function_call: (value) => isOneOf("none", "auto")(value) || isObject(value),
  parallel_tool_calls: isBoolean,
  response_format: isObject,
  max_tokens: isPositive,
  max_completion_tokens: isPositive,
  n: isPositive,
  stop: isStop,
  temperature: isBetween(0, 2),
  top_p: isBetween(0, 1),
  presence_penalty: isBetween(-2, 2),
  frequency_penalty: isBetween(-2, 2),
  logit_bias: isBias,
  logprobs: isBoolean,
  top_logprobs: isBetween(0, 20),
  seed: Number.isInteger,
  reasoning_effort: isOneOf(...efforts),
  verbosity: isOneOf("low", "medium", "high"),
  modalities: Array.isArray,
  audio: isObject,
  prediction: isObject,
  store: isBoolean,
  metadata: isObject,
  user: isText,
  safety_identifier: (value) => isText(value) && String(value).length <= 64,
  prompt_cache_key: isText,
  prompt_cache_options: isObject,
  prompt_cache_retention: isText,
  service_tier: isText,
  web_search_options: isObject,
  stream: isBoolean,
  stream_options: isObject,
  top_k: isNumber,
  min_p: isNumber,
  repetition_penalty: isNumber,
  reasoning: isObject,
  thinking: isObject,
  cache_control: isObject,
};

/** Fields of each role's messages, beside `role` and `content`. */
const messageFields: Readonly<Record<string, readonly string[]>> = {
  system: ["name"],
  developer: ["name"],
  user: ["name"],
  assistant: [
    "name",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
    "annotations",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
  ],
  tool: ["tool_call_id"],
  function: ["name"],
};

/** Kinds of content that each role's messages may hold. */
const contentTypes: Readonly<Record<string, readonly string[]>> = {
  system: ["text"],
  developer: ["text"],
  user: ["text", "image_url", "input_audio", "file"],
  assistant: ["text", "refusal"],
  tool: ["text"],
  function: [],
};

const partFields: Readonly<Record<string, string>> = {
  text: "text",
  refusal: "refusal",
  image_url: "image_url",
  input_audio: "input_audio",
  file: "file",
};

const cacheFields = ["cache_control", "prompt_cache_breakpoint"];
const imageUrl = /^(?:https?:\/\/\S+|data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2})$/;
const fileData = /^(?:https?:\/\/\S+|data:[a-z]+\/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]+={0,2})$/;

function unknownFields(value: Json, known: readonly string[], path: string): string[] {
  return Object.keys(value)
    .filter((field) => !known.includes(field))
    .map((field) => `${path}.${field} is unknown`);
}

function mediaViolations(type: string, value: unknown, path: string): string[] {
  if (type === "text" || type === "refusal") return isText(value) ? [] : [`${path} is no text`];
  if (!isObject(value)) return [`${path} is no object`];
  if (type === "image_url") {
    const found = unknownFields(value, ["url", "detail"], path);
    if (!imageUrl.test(textOf(value["url"]))) found.push(`${path}.url is '${textOf(value["url"]).slice(0, 40)}'`);
    if (value["detail"] !== undefined && !["auto", "low", "high", "original"].includes(textOf(value["detail"])))
      found.push(`${path}.detail is wrong`);
    return found;
  }
  if (type === "input_audio") {
    const found = unknownFields(value, ["data", "format"], path);
    return isFilled(value["data"]) && isFilled(value["format"]) ? found : [...found, `${path} is no sound`];
  }
  const found = unknownFields(value, ["file_data", "file_id", "filename"], path);
  const { file_data: data, file_id: id, filename } = value;
  if ((data === undefined) === (id === undefined)) found.push(`${path} needs file_data or file_id`);
  if (data !== undefined && (!fileData.test(textOf(data)) || !isFilled(filename)))
    found.push(`${path}.file_data is no file`);
  return found;
}

function partViolations(part: unknown, role: string, path: string): string[] {
  if (!isObject(part)) return [`${path} is no object`];
  const type = textOf(part["type"]);
  const field = partFields[type];
  if (field === undefined || contentTypes[role]?.includes(type) !== true)
    return [`${path}.type is '${type}' in a message of ${role}`];
  return [
    ...unknownFields(part, ["type", field, ...cacheFields], path),
    ...mediaViolations(type, part[field], `${path}.${field}`),
  ];
}

function contentViolations(message: Json, role: string, path: string): string[] {
  const { content } = message;
  if (typeof content === "string") return [];
  const isSilent =
    role === "assistant" &&
    ["tool_calls", "function_call", "refusal", "audio"].some((field) => message[field] !== undefined);
  if (content === null || content === undefined)
    return isSilent || (role === "function" && content === null) ? [] : [`${path}.content is missing`];
  if (!Array.isArray(content) || content.length === 0) return [`${path}.content is neither text nor parts`];
  return content.flatMap((part, index) => partViolations(part, role, `${path}.content[${index}]`));
}

const toolName = /^[a-zA-Z0-9_-]{1,64}$/;
const longestCallId = 64;

function callViolations(call: unknown, path: string): string[] {
  if (!isObject(call)) return [`${path} is no object`];
  const { id, type } = call;
  if (type !== "function" && type !== "custom") return [`${path}.type is '${textOf(type)}'`];
  const found = unknownFields(call, ["id", "type", type, "extra_content"], path);
  if (!isFilled(id) || id.length > longestCallId) found.push(`${path}.id is '${textOf(id)}'`);
  const field = type === "function" ? "arguments" : "input";
  const said = objectOf(call[type]);
  found.push(...unknownFields(said, ["name", field], `${path}.${type}`));
  if (!toolName.test(textOf(said["name"]))) found.push(`${path}.${type}.name is '${textOf(said["name"])}'`);
  if (!isText(said[field])) found.push(`${path}.${type}.${field} is no text`);
  return found;
}

function messageViolations(message: Json, path: string): string[] {
  const role = textOf(message["role"]);
  const fields = messageFields[role];
  if (fields === undefined) return [`${path}.role is '${role}'`];
  const found = unknownFields(message, ["role", "content", ...fields], path);
  found.push(...contentViolations(message, role, path));
  if (role === "tool" && !isFilled(message["tool_call_id"])) found.push(`${path}.tool_call_id is missing`);
  if (role === "function" && !isFilled(message["name"])) found.push(`${path}.name is missing`);
  const { tool_calls: calls } = message;
  if (calls === undefined) return found;
  if (!Array.isArray(calls) || calls.length === 0) return [...found, `${path}.tool_calls is no list of calls`];
  return [...found, ...calls.flatMap((call, index) => callViolations(call, `${path}.tool_calls[${index}]`))];
}

/** Every call must be answered by a message of its own before anybody else speaks. */
function orderViolations(messages: readonly Json[]): string[] {
  const found: string[] = [];
  let open = new Set<unknown>();
  for (const [index, { role, tool_call_id: id, tool_calls: calls }] of messages.entries()) {
    const path = `messages[${index}]`;
    if (role === "tool") {
      if (!open.delete(id)) found.push(`${path}: no call '${textOf(id)}' waits for a result`);
      continue;
    }
    if (open.size > 0) found.push(`${path}: calls without a result: ${[...open].join(", ")}`);
    const ids = list(calls).map((call) => objectOf(call)["id"]);
    open = new Set(ids);
    if (open.size < ids.length) found.push(`${path}: two calls have the same id`);
  }
  if (open.size > 0) found.push(`calls without a result at the end: ${[...open].join(", ")}`);
  return found;
}

function toolViolations(tool: unknown, path: string): string[] {
  if (!isObject(tool)) return [`${path} is no object`];
  const { type } = tool;
  if (type !== "function" && type !== "custom") return [`${path}.type is '${textOf(type)}'`];
  const said = objectOf(tool[type]);
  const fields =
    type === "function" ? ["name", "description", "parameters", "strict"] : ["name", "description", "format"];
  const found = [
    ...unknownFields(tool, ["type", type, ...cacheFields], path),
    ...unknownFields(said, fields, `${path}.${type}`),
  ];
  const { name, description, parameters, strict, format } = said;
  if (!toolName.test(textOf(name))) found.push(`${path}.${type}.name is '${textOf(name)}'`);
  if (description !== undefined && !isText(description)) found.push(`${path}.${type}.description is no text`);
  if (parameters !== undefined && !isObject(parameters)) found.push(`${path}.function.parameters is no object`);
  if (strict !== undefined && strict !== null && !isBoolean(strict))
    found.push(`${path}.function.strict is no boolean`);
  if (isObject(format) && format["type"] === "grammar" && !isObject(format["grammar"]))
    found.push(`${path}.custom.format.grammar is missing`);
  return found;
}

function namesIn(tools: unknown): string[] {
  return list(tools).map((tool) => {
    const fields = objectOf(tool);
    return textOf(objectOf(fields[textOf(fields["type"])])["name"]);
  });
}

function choiceViolations({ tools, tool_choice: choice }: Json): string[] {
  if (choice === undefined) return [];
  if (tools === undefined) return ["tool_choice is only allowed when tools are given"];
  if (!isObject(choice)) return [];
  const type = textOf(choice["type"]);
  const names = namesIn(tools);
  const entries = type === "allowed_tools" ? list(objectOf(choice["allowed_tools"])["tools"]) : [choice];
  if (entries.length === 0) return ["tool_choice.allowed_tools has no tools"];
  return namesIn(entries)
    .filter((name) => !names.includes(name))
    .map((name) => `tool_choice names '${name}', which is no tool`);
}

function formatViolations(format: unknown): string[] {
  if (format === undefined) return [];
  const { type, json_schema: schema, ...rest } = objectOf(format);
  if (Object.keys(rest).length > 0) return ["response_format has unknown fields"];
  if (type === "text" || type === "json_object") return schema === undefined ? [] : ["response_format.json_schema"];
  if (type !== "json_schema") return [`response_format.type is '${textOf(type)}'`];
  const said = objectOf(schema);
  const found = unknownFields(said, ["name", "description", "schema", "strict"], "response_format.json_schema");
  if (!toolName.test(textOf(said["name"]))) found.push("response_format.json_schema.name is wrong");
  if (said["schema"] !== undefined && !isObject(said["schema"]))
    found.push("response_format.json_schema.schema is wrong");
  return found;
}

function ruleViolations(body: Json): string[] {
  const found: string[] = [];
  if (body["max_tokens"] !== undefined && body["max_completion_tokens"] !== undefined)
    found.push("max_tokens and max_completion_tokens together");
  if (body["parallel_tool_calls"] !== undefined && body["tools"] === undefined)
    found.push("parallel_tool_calls is only allowed when tools are given");
  if (body["stream_options"] !== undefined && body["stream"] !== true)
    found.push("stream_options is only allowed when stream is true");
  if (body["top_logprobs"] !== undefined && body["logprobs"] !== true)
    found.push("top_logprobs is only allowed with logprobs");
  const { format, messages } = {
    format: objectOf(body["response_format"]),
    messages: JSON.stringify(body["messages"]),
  };
  if (format["type"] === "json_object" && !/json/i.test(messages))
    found.push("'messages' must contain the word 'json' in some form");
  const names = namesIn(body["tools"]);
  if (new Set(names).size < names.length) found.push("two tools have the same name");
  return found;
}

export function violationsOf({ method, path, headers, body }: PlayedRequest): string[] {
  if (!isObject(body)) return ["the body is no object"];
  const found: string[] = [];
  if (method !== "POST") found.push(`method ${method}`);
  if (!/\/chat\/completions(?:\?|$)/.test(path)) found.push(`path ${path}`);
  if (headers.get("content-type")?.includes("application/json") !== true) found.push("content-type must be JSON");
  for (const [field, value] of Object.entries(body)) {
    const check = bodyChecks[field];
    if (check === undefined) found.push(`${field} is unknown`);
    else if (!check(value)) found.push(`${field} is ${JSON.stringify(value)?.slice(0, 60)}`);
  }
  const messages = list(body["messages"]).map(objectOf);
  if (messages.length === 0) found.push("messages is empty");
  if (!("model" in body)) found.push("model is missing");
  return [
    ...found,
    ...messages.flatMap((message, index) => messageViolations(message, `messages[${index}]`)),
    ...orderViolations(messages),
    ...list(body["tools"]).flatMap((tool, index) => toolViolations(tool, `tools[${index}]`)),
    ...choiceViolations(body),
    ...formatViolations(body["response_format"]),
    ...ruleViolations(body),
  ];
}
