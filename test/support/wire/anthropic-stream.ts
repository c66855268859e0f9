import { isObject, objectOf, type Json } from "./json.ts";
import { callId, isBlank } from "./anthropic-json.ts";

export const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

export interface Received {
  name: string | undefined;
  value: Json | undefined;
  text: string;
}

/** The events of a stream. */
export function receive(stream: string): Received[] {
  return stream
    .split("\n\n")
    .filter((text) => text.trim() !== "" && !text.startsWith(":"))
    .map((text) => {
      const lines = text.split("\n");
      const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6) ?? "";
      try {
        const value: unknown = JSON.parse(data);
        return { name, value: isObject(value) ? value : undefined, text };
      } catch {
        return { name, value: undefined, text };
      }
    });
}

const deltaTypes: Readonly<Record<string, readonly string[]>> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
  redacted_thinking: [],
};
const knownStops = new Set([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "pause_turn",
  "refusal",
  "model_context_window_exceeded",
]);

/** The life cycle that the SDKs and Claude Code rely on, event by event. */
class LifeCycle {
  readonly problems: string[] = [];
  #state: "before" | "open" | "told" | "ended" = "before";
  #blocks = 0;
  #block: { type: string; text: string; signature: string } | undefined;
  #calls = 0;
  readonly #ids = new Set<unknown>();
  #hasBrokenInput = false;

  #say(problem: string): void {
    this.problems.push(problem);
  }

  see({ name, value, text }: Received): void {
    if (value === undefined) return this.#say(`not an event with JSON: ${text}`);
    if (name !== value["type"]) this.#say(`event ${String(name)} holds ${String(value["type"])}`);
    if (this.#state === "ended") return this.#say(`${String(value["type"])} behind the end`);
    switch (value["type"]) {
      case "ping":
        return undefined;
      case "message_start":
        return this.#start(objectOf(value["message"]));
      case "content_block_start":
        return this.#openBlock(value);
      case "content_block_delta":
        return this.#delta(value);
      case "content_block_stop":
        return this.#closeBlock(value);
      case "message_delta":
        return this.#tell(value);
      case "message_stop":
        if (this.#state !== "told") this.#say("message_stop without message_delta");
        this.#state = "ended";
        return undefined;
      case "error":
        return this.#fail(objectOf(value["error"]));
      default:
        return this.#say(`an event of the unknown type ${String(value["type"])}`);
    }
  }

  end(): void {
    if (this.#state !== "ended") this.#say("the stream has no end");
  }

  #start(message: Json): void {
    if (this.#state !== "before") this.#say("a second message_start");
    this.#state = "open";
    const { id, type, role, model, content, stop_reason: reason, usage } = message;
    if (!/^msg_[a-zA-Z0-9_-]+$/.test(String(id))) this.#say(`the id ${String(id)}`);
    if (type !== "message" || role !== "assistant") this.#say("no message of an assistant");
    if (typeof model !== "string" || model === "") this.#say("no model");
    if (!Array.isArray(content) || content.length > 0) this.#say("content is no empty array");
    if (reason !== null || message["stop_sequence"] !== null) this.#say("a stop reason at the start");
    this.#usage(usage);
  }

  #usage(usage: unknown): void {
    const fields = objectOf(usage);
    for (const field of ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"])
      if (!Number.isInteger(fields[field]) || Number(fields[field]) < 0)
        this.#say(`usage.${field} is ${String(fields[field])}`);
  }

  #openBlock({ index, content_block: value }: Json): void {
    const block = objectOf(value);
    const type = String(block["type"]);
    if (this.#state !== "open") this.#say("a block outside of the message");
    if (this.#block !== undefined) this.#say("a block inside of another");
    if (index !== this.#blocks) this.#say(`block ${String(index)} where ${this.#blocks} comes`);
    if (!(type in deltaTypes)) this.#say(`a block of the unknown type ${type}`);
    this.#block = { type, text: "", signature: "" };
    if (type === "text" && block["text"] !== "") this.#say("a text block that does not begin empty");
    if (type === "redacted_thinking" && isBlank(block["data"])) this.#say("redacted thinking without data");
    if (type !== "tool_use") return;
    this.#calls += 1;
    if (!callId.test(String(block["id"]))) this.#say(`the tool call id ${String(block["id"])}`);
    if (this.#ids.has(block["id"])) this.#say(`the tool call id ${String(block["id"])} twice`);
    this.#ids.add(block["id"]);
    if (isBlank(block["name"])) this.#say("a tool call without a name");
    if (!isObject(block["input"]) || Object.keys(block["input"]).length > 0) this.#say("input does not begin as {}");
  }

  #delta({ index, delta: value }: Json): void {
    const delta = objectOf(value);
    const type = String(delta["type"]);
    if (this.#block === undefined || index !== this.#blocks)
      return this.#say(`a delta for block ${String(index)}: Content block not found`);
    if (deltaTypes[this.#block.type]?.includes(type) !== true)
      this.#say(`${type} in a block of type ${this.#block.type}`);
    if (this.#block.signature !== "") this.#say("something behind a signature");
    if (type === "signature_delta") {
      this.#block.signature = String(delta["signature"]);
      return undefined;
    }
    const text = delta["text"] ?? delta["thinking"] ?? delta["partial_json"];
    if (typeof text !== "string" || (text === "" && type !== "input_json_delta"))
      return this.#say(`${type} without text`);
    this.#block.text += text;
    return undefined;
  }

  #closeBlock({ index }: Json): void {
    const block = this.#block;
    if (block === undefined || index !== this.#blocks) return this.#say(`a stop for block ${String(index)}`);
    this.#block = undefined;
    this.#blocks += 1;
    if (block.type === "text" && block.text === "") this.#say("an empty text block");
    if (block.type === "thinking" && block.signature === "") this.#say("thinking without a signature");
    if (block.type !== "tool_use") return undefined;
    try {
      if (!isObject(JSON.parse(block.text))) this.#hasBrokenInput = true;
    } catch {
      this.#hasBrokenInput = true;
    }
    return undefined;
  }

  #tell({ delta: value, usage }: Json): void {
    const { stop_reason: reason, stop_sequence: sequence } = objectOf(value);
    if (this.#state !== "open") this.#say("message_delta outside of the message");
    if (this.#block !== undefined) this.#say("message_delta inside of a block");
    this.#state = "told";
    if (!knownStops.has(String(reason))) this.#say(`the stop reason ${String(reason)}`);
    if (reason === "tool_use" && this.#calls === 0) this.#say("tool_use without a tool");
    if (reason === "end_turn" && this.#calls > 0) this.#say("end_turn behind tool calls");
    if (reason === "tool_use" && this.#hasBrokenInput) this.#say("a tool's input is no JSON object");
    if (sequence !== null && reason !== "stop_sequence") this.#say("a stop sequence that nothing stopped at");
    this.#usage(usage);
  }

  #fail({ type, message }: Json): void {
    this.#state = "ended";
    if (!Object.values(errorTypes).includes(String(type)) && type !== "api_error")
      this.#say(`the error type ${String(type)}`);
    if (isBlank(message)) this.#say("an error without a message");
  }
}

export function problemsOf(stream: string): string[] {
  const cycle = new LifeCycle();
  if (/^data: ?\[DONE\]/m.test(stream)) cycle.problems.push("[DONE] is OpenAI's");
  if (!stream.endsWith("\n\n")) cycle.problems.push("the last event is not ended");
  for (const received of receive(stream)) cycle.see(received);
  cycle.end();
  return cycle.problems;
}
