import { isObject, list, objectOf, type Json } from "./json.ts";
import type { PlayedAnswer, PlayedRequest, Script, ScriptPart, WireProtocol } from "./wire.ts";

/** Ollama's /api/chat as its types in Go and its documentation have it; what generate shares stands here too. */

// ---------------------------------------------------------------------------------------------------------------------
// What Ollama refuses, or would not understand

const optionTypes: Readonly<Record<string, "integer" | "number" | "boolean" | "texts">> = {
  num_predict: "integer",
  num_ctx: "integer",
  num_keep: "integer",
  num_batch: "integer",
  num_gpu: "integer",
  main_gpu: "integer",
  num_thread: "integer",
  use_mmap: "boolean",
  seed: "integer",
  top_k: "integer",
  top_p: "number",
  min_p: "number",
  typical_p: "number",
  repeat_last_n: "integer",
  temperature: "number",
  repeat_penalty: "number",
  presence_penalty: "number",
  frequency_penalty: "number",
  stop: "texts",
};

const isOfType: Readonly<Record<string, (value: unknown) => boolean>> = {
  integer: Number.isInteger,
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  texts: (value) => Array.isArray(value) && value.every((text) => typeof text === "string"),
};

function optionViolations(options: unknown): string[] {
  if (options === undefined) return [];
  if (!isObject(options)) return ["options is no object"];
  return Object.entries(options).flatMap(([key, value]) => {
    const type = optionTypes[key];
    if (type === undefined) return [`invalid option provided: ${key}`];
    return isOfType[type]?.(value) === true ? [] : [`option "${key}" must be of type ${type}`];
  });
}

const rawBase64 = /^[A-Za-z0-9+/]+={0,2}$/;

export function imageViolations(images: unknown, at: string): string[] {
  if (images === undefined) return [];
  if (!Array.isArray(images) || images.length === 0) return [`${at} is no list of pictures`];
  return images.flatMap((image: unknown, index) =>
    typeof image === "string" && rawBase64.test(image) && image.length % 4 === 0
      ? []
      : [`${at}[${index}]: illegal base64 data`],
  );
}

/** What chat and generate have in common. */
export function sharedViolations({ body, method, headers }: PlayedRequest, fields: readonly string[]): string[] {
  if (!isObject(body)) return ["the body is no object"];
  const found = [...optionViolations(body["options"])];
  if (method !== "POST") found.push(`method ${method}`);
  if (headers.get("content-type")?.includes("application/json") !== true) found.push("content-type must be JSON");
  const known = new Set([...sharedFields, ...fields]);
  for (const key of Object.keys(body)) if (!known.has(key)) found.push(`unknown field ${key}`);
  const { model, stream, format, think, logprobs, top_logprobs: top } = body;
  if (typeof model !== "string" || model === "") found.push("model is required");
  if (stream !== undefined && typeof stream !== "boolean") found.push("stream is no boolean");
  if (format !== undefined && format !== "json" && !isObject(format))
    found.push('format: expected "json" or a JSON schema');
  if (think !== undefined && !thinkValues.includes(think)) found.push(`invalid think value: ${JSON.stringify(think)}`);
  if (logprobs !== undefined && typeof logprobs !== "boolean") found.push("logprobs is no boolean");
  if (top !== undefined && (!Number.isInteger(top) || Number(top) < 0 || Number(top) > 20))
    found.push("top_logprobs must be between 0 and 20");
  return found;
}

const sharedFields = ["model", "stream", "format", "options", "think", "keep_alive", "logprobs", "top_logprobs"];
const thinkValues: readonly unknown[] = [true, false, "low", "medium", "high", "max"];

const messageFields = new Set(["role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"]);

function callViolations(call: Json, at: string): string[] {
  const { id, function: called, ...rest } = call;
  const { name, arguments: input, index, ...others } = objectOf(called);
  const found = [...Object.keys(rest), ...Object.keys(others)].map((key) => `${at}: unknown field ${key}`);
  if (typeof id !== "string" || id === "") found.push(`${at}: no id`);
  if (typeof name !== "string" || name === "") found.push(`${at}: no name`);
  if (!isObject(input)) found.push(`${at}: cannot unmarshal arguments into an object`);
  if (index !== undefined && !Number.isInteger(index)) found.push(`${at}: index is no integer`);
  return found;
}

function messageViolations(message: Json, at: string): string[] {
  const { role, content, thinking, tool_calls: calls, tool_name: name, tool_call_id: id } = message;
  const found = Object.keys(message)
    .filter((key) => !messageFields.has(key))
    .map((key) => `${at}: unknown field ${key}`);
  if (!["system", "user", "assistant", "tool"].includes(String(role))) found.push(`${at}: role ${String(role)}`);
  if (typeof content !== "string") found.push(`${at}: cannot unmarshal content into a string`);
  if (thinking !== undefined && (typeof thinking !== "string" || role !== "assistant")) found.push(`${at}: thinking`);
  if (calls !== undefined && (role !== "assistant" || list(calls).length === 0)) found.push(`${at}: tool_calls`);
  if (role !== "tool" && (name !== undefined || id !== undefined))
    found.push(`${at}: a tool's name outside of a result`);
  found.push(...imageViolations(message["images"], `${at}.images`));
  for (const [index, call] of list(calls).entries())
    found.push(...callViolations(objectOf(call), `${at}.tool_calls[${index}]`));
  return found;
}

/** Each result must answer a call of the assistant's message before it, by id and by name. */
function orderViolations(messages: readonly Json[]): string[] {
  const found: string[] = [];
  const seen = new Set<unknown>();
  let open = new Map<unknown, unknown>();
  for (const [index, { role, tool_calls: calls, tool_call_id: id, tool_name: name }] of messages.entries()) {
    if (role === "tool") {
      if (!open.has(id)) found.push(`messages[${index}]: no call ${String(id)} waits for a result`);
      else if (open.get(id) !== name) found.push(`messages[${index}]: ${String(id)} is no call of ${String(name)}`);
      open.delete(id);
      continue;
    }
    open = new Map();
    for (const call of list(calls).map(objectOf)) {
      if (seen.has(call["id"])) found.push(`messages[${index}]: two calls ${String(call["id"])}`);
      seen.add(call["id"]);
      open.set(call["id"], objectOf(call["function"])["name"]);
    }
  }
  return found;
}

function toolViolations(tools: unknown): string[] {
  if (tools === undefined) return [];
  if (!Array.isArray(tools) || tools.length === 0) return ["tools is no list of tools"];
  return tools.map(objectOf).flatMap((tool, index) => {
    const { name, parameters, description, ...rest } = objectOf(tool["function"]);
    const found = Object.keys(rest).map((key) => `tools[${index}]: unknown field ${key}`);
    if (tool["type"] !== "function") found.push(`tools[${index}]: type ${String(tool["type"])}`);
    if (typeof name !== "string" || name === "") found.push(`tools[${index}]: no name`);
    if (description !== undefined && typeof description !== "string") found.push(`tools[${index}]: description`);
    if (!isObject(parameters) || parameters["type"] === undefined) found.push(`tools[${index}]: parameters`);
    return found;
  });
}

function violationsOf(request: PlayedRequest): string[] {
  const { messages, tools } = objectOf(request.body);
  const found = sharedViolations(request, ["messages", "tools", "truncate", "shift"]);
  if (!request.path.startsWith("/api/chat")) found.push(`path ${request.path}`);
  if (!Array.isArray(messages) || messages.length === 0) return [...found, "messages is no list of messages"];
  const all = messages.map(objectOf);
  return [
    ...found,
    ...all.flatMap((message, index) => messageViolations(message, `messages[${index}]`)),
    ...orderViolations(all),
    ...toolViolations(tools),
  ];
}

export function wantsStream({ body }: PlayedRequest): boolean {
  return objectOf(body)["stream"] !== false;
}

// ---------------------------------------------------------------------------------------------------------------------
// What it answers

export const lineType = "application/x-ndjson";
export const wholeType = "application/json; charset=utf-8";

export function headOf({ model }: Script): Json {
  return { model, created_at: "2026-11-20T10:15:30.123456789Z" };
}

export function endOf({ finish, usage }: Script): Json {
  return {
    done: true,
    done_reason: finish === "length" ? "length" : "stop",
    total_duration: 5_191_566_416,
    load_duration: 2_154_458,
    prompt_eval_count: usage.input + usage.cacheRead + usage.cacheWrite,
    prompt_eval_duration: 383_809_000,
    eval_count: usage.output + usage.reasoning,
    eval_duration: 4_799_921_000,
  };
}

/** A text in pieces of a few characters, never in the middle of one. */
export function piecesOf(text: string): string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += 7) pieces.push(characters.slice(at, at + 7).join(""));
  return pieces;
}

/** Ollama gives each call of an answer the index 0. */
function callOf(part: Extract<ScriptPart, { type: "tool_call" }>): Json {
  const input: unknown = part.input === "" ? {} : JSON.parse(part.input);
  return { id: part.id, function: { index: 0, name: part.name, arguments: input } };
}

function saidBy(part: ScriptPart): Json[] {
  if (part.type === "text") return piecesOf(part.text).map((content) => ({ content }));
  if (part.type === "reasoning") return piecesOf(part.text).map((thinking) => ({ content: "", thinking }));
  return [{ content: "", tool_calls: [callOf(part)] }];
}

export function textOf(script: Script, type: "text" | "reasoning"): string {
  return script.parts.map((part) => (part.type === type ? part.text : "")).join("");
}

function whole(script: Script): { contentType: string; body: string } {
  const thinking = textOf(script, "reasoning");
  const calls = script.parts.flatMap((part) => (part.type === "tool_call" ? [callOf(part)] : []));
  const message = {
    role: "assistant",
    content: textOf(script, "text"),
    ...(thinking === "" ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return { contentType: wholeType, body: JSON.stringify({ ...headOf(script), message, ...endOf(script) }) };
}

function stream(script: Script): { contentType: string; events: string[] } {
  const head = headOf(script);
  const lines = script.parts
    .flatMap(saidBy)
    .map((said) => ({ ...head, message: { role: "assistant", ...said }, done: false }));
  const last = { ...head, message: { role: "assistant", content: "" }, ...endOf(script) };
  return { contentType: lineType, events: [...lines, last].map((line) => `${JSON.stringify(line)}\n`) };
}

export function refusal(_status: number, message: string): { contentType: string; body: string } {
  return { contentType: wholeType, body: JSON.stringify({ error: message }) };
}

export function failureInStream(message: string): string {
  return `${JSON.stringify({ error: message })}\n`;
}

// ---------------------------------------------------------------------------------------------------------------------
// What a client of it relies on

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function linesOf(answer: string): Json[] {
  return answer
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => objectOf(JSON.parse(line)));
}

function endProblems(line: Json, at: string): string[] {
  const found: string[] = [];
  if (!["stop", "length", "load", "unload"].includes(String(line["done_reason"]))) found.push(`${at}: done_reason`);
  for (const key of ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"])
    if (!Number.isSafeInteger(line[key]) || Number(line[key]) < 0) found.push(`${at}: ${key} is no nanoseconds`);
  for (const key of ["prompt_eval_count", "eval_count"])
    if (line[key] !== undefined && !Number.isSafeInteger(line[key])) found.push(`${at}: ${key} is no count`);
  return found;
}

/** What is wrong with a stream of lines; `saidProblems` looks at what each one says. */
export function lineProblems(stream: string, saidProblems: (line: Json, at: string) => string[]): string[] {
  if (!stream.endsWith("\n")) return ["the last line is not ended"];
  const found: string[] = [];
  const raw = stream.slice(0, -1).split("\n");
  let model: unknown;
  for (const [index, text] of raw.entries()) {
    const at = `line ${index + 1}`;
    const isLast = index === raw.length - 1;
    let line: Json;
    try {
      line = objectOf(JSON.parse(text));
    } catch {
      found.push(`${at}: no JSON`);
      continue;
    }
    if ("error" in line) {
      if (typeof line["error"] !== "string") found.push(`${at}: error is no text`);
      if (!isLast) found.push(`${at}: something follows an error`);
      continue;
    }
    model ??= line["model"];
    if (typeof line["model"] !== "string" || line["model"] === "") found.push(`${at}: no model`);
    if (line["model"] !== model) found.push(`${at}: another model`);
    if (!rfc3339.test(String(line["created_at"]))) found.push(`${at}: created_at`);
    if (line["done"] !== isLast) found.push(`${at}: done is ${String(line["done"])}`);
    if (line["done"] === true) found.push(...endProblems(line, at));
    found.push(...saidProblems(line, at));
  }
  return found;
}

function createMessageProblems(): (line: Json, at: string) => string[] {
  let calls = 0;
  const ids = new Set<unknown>();
  return ({ message }, at) => {
    const { role, content, thinking, tool_calls: made } = objectOf(message);
    const found: string[] = [];
    if (role !== "assistant") found.push(`${at}: role ${String(role)}`);
    if (typeof content !== "string") found.push(`${at}: content is no text`);
    if (thinking !== undefined && typeof thinking !== "string") found.push(`${at}: thinking is no text`);
    for (const call of list(made).map(objectOf)) {
      const called = objectOf(call["function"]);
      if (typeof call["id"] !== "string" || ids.has(call["id"])) found.push(`${at}: call without an id of its own`);
      ids.add(call["id"]);
      if (called["index"] !== calls) found.push(`${at}: call with index ${String(called["index"])}`);
      calls += 1;
      if (typeof called["name"] !== "string" || called["name"] === "") found.push(`${at}: call without a name`);
      if (!isObject(called["arguments"])) found.push(`${at}: arguments are no object`);
    }
    return found;
  };
}

/** Lines or one answer: what they say together, read from `saidIn`. */
export function gather(answer: string, read: (line: Json) => { text: unknown; said: Json }): PlayedAnswer {
  const played: PlayedAnswer = { text: "", reasoning: "", calls: [], finish: undefined, usage: undefined };
  for (const line of linesOf(answer)) {
    const { text, said } = read(line);
    if (typeof text === "string") played.text += text;
    if (typeof said["thinking"] === "string") played.reasoning += said["thinking"];
    for (const call of list(said["tool_calls"]).map((entry) => objectOf(objectOf(entry)["function"])))
      played.calls.push({ name: String(call["name"]), input: call["arguments"] });
    if (line["done"] !== true) continue;
    played.finish = String(line["done_reason"]);
    const { prompt_eval_count: prompt, eval_count: output } = line;
    played.usage = { prompt_eval_count: prompt, eval_count: output };
  }
  return played;
}

export const ollamaChatWire: WireProtocol = {
  id: "ollama-chat",
  violationsOf,
  wantsStream,
  whole,
  stream,
  refusal,
  failureInStream,
  problemsOf: (text) => lineProblems(text, createMessageProblems()),
  contentOf: (answer) =>
    gather(answer, ({ message }) => ({ text: objectOf(message)["content"], said: objectOf(message) })),
};
