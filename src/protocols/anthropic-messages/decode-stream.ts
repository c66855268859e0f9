import type { GatewayError } from "../../errors.ts";
import { createEventSplitter, dataOf } from "../../lib/sse.ts";
import type { Target } from "../canonical/codec.ts";
import type { StreamDecoder, StreamEvent, StreamPart } from "../canonical/stream.ts";
import { fieldsOf, filledOf, isFields, stringOf, type Fields } from "../fields.ts";
import { parseMessage } from "../json-message.ts";
import type { ReportedUsage } from "../reported-usage.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { ownState } from "./decode-answer.ts";
import { failureOf } from "./observe.ts";
import { finishOf, refusalOf } from "./stop-reason.ts";
import { readUsage } from "./usage.ts";

/** After so many events in a row that cannot be read, nothing better is to be expected. */
const mostBroken = 3;

/** The block that is open. */
interface OpenBlock {
  /** Its number upstream, and the part's. */
  index: unknown;
  part: number;
  type: StreamPart["type"];
  hasDelta: boolean;
  /** Input that stood in the block's start already, as text. */
  input: string;
  signature: unknown;
}

function partOf(block: Fields): StreamPart | undefined {
  switch (block["type"]) {
    case "text":
      return { type: "text" };
    case "thinking":
    case "redacted_thinking":
      return { type: "reasoning" };
    case "tool_use":
      return {
        type: "tool_call",
        id: stringOf(block["id"]) ?? "",
        name: stringOf(block["name"]) ?? "",
        kind: "function",
      };
    default:
      return undefined;
  }
}

/** One stream of Anthropic's as events of the form between. */
class MessageStreamDecoder implements StreamDecoder {
  readonly #splitter = createEventSplitter();
  readonly #target: Pick<Target, "origin">;
  #isStarted = false;
  #isEnded = false;
  #parts = 0;
  #hasToolCalls = false;
  #open: OpenBlock | undefined;
  #reported: ReportedUsage | undefined;
  /** `stop_reason` and what belongs to it. */
  #ending: Fields = {};
  #broken = 0;

  constructor(target: Pick<Target, "origin">) {
    this.#target = target;
  }

  push(chunk: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    if (this.#isEnded) return events;
    for (const event of this.#splitter.push(chunk)) this.#take(event, events);
    return events;
  }

  end(): StreamEvent[] {
    const events: StreamEvent[] = [];
    const rest = this.#splitter.rest();
    // Half an event is none; it must not count as a broken one either.
    if (!this.#isEnded && parseMessage(dataOf(rest)?.text ?? "") !== undefined) this.#take(rest, events);
    return events;
  }

  isEnded(): boolean {
    return this.#isEnded;
  }

  waiting(): number {
    return this.#splitter.waiting();
  }

  #take(text: string, events: StreamEvent[]): void {
    if (this.#isEnded) return;
    const data = dataOf(text);
    if (data === undefined || data.text.trim() === "[DONE]") return;
    const message = parseMessage(data.text);
    if (message !== undefined) {
      this.#broken = 0;
      this.#read(message, events);
      return;
    }
    this.#broken += 1;
    if (this.#broken < mostBroken) return;
    const said = `The upstream sent ${mostBroken} events in a row that are not valid JSON.`;
    this.#fail(invalidAnswer(said), events);
  }

  #fail(error: GatewayError, events: StreamEvent[]): void {
    this.#isEnded = true;
    events.push({ type: "error", error });
  }

  #read(message: Fields, events: StreamEvent[]): void {
    switch (message["type"]) {
      case "content_block_delta":
        this.#addDelta(message["index"], fieldsOf(message["delta"]), events);
        return;
      case "content_block_start":
        this.#openBlock(message["index"], fieldsOf(message["content_block"]), events);
        return;
      case "content_block_stop":
        if (this.#open?.index === message["index"]) this.#close(events);
        return;
      case "message_start":
        this.#start(fieldsOf(message["message"]), events);
        return;
      case "message_delta":
        this.#ending = { ...this.#ending, ...fieldsOf(message["delta"]) };
        this.#report(message["usage"], events);
        return;
      case "message_stop":
        this.#finish(events);
        return;
      default: {
        const failure = failureOf(message);
        if (failure !== undefined) this.#fail(failure, events);
      }
    }
  }

  #start(message: Fields, events: StreamEvent[]): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    events.push({ type: "start", id: stringOf(message["id"]) ?? "", model: filledOf(message["model"]) });
    this.#report(message["usage"], events);
  }

  #report(usage: unknown, events: StreamEvent[]): void {
    const reported = readUsage(usage, this.#reported);
    if (reported === undefined || reported === this.#reported) return;
    this.#start({}, events);
    this.#reported = reported;
    events.push({ type: "usage", ...reported });
  }

  #openPart(part: StreamPart, index: unknown, events: StreamEvent[]): OpenBlock {
    this.#close(events);
    this.#start({}, events);
    const open = { index, part: this.#parts, type: part.type, hasDelta: false, input: "", signature: undefined };
    this.#parts += 1;
    this.#open = open;
    events.push({ type: "part-start", index: open.part, part });
    return open;
  }

  #openBlock(index: unknown, block: Fields, events: StreamEvent[]): void {
    const part = partOf(block);
    if (part === undefined) {
      // Its deltas must not go to the block before.
      this.#close(events);
      return;
    }
    const open = this.#openPart(part, index, events);
    if (part.type === "tool_call") {
      this.#hasToolCalls = true;
      if (isFields(block["input"])) open.input = JSON.stringify(block["input"]);
      return;
    }
    open.signature = block["signature"];
    this.#addText(open, stringOf(block["text"]) ?? stringOf(block["thinking"]), events);
    if (block["type"] !== "redacted_thinking") return;
    for (const opaque of ownState(this.#target, "anthropic-redacted", block["data"]))
      events.push({ type: "part-opaque", index: open.part, opaque });
  }

  #addText(open: OpenBlock, text: string | undefined, events: StreamEvent[]): void {
    if (text === undefined || text === "") return;
    open.hasDelta = true;
    events.push({ type: "part-delta", index: open.part, text });
  }

  /** The open part for a delta of a kind; text without a start of its own gets one, for servers that forget it. */
  #partFor(type: StreamPart["type"], index: unknown, events: StreamEvent[]): OpenBlock | undefined {
    const open = this.#open;
    if (open !== undefined && open.index === index && open.type === type) return open;
    if (type === "text" || type === "reasoning") return this.#openPart({ type }, index, events);
    return undefined;
  }

  #addDelta(index: unknown, delta: Fields, events: StreamEvent[]): void {
    switch (delta["type"]) {
      case "text_delta":
        this.#addTo("text", { index, text: delta["text"], events });
        return;
      case "thinking_delta":
        this.#addTo("reasoning", { index, text: delta["thinking"], events });
        return;
      case "input_json_delta":
        this.#addTo("tool_call", { index, text: delta["partial_json"], events });
        return;
      case "signature_delta":
        if (this.#open !== undefined && this.#open.index === index) this.#open.signature = delta["signature"];
        return;
      default:
    }
  }

  #addTo(type: StreamPart["type"], delta: { index: unknown; text: unknown; events: StreamEvent[] }): void {
    const text = filledOf(delta.text);
    if (text === undefined) return;
    const open = this.#partFor(type, delta.index, delta.events);
    if (open !== undefined) this.#addText(open, text, delta.events);
  }

  #close(events: StreamEvent[]): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    // Clients parse what they get, and nothing at all is no JSON.
    if (open.type === "tool_call" && !open.hasDelta) this.#addText(open, open.input === "" ? "{}" : open.input, events);
    if (open.type === "reasoning")
      for (const opaque of ownState(this.#target, "anthropic-signature", open.signature))
        events.push({ type: "part-opaque", index: open.part, opaque });
    events.push({ type: "part-stop", index: open.part });
  }

  #finish(events: StreamEvent[]): void {
    this.#close(events);
    this.#start({}, events);
    const refusal = refusalOf(this.#ending);
    if (refusal !== "") {
      this.#addText(this.#openPart({ type: "refusal" }, undefined, events), refusal, events);
      this.#close(events);
    }
    this.#isEnded = true;
    events.push({ type: "finish", finish: finishOf(this.#ending, this.#hasToolCalls) });
  }
}

export function createStreamDecoder(target: Pick<Target, "origin">): StreamDecoder {
  return new MessageStreamDecoder(target);
}
