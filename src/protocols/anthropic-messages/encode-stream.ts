import type { GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Finish, Opaque } from "../canonical/conversation.ts";
import { sealOpaque } from "../canonical/opaque-token.ts";
import type { StreamEncoder, StreamEvent, StreamPart } from "../canonical/stream.ts";
import { answerIdOf, createCallIds, hidesThoughts, isRedacted, textOfImage } from "./answer-blocks.ts";
import { endedInError, estimatedTokens } from "./encode-answer.ts";
import { errorEvent } from "./error.ts";
import { eventOf } from "./frame.ts";
import { stopOf } from "./stop-reason.ts";
import { writeUsage } from "./usage.ts";

/** The part that is open. Its block is begun when there is something to put in: an empty text could never be sent back. */
interface OpenPart {
  part: StreamPart;
  isBegun: boolean;
  hasText: boolean;
  opaque: Opaque[];
  /** What stands before and behind the text of each delta. */
  before: string;
  after: string;
}

/** Names of a block's delta, and of the field that its text stands in. */
const deltaOf = {
  text: ["text_delta", "text"],
  refusal: ["text_delta", "text"],
  image: ["text_delta", "text"],
  reasoning: ["thinking_delta", "thinking"],
  tool_call: ["input_json_delta", "partial_json"],
} as const satisfies Record<StreamPart["type"], readonly [string, string]>;

/** Events of the form between as Anthropic's stream. */
class MessageStreamEncoder implements StreamEncoder {
  readonly #view: ClientView;
  readonly #isHidden: boolean;
  readonly #callId = createCallIds();
  #upstreamId = "";
  #isStarted = false;
  #isOver = false;
  #blocks = 0;
  #open: OpenPart | undefined;
  #usage: Usage | undefined;
  #characters = 0;
  #hasToolCalls = false;
  #refusal: string | undefined;

  constructor(view: ClientView) {
    this.#view = view;
    this.#isHidden = hidesThoughts(view);
  }

  push(event: StreamEvent): string {
    if (this.#isOver) return "";
    switch (event.type) {
      case "part-delta":
        return this.#delta(event.text);
      case "part-start":
        return this.#begin(event.part);
      case "part-stop":
        return this.#close();
      case "finish":
        return this.#finish(event.finish);
      case "error":
        return this.fail(event.error);
      case "part-opaque":
        this.#open?.opaque.push(event.opaque);
        break;
      case "start":
        this.#upstreamId = event.id;
        break;
      case "usage":
        this.#usage = event.usage;
        break;
      case "logprobs":
        break;
    }
    return "";
  }

  fail(error: GatewayError): string {
    if (this.#isOver) return "";
    this.#isOver = true;
    return errorEvent(error);
  }

  /** The message's head, held back until something follows: usage that comes by then is in it. */
  #start(): string {
    if (this.#isStarted) return "";
    this.#isStarted = true;
    const usage = writeUsage(this.#usage, { input: this.#view.estimatedInputTokens, output: 0 });
    const message = {
      id: answerIdOf(this.#view, this.#upstreamId),
      type: "message",
      role: "assistant",
      model: this.#view.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    };
    return eventOf({ type: "message_start", message });
  }

  #begin(part: StreamPart): string {
    const output = this.#close() + this.#start();
    const open: OpenPart = { part, isBegun: false, hasText: false, opaque: [], before: "", after: "" };
    this.#open = open;
    if (part.type === "image") return output + this.#delta(textOfImage(part.image));
    if (part.type === "refusal") this.#refusal ??= "";
    if (part.type !== "tool_call") return output;
    this.#hasToolCalls = true;
    return output + this.#beginBlock(open);
  }

  #emptyBlock(part: StreamPart): Record<string, unknown> {
    if (part.type === "tool_call") return { type: "tool_use", id: this.#callId(part.id), name: part.name, input: {} };
    return part.type === "reasoning" ? { type: "thinking", thinking: "", signature: "" } : { type: "text", text: "" };
  }

  #beginBlock(open: OpenPart): string {
    if (open.isBegun) return "";
    open.isBegun = true;
    const { part } = open;
    const index = this.#blocks;
    const [type, field] = deltaOf[part.type];
    open.before = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${field}":`;
    open.after = "}}\n\n";
    return eventOf({ type: "content_block_start", index, content_block: this.#emptyBlock(part) });
  }

  #delta(text: string): string {
    const open = this.#open;
    if (open === undefined || text === "") return "";
    const isFirst = !open.hasText;
    open.hasText = true;
    this.#characters += text.length;
    const { part } = open;
    if (part.type === "reasoning" && this.#isHidden) return "";
    if (part.type === "refusal") this.#refusal = (this.#refusal ?? "") + text;
    const start = this.#beginBlock(open);
    const shown = part.type === "tool_call" && part.kind === "custom" ? this.#customPiece(text, isFirst) : text;
    return start + open.before + latin1OfUtf8(JSON.stringify(shown)) + open.after;
  }

  /** Free text as the one field of an object, piece by piece. */
  #customPiece(text: string, isFirst: boolean): string {
    return (isFirst ? '{"input":"' : "") + JSON.stringify(text).slice(1, -1);
  }

  /** What is missing of a tool's input: all of it, or the end of an object made of free text. */
  #inputRest({ part, hasText }: OpenPart): string {
    if (part.type !== "tool_call") return "";
    if (part.kind === "custom") return hasText ? '"}' : '{"input":""}';
    return hasText ? "" : "{}";
  }

  #close(): string {
    const open = this.#open;
    if (open === undefined) return "";
    this.#open = undefined;
    const { part, opaque, hasText } = open;
    let output = "";
    if (part.type === "reasoning") {
      if (!hasText && opaque.length === 0) return "";
      if (isRedacted(hasText ? "x" : "", opaque)) return this.#redactedBlock(opaque);
      output += this.#beginBlock(open) + this.#signature(opaque);
    }
    if (!open.isBegun) return "";
    const rest = this.#inputRest(open);
    if (rest !== "") output += open.before + JSON.stringify(rest) + open.after;
    return output + this.#stopBlock();
  }

  #signature(opaque: readonly Opaque[]): string {
    const delta = { type: "signature_delta", signature: sealOpaque(opaque) };
    return eventOf({ type: "content_block_delta", index: this.#blocks, delta });
  }

  #redactedBlock(opaque: readonly Opaque[]): string {
    const block = { type: "redacted_thinking", data: sealOpaque(opaque) };
    const start = eventOf({ type: "content_block_start", index: this.#blocks, content_block: block });
    return start + this.#stopBlock();
  }

  #stopBlock(): string {
    const index = this.#blocks;
    this.#blocks += 1;
    return eventOf({ type: "content_block_stop", index });
  }

  #finish(finish: Finish): string {
    if (finish.reason === "error") return this.fail(endedInError());
    const output = this.#close() + this.#start();
    this.#isOver = true;
    const delta = stopOf(finish, {
      hasToolCalls: this.#hasToolCalls,
      refusal: this.#refusal,
      stops: this.#view.conversation.stop,
    });
    const estimated = { input: this.#view.estimatedInputTokens, output: estimatedTokens(this.#characters) };
    const usage = writeUsage(this.#usage, estimated);
    return output + eventOf({ type: "message_delta", delta, usage }) + eventOf({ type: "message_stop" });
  }
}

export function createStreamEncoder(view: ClientView): StreamEncoder {
  return new MessageStreamEncoder(view);
}
