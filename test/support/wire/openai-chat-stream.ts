import { isFilled, isObject, list, objectOf, textOf, type Json } from "./json.ts";

/** The rules a stream of chat completion chunks must keep for every client at once; at least those of openai-node 7. */

/** The `data:` of all events; problems with what else is in the text. */
export function dataIn(stream: string): { data: string[]; problems: string[] } {
  const problems: string[] = [];
  const data: string[] = [];
  const blocks = stream.split(/\r\n\r\n|\n\n|\r\r/);
  if (blocks.pop() !== "") problems.push("the stream does not end with a blank line");
  for (const block of blocks) {
    const lines = block.split(/\r\n|\n|\r/).filter((line) => !line.startsWith(":") && line !== "");
    const strange = lines.find((line) => !line.startsWith("data:"));
    if (strange !== undefined) problems.push(`a line that is no data: ${strange.slice(0, 60)}`);
    if (lines.length > 0) data.push(lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n"));
  }
  return { data, problems };
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const finishes: readonly unknown[] = ["stop", "length", "tool_calls", "content_filter", "function_call", "error"];

interface SeenCall {
  id: string;
  name: string;
  type: "function" | "custom";
  input: string;
}

const mostCalls = 128;
const knownDelta = new Set([
  "role",
  "content",
  "refusal",
  "reasoning",
  "reasoning_content",
  "reasoning_details",
  "cot_id",
  "tool_calls",
  "function_call",
  "images",
]);
const textFields = ["content", "refusal", "reasoning", "reasoning_content", "cot_id"] as const;

class StreamChecker {
  readonly problems: string[] = [];
  readonly calls: SeenCall[] = [];
  #head: Json | undefined;
  #hasRole = false;
  #finish: unknown;
  #hasUsage = false;
  #hasError = false;
  #legacy: string | undefined;

  check(data: readonly string[]): string[] {
    const last = data.at(-1);
    if (last !== "[DONE]") this.#wrong(`the last event is not [DONE] but ${last?.slice(0, 80)}`);
    for (const [index, text] of data.entries()) {
      if (text === "[DONE]") {
        if (index < data.length - 1) this.#wrong("events behind [DONE]");
        continue;
      }
      const value = parsed(text);
      if (isObject(value)) this.#chunk(value);
      else this.#wrong(`no JSON object: ${text.slice(0, 80)}`);
    }
    this.#end();
    return this.problems;
  }

  #wrong(problem: string): void {
    if (this.problems.length < 20) this.problems.push(problem);
  }

  #chunk(chunk: Json): void {
    if (this.#hasError) this.#wrong("a chunk behind the error");
    if ("error" in chunk) return this.#error(chunk["error"]);
    this.#checkHead(chunk);
    const { choices } = chunk;
    if (!Array.isArray(choices)) return this.#wrong("a chunk without choices");
    if (choices.length === 0) return this.#usageChunk(chunk);
    if (choices.length > 1) this.#wrong("more than one choice");
    this.#choice(objectOf(choices[0]));
  }

  #checkHead({ id, object, created, model }: Json): void {
    const head = { id, object, created, model };
    if (this.#head === undefined) {
      this.#head = head;
      if (!isFilled(id)) this.#wrong("no id");
      if (object !== "chat.completion.chunk") this.#wrong(`object is ${textOf(object)}`);
      if (!Number.isInteger(created) || Number(created) > 1e11) this.#wrong("created is no time in seconds");
      if (!isFilled(model)) this.#wrong("no model");
      return;
    }
    for (const [field, value] of Object.entries(head))
      if (this.#head[field] !== value) this.#wrong(`${field} has changed`);
  }

  #error(error: unknown): void {
    this.#hasError = true;
    const { message, type } = objectOf(error);
    if (!isFilled(message) || !isFilled(type)) this.#wrong("an error without message and type");
    for (const field of ["code", "param"]) if (!(field in objectOf(error))) this.#wrong(`an error without ${field}`);
    if (this.#finish !== "error") this.#wrong("an error without a chunk before it whose finish_reason is error");
  }

  #usageChunk({ usage }: Json): void {
    if (this.#finish === undefined) this.#wrong("the usage chunk comes before the finish_reason");
    if (this.#hasUsage) this.#wrong("a second usage chunk");
    this.#hasUsage = true;
    if (!isObject(usage)) return this.#wrong("a chunk without choices and without usage");
    const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = usage;
    if (![input, output, total].every((count) => Number.isInteger(count) && Number(count) >= 0))
      this.#wrong("usage without its three totals");
    if (Number(input) + Number(output) !== Number(total)) this.#wrong("the total is not the sum");
  }

  #choice({ index, delta, finish_reason: finish }: Json): void {
    if (index !== 0) this.#wrong("the choice's index is not 0");
    if (finish === undefined) this.#wrong("no finish_reason, not even null");
    if (this.#finish !== undefined) this.#wrong("a choice behind the finish_reason");
    if (!isObject(delta)) return this.#wrong("a choice without delta");
    this.#delta(delta);
    if (finish === null || finish === undefined) return;
    if (!finishes.includes(finish)) this.#wrong(`finish_reason is ${JSON.stringify(finish)}`);
    if (Object.keys(delta).length > 0 && finish !== "error") this.#wrong("the last choice has a delta");
    this.#finish = finish;
  }

  #delta(delta: Json): void {
    if (!this.#hasRole) {
      if (delta["role"] !== "assistant" || delta["content"] !== "")
        this.#wrong("the first delta is not role and an empty content");
      this.#hasRole = true;
    } else if ("role" in delta && delta["role"] !== "assistant") this.#wrong("another role");
    for (const field of Object.keys(delta)) if (!knownDelta.has(field)) this.#wrong(`delta.${field} is unknown`);
    for (const field of textFields) {
      const value = delta[field];
      if (value !== undefined && value !== null && typeof value !== "string") this.#wrong(`delta.${field} is no text`);
    }
    if (delta["tool_calls"] !== undefined) this.#calling(delta["tool_calls"]);
    if (delta["function_call"] !== undefined) this.#legacyCall(objectOf(delta["function_call"]));
  }

  #calling(deltas: unknown): void {
    if (!Array.isArray(deltas) || deltas.length === 0) return this.#wrong("tool_calls is no list of calls");
    for (const delta of deltas) this.#call(objectOf(delta));
  }

  #call(delta: Json): void {
    const { index, id, type } = delta;
    if (!Number.isSafeInteger(index) || Number(index) < 0 || Number(index) >= mostCalls)
      return this.#wrong(`a call's index is ${JSON.stringify(index)}`);
    const known = this.calls[Number(index)];
    const kind = known?.type ?? (type === "custom" ? "custom" : "function");
    const said = objectOf(delta[kind]);
    const piece = said[kind === "custom" ? "input" : "arguments"];
    if (piece !== undefined && typeof piece !== "string") this.#wrong("a call's input is no text");
    if (known === undefined) {
      if (index !== this.calls.length) this.#wrong(`call ${String(index)} begins behind ${this.calls.length} calls`);
      if (!isFilled(id)) this.#wrong("a call begins without id");
      if (this.calls.some((call) => call.id === id)) this.#wrong("two calls have the same id");
      if (type !== "function" && type !== "custom") this.#wrong(`a call's type is ${JSON.stringify(type)}`);
      if (!isFilled(said["name"])) this.#wrong("a call begins without name");
      this.calls.push({ id: textOf(id), name: textOf(said["name"]), type: kind, input: textOf(piece) });
      return;
    }
    if (index !== this.calls.length - 1) this.#wrong(`call ${String(index)} goes on behind another`);
    if (id !== undefined && id !== known.id) this.#wrong("a call's id has changed");
    if (said["name"] !== undefined && said["name"] !== known.name) this.#wrong("a call's name has changed");
    if (type !== undefined && type !== known.type) this.#wrong("a call's type has changed");
    known.input += textOf(piece);
  }

  #legacyCall({ name, arguments: input }: Json): void {
    if (this.#legacy === undefined && !isFilled(name)) this.#wrong("a function call begins without name");
    if (this.#legacy !== undefined && name !== undefined) this.#wrong("a function call is named twice");
    this.#legacy = (this.#legacy ?? "") + textOf(input);
  }

  #end(): void {
    if (this.#finish === undefined) this.#wrong("no finish_reason");
    if (this.#finish === "error") {
      if (!this.#hasError) this.#wrong("finish_reason is error, and no error follows");
      return;
    }
    const isCut = this.#finish === "length" || this.#finish === "content_filter";
    if (isCut) return;
    for (const { type, input } of this.calls)
      if (type === "function" && !isObject(parsed(input)))
        this.#wrong(`arguments are no JSON object: ${input.slice(0, 60)}`);
    if (this.#legacy !== undefined && !isObject(parsed(this.#legacy))) this.#wrong("arguments are no JSON object");
    const expected = this.calls.length > 0 ? "tool_calls" : this.#legacy === undefined ? "stop" : "function_call";
    if (this.#finish !== expected) this.#wrong(`finish_reason is ${textOf(this.#finish)} instead of ${expected}`);
  }
}

export function problemsOf(stream: string): string[] {
  const { data, problems } = dataIn(stream);
  return [...problems, ...new StreamChecker().check(data)];
}

/** Everything that a client puts together out of chunks. */
export function messageOfChunks(chunks: readonly Json[]): { message: Json; finish: unknown; usage: unknown } {
  const message: Json = { content: "", reasoning: "" };
  const calls: { function: Json; custom: Json; type: unknown }[] = [];
  let finish: unknown;
  let usage: unknown;
  for (const chunk of chunks) {
    usage = chunk["usage"] ?? usage;
    for (const choice of list(chunk["choices"]).map(objectOf)) {
      const delta = objectOf(choice["delta"]);
      finish = choice["finish_reason"] ?? finish;
      message["content"] = textOf(message["content"]) + textOf(delta["content"]);
      message["reasoning"] = textOf(message["reasoning"]) + textOf(delta["reasoning_content"] ?? delta["reasoning"]);
      for (const call of list(delta["tool_calls"]).map(objectOf)) addCall(calls, call);
    }
  }
  message["tool_calls"] = calls;
  return { message, finish, usage };
}

function addCall(calls: { function: Json; custom: Json; type: unknown }[], delta: Json): void {
  const index = Number(delta["index"]);
  const call = (calls[index] ??= { type: delta["type"], function: { arguments: "" }, custom: { input: "" } });
  for (const kind of ["function", "custom"] as const) {
    for (const [field, value] of Object.entries(objectOf(delta[kind])))
      call[kind][field] = field === "name" ? value : textOf(call[kind][field]) + textOf(value);
  }
}
