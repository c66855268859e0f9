import { isFilled, isObject, list, objectOf, textOf, type Json } from "./json.ts";
import { idPrefixes, isSame, responseOf } from "./openai-responses-words.ts";

/** What is wrong with what a Responses client got: its SDK's types, recorded streams, Open Responses. */

const requiredMembers = Object.keys(responseOf({ id: "", model: "" }));

function isNullOr(isRight: (value: unknown) => boolean) {
  return (value: unknown) => value === null || isRight(value);
}

const isNumber = (value: unknown): boolean => typeof value === "number";
const isText = (value: unknown): boolean => typeof value === "string";
const isFlag = (value: unknown): boolean => typeof value === "boolean";

const memberTypes: Readonly<Record<string, (value: unknown) => boolean>> = {
  id: isFilled,
  created_at: Number.isInteger,
  completed_at: isNullOr(Number.isInteger),
  model: isFilled,
  output: Array.isArray,
  tools: Array.isArray,
  error: isNullOr(isObject),
  incomplete_details: isNullOr(isObject),
  instructions: isNullOr((value) => isText(value) || Array.isArray(value)),
  max_output_tokens: isNullOr(isNumber),
  max_tool_calls: isNullOr(isNumber),
  metadata: isObject,
  parallel_tool_calls: isFlag,
  background: isFlag,
  store: isFlag,
  presence_penalty: isNumber,
  frequency_penalty: isNumber,
  temperature: isNumber,
  top_p: isNumber,
  top_logprobs: isNumber,
  previous_response_id: isNullOr(isText),
  prompt_cache_key: isNullOr(isText),
  safety_identifier: isNullOr(isText),
  user: isNullOr(isText),
  service_tier: isText,
  truncation: (value) => value === "auto" || value === "disabled",
  reasoning: isNullOr(isObject),
  text: (value) => isObject(objectOf(value)["format"]),
  tool_choice: (value) => isText(value) || isObject(value),
  usage: isNullOr(isObject),
};

function usageProblems(usage: Json): string[] {
  const { input_tokens: input, output_tokens: output, total_tokens: total } = usage;
  const details = [
    objectOf(usage["input_tokens_details"])["cached_tokens"],
    objectOf(usage["output_tokens_details"])["reasoning_tokens"],
  ];
  const found = [input, output, total, ...details].every(Number.isInteger) ? [] : ["usage has no five numbers"];
  if (Number(input) + Number(output) !== total) found.push("usage.total_tokens is no sum");
  if (Number(details[0]) > Number(input) || Number(details[1]) > Number(output))
    found.push("usage's parts are more than the whole");
  return found;
}

/** What is wrong with a response object, in a stream or as a whole answer. */
export function responseProblems(response: Json): string[] {
  const found = requiredMembers
    .filter((member) => !(member in response))
    .map((member) => `response.${member} is missing`);
  for (const [member, isRight] of Object.entries(memberTypes))
    if (member in response && !isRight(response[member]))
      found.push(`response.${member} is ${JSON.stringify(response[member])}`);
  if (response["object"] !== "response") found.push("response.object is wrong");
  if (!textOf(response["id"]).startsWith("resp_")) found.push("response.id does not begin with resp_");
  const { status, error, incomplete_details: details } = response;
  if ((status === "failed") !== isObject(error))
    found.push(`status ${String(status)} with error ${JSON.stringify(error)}`);
  if (isObject(error) && !(isFilled(error["code"]) && isFilled(error["message"])))
    found.push("response.error lacks code or message");
  if ((status === "incomplete") !== isObject(details)) found.push(`status ${String(status)} with incomplete_details`);
  if ((status === "completed") !== Number.isInteger(response["completed_at"]))
    found.push(`status ${String(status)} with completed_at`);
  if (isObject(response["usage"])) found.push(...usageProblems(response["usage"]));
  const ids = list(response["output"]).map((item) => objectOf(item)["id"]);
  if (!ids.every(isFilled) || new Set(ids).size !== ids.length) found.push("items of the output lack ids of their own");
  return found;
}

interface Event {
  type: string;
  fields: Json;
}

/** The events of a stream; comments are no events. */
export function eventsOf(stream: string, problems: string[]): Event[] {
  if (stream !== "" && !stream.endsWith("\n\n")) problems.push("the stream ends within an event");
  return stream
    .split("\n\n")
    .filter((text) => text.split("\n").some((line) => line !== "" && !line.startsWith(":")))
    .flatMap((text) => {
      const match = /^event: ([^\n]+)\ndata: ([^\n]+)$/.exec(text);
      if (match === null) {
        problems.push(`no event: ${JSON.stringify(text.slice(0, 200))}`);
        return [];
      }
      try {
        const fields: unknown = JSON.parse(match[2] ?? "");
        if (isObject(fields) && fields["type"] === match[1]) return [{ type: match[1] ?? "", fields }];
        problems.push(`the event ${match[1]} says that it is ${String(objectOf(fields)["type"])}`);
      } catch {
        problems.push(`broken JSON in ${match[1]}`);
      }
      return [];
    });
}

/** Follows one stream and notes what is out of order. */
class Follower {
  readonly problems: string[] = [];
  private number = 0;
  private responseId: unknown;
  private readonly done: unknown[] = [];
  private item: Json | undefined;
  /** Pieces of the open item, by kind and position. */
  private readonly told = new Map<string, string>();
  private openPart: string | undefined;
  private readonly contents: Json[] = [];
  private readonly annotations: unknown[] = [];
  private summaries = 0;
  private wasError = false;
  private isEnded = false;
  private steps = 0;

  private say(problem: string): void {
    this.problems.push(`#${this.steps - 1}: ${problem}`);
  }

  take({ type, fields }: Event): void {
    this.steps += 1;
    if (this.isEnded) this.say(`${type} behind the end`);
    if (fields["sequence_number"] !== this.number)
      this.say(`sequence_number ${String(fields["sequence_number"])}, not ${this.number}`);
    this.number += 1;
    if (this.steps === 1 && type !== "response.created") this.say(`begins with ${type}`);
    if (this.wasError && type !== "response.failed") this.say(`${type} behind an error`);
    if (isObject(fields["response"])) this.takeResponse(type, fields["response"]);
    else this.takeEvent(type, fields);
  }

  private takeResponse(type: string, response: Json): void {
    for (const problem of responseProblems(response)) this.say(`${type}: ${problem}`);
    this.responseId ??= response["id"];
    if (response["id"] !== this.responseId) this.say("the response changes its id");
    switch (type) {
      case "response.created":
      case "response.in_progress": {
        const place = type === "response.created" ? 1 : 2;
        if (this.steps !== place) this.say(`${type} as event ${this.steps}`);
        if (response["status"] !== "in_progress" || list(response["output"]).length > 0)
          this.say(`${type} is not at its beginning`);
        return;
      }
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        this.isEnded = true;
        if (response["status"] !== type.slice("response.".length))
          this.say(`${type} with status ${String(response["status"])}`);
        if (type !== "response.failed" && this.item !== undefined) this.say("an item is still open");
        this.compareOutput(list(response["output"]), type);
        return;
      default:
        this.say(`${type} is unknown`);
    }
  }

  private compareOutput(output: readonly unknown[], type: string): void {
    const isWhole = isSame(output, this.done);
    const hasOpen = type === "response.failed" && this.item !== undefined && isSame(output.slice(0, -1), this.done);
    const isOpenItem = hasOpen && objectOf(output.at(-1))["id"] === this.item?.["id"];
    if (!isWhole && !isOpenItem) this.say(`${type}'s output is not what was done`);
  }

  private takeEvent(type: string, fields: Json): void {
    if (type === "error") {
      this.wasError = true;
      const { code, message, param, error } = fields;
      const nested = objectOf(error);
      const isFlatRight = isFilled(code) && isFilled(message) && (param === null || isText(param));
      if (!isFlatRight || !isFilled(nested["type"]) || nested["message"] !== message) this.say("error lacks its facts");
      return;
    }
    if (type === "response.output_item.added") {
      this.open(fields);
      return;
    }
    if (this.item === undefined) {
      this.say(`${type} outside an item`);
      return;
    }
    if (fields["output_index"] !== this.done.length)
      this.say(`${type} with output_index ${String(fields["output_index"])}`);
    if (type === "response.output_item.done") {
      this.close(fields["item"]);
      return;
    }
    if (fields["item_id"] !== this.item["id"]) this.say(`${type} of item ${String(fields["item_id"])}`);
    this.takePart(type, fields);
  }

  private open({ item, output_index: index }: Json): void {
    if (this.item !== undefined) this.say("an item begins within another");
    if (index !== this.done.length) this.say(`output_index ${String(index)}, not ${this.done.length}`);
    this.item = objectOf(item);
    this.told.clear();
    this.contents.length = 0;
    this.annotations.length = 0;
    this.summaries = 0;
    this.openPart = undefined;
    const { type, id, status, call_id: callId, name } = this.item;
    const prefix = idPrefixes[textOf(type)];
    if (prefix === undefined) this.say(`an item of type ${String(type)}`);
    else if (!textOf(id).startsWith(prefix)) this.say(`the id of a ${String(type)} is ${String(id)}`);
    if (this.done.some((other) => objectOf(other)["id"] === id)) this.say(`the id ${String(id)} came twice`);
    if (type !== "reasoning" && status !== "in_progress") this.say(`an item begins as ${String(status)}`);
    if (type === "message" && (!isSame(this.item["content"], []) || this.item["role"] !== "assistant"))
      this.say("a message begins with content");
    if (type === "reasoning" && (!isSame(this.item["summary"], []) || "status" in this.item))
      this.say("reasoning begins wrong");
    if (type === "function_call" && this.item["arguments"] !== "") this.say("a call begins with arguments");
    if (type === "custom_tool_call" && this.item["input"] !== "") this.say("a call begins with input");
    if (textOf(type).endsWith("_call") && type !== "image_generation_call" && !(isFilled(callId) && isFilled(name)))
      this.say("a call without id or name");
  }

  private expectPart(part: string, type: string): void {
    if (this.openPart !== part) this.say(`${type} for ${part}, open is ${String(this.openPart)}`);
  }

  private delta(key: string, fields: Json, type: string): void {
    if (!isFilled(fields["delta"])) this.say(`${type} without a delta`);
    if (this.told.has(`${key}!`)) this.say(`${type} behind its done`);
    this.told.set(key, (this.told.get(key) ?? "") + textOf(fields["delta"]));
  }

  private whole(key: string, text: unknown, type: string): void {
    if (text !== (this.told.get(key) ?? "")) this.say(`${type} is not what its deltas said`);
    if (this.told.has(`${key}!`)) this.say(`${type} came twice`);
    this.told.set(`${key}!`, "");
  }

  private takePart(type: string, fields: Json): void {
    const content = `content ${String(fields["content_index"])}`;
    const summary = `summary ${String(fields["summary_index"])}`;
    const item = objectOf(this.item);
    const isOf = (...types: string[]): void => {
      if (!types.includes(textOf(item["type"]))) this.say(`${type} in a ${textOf(item["type"])}`);
    };
    switch (type) {
      case "response.content_part.added": {
        const part = objectOf(fields["part"]);
        isOf("message", "reasoning");
        if (this.openPart !== undefined) this.say("a part begins within another");
        if (fields["content_index"] !== this.contents.length)
          this.say(`content_index ${String(fields["content_index"])}`);
        if ((part["text"] ?? part["refusal"]) !== "") this.say("a part begins with text");
        this.openPart = content;
        this.annotations.length = 0;
        return;
      }
      case "response.output_text.annotation.added":
        isOf("message");
        this.expectPart(content, type);
        if (fields["annotation_index"] !== this.annotations.length) this.say("annotation_index is wrong");
        this.annotations.push(fields["annotation"]);
        return;
      case "response.output_text.delta":
      case "response.refusal.delta":
        if (type === "response.output_text.delta" && !Array.isArray(fields["logprobs"]))
          this.say("a delta without logprobs");
        isOf("message");
        this.expectPart(content, type);
        this.delta(content, fields, type);
        return;
      case "response.reasoning_text.delta":
        isOf("reasoning");
        this.expectPart(content, type);
        this.delta(content, fields, type);
        return;
      case "response.output_text.done":
        if (!Array.isArray(fields["logprobs"])) this.say("a text ends without logprobs");
        this.expectPart(content, type);
        this.whole(content, fields["text"], type);
        return;
      case "response.reasoning_text.done":
        this.expectPart(content, type);
        this.whole(content, fields["text"], type);
        return;
      case "response.refusal.done":
        this.expectPart(content, type);
        this.whole(content, fields["refusal"], type);
        return;
      case "response.content_part.done": {
        const part = objectOf(fields["part"]);
        this.expectPart(content, type);
        if (!this.told.has(`${content}!`)) this.say("a part ends before its text");
        if ((part["text"] ?? part["refusal"]) !== (this.told.get(content) ?? ""))
          this.say("a part ends with another text");
        if (part["type"] === "output_text" && !isSame(part["annotations"], this.annotations))
          this.say("a part ends with other annotations");
        if (part["type"] === "output_text" && !Array.isArray(part["logprobs"])) this.say("a part without logprobs");
        this.contents.push(part);
        this.openPart = undefined;
        return;
      }
      case "response.reasoning_summary_part.added":
        isOf("reasoning");
        if (this.openPart !== undefined) this.say("a summary begins within another part");
        if (fields["summary_index"] !== this.summaries) this.say("summary_index is wrong");
        if (!isSame(fields["part"], { type: "summary_text", text: "" })) this.say("a summary begins with text");
        this.openPart = summary;
        return;
      case "response.reasoning_summary_text.delta":
        this.expectPart(summary, type);
        this.delta(summary, fields, type);
        return;
      case "response.reasoning_summary_text.done":
        this.expectPart(summary, type);
        this.whole(summary, fields["text"], type);
        return;
      case "response.reasoning_summary_part.done":
        this.expectPart(summary, type);
        if (!this.told.has(`${summary}!`)) this.say("a summary ends before its text");
        if (!isSame(fields["part"], { type: "summary_text", text: this.told.get(summary) ?? "" }))
          this.say("a summary ends with another text");
        this.summaries += 1;
        this.openPart = undefined;
        return;
      case "response.function_call_arguments.delta":
        isOf("function_call");
        this.delta("input", fields, type);
        return;
      case "response.custom_tool_call_input.delta":
        isOf("custom_tool_call");
        this.delta("input", fields, type);
        return;
      case "response.function_call_arguments.done":
        this.whole("input", fields["arguments"], type);
        return;
      case "response.custom_tool_call_input.done":
        this.whole("input", fields["input"], type);
        return;
      default:
        this.say(`${type} is unknown`);
    }
  }

  /** What the events of an item come to. */
  private expectedItem(item: Json): Json {
    const input = this.told.get("input") ?? "";
    const begun = objectOf(this.item);
    switch (begun["type"]) {
      case "message":
        return { ...begun, content: [...this.contents], status: item["status"] };
      case "function_call":
        return { ...begun, arguments: input, status: item["status"] };
      case "custom_tool_call":
        return { ...begun, input, status: item["status"] };
      case "reasoning": {
        const summary = Array.from({ length: this.summaries }, (_, index) => ({
          type: "summary_text",
          text: this.told.get(`summary ${index}`) ?? "",
        }));
        const content = this.contents.length === 0 ? {} : { content: [...this.contents] };
        const encrypted = isFilled(item["encrypted_content"]) ? { encrypted_content: item["encrypted_content"] } : {};
        return { ...begun, summary, ...content, ...encrypted };
      }
      default:
        return item;
    }
  }

  private close(value: unknown): void {
    const item = objectOf(value);
    if (this.openPart !== undefined) this.say("an item ends within a part");
    if (!isSame(item, this.expectedItem(item)))
      this.say(`an item ends as ${JSON.stringify(item)}, said was ${JSON.stringify(this.expectedItem(item))}`);
    const { type, status } = item;
    const isCall = type === "function_call" || type === "custom_tool_call";
    if (isCall && !this.told.has("input!")) this.say("a call ends before its input");
    if (type !== "reasoning" && !["completed", "incomplete"].includes(textOf(status)))
      this.say(`an item ends as ${String(status)}`);
    if (type === "function_call" && status === "completed" && !isJson(item["arguments"]))
      this.say("a whole call without JSON");
    if (type === "message" && list(item["content"]).length === 0) this.say("a message without content");
    this.done.push(item);
    this.item = undefined;
  }

  end(): void {
    if (!this.isEnded) this.say("the stream has no end");
  }
}

function isJson(text: unknown): boolean {
  try {
    JSON.parse(textOf(text));
    return true;
  } catch {
    return false;
  }
}

export function problemsOf(stream: string): string[] {
  const broken: string[] = [];
  const follower = new Follower();
  for (const event of eventsOf(stream, broken)) follower.take(event);
  follower.end();
  return [...broken, ...follower.problems];
}
