import { GatewayError } from "../../errors.ts";
import type { StreamEvent } from "../canonical/stream.ts";
import { fieldsOf, filledOf, isFields, listOf, type Fields } from "../fields.ts";
import { CallBook } from "./call-book.ts";
import { imagesOf, thinkingTextOf } from "./decode-parts.ts";
import { finishOf, stopSequenceOf } from "./finish.ts";
import { PartQueue } from "./part-queue.ts";
import { detailsOf, reasoningTextOf, textOfDetails } from "./reasoning.ts";

/** DeepSeek's word for an answer that it could not go on with. */
const outOfResources = "insufficient_system_resource";

function overloaded(): GatewayError {
  const message = `The upstream broke off its answer: ${outOfResources}.`;
  return new GatewayError({ code: "upstream_overloaded", status: 503, message, retryable: true });
}

/** Reads the deltas of one choice, or its whole message, into parts. */
export class ChoiceReader {
  readonly #queue: PartQueue;
  readonly #calls: CallBook;
  #raw: string | undefined;
  #stopSequence: string | undefined;
  /** Anything of an answer was seen. */
  hasContent = false;

  constructor(origin: string) {
    this.#queue = new PartQueue(origin);
    this.#calls = new CallBook(this.#queue);
  }

  /** The upstream said that the answer is at its end. */
  get hasFinish(): boolean {
    return this.#raw !== undefined;
  }

  take(): StreamEvent[] {
    return this.#queue.take();
  }

  emit(event: StreamEvent): void {
    this.#queue.emit(event);
  }

  /** A delta, or (`isWhole`) a message. */
  read(choice: Fields, turn: Fields, isWhole: boolean): void {
    this.#readReasoning(turn);
    this.#readContent(turn["content"]);
    const refusal = filledOf(turn["refusal"]);
    if (refusal !== undefined) this.#say("refusal", refusal);
    if (turn["images"] !== undefined) this.#readImages(turn);
    if (turn["audio"] !== undefined) this.#readAudio(turn);
    if (turn["tool_calls"] !== undefined) this.#readCalls(turn["tool_calls"], isWhole);
    if (isFields(turn["function_call"])) this.#readLegacyCall(turn["function_call"]);
    const { logprobs } = choice;
    if (isFields(logprobs)) this.#queue.emit({ type: "logprobs", logprobs });
    const raw = filledOf(choice["finish_reason"]);
    if (raw === undefined) return;
    this.#raw = raw;
    this.#stopSequence = stopSequenceOf(choice) ?? this.#stopSequence;
  }

  /** All parts end, and the answer with them; or it turns out to be none. */
  finish(): GatewayError | undefined {
    if (this.#raw === outOfResources) return overloaded();
    const failure = this.#queue.finish();
    if (failure !== undefined) return failure;
    const ending = { raw: this.#raw, hasCalls: this.#calls.hasCalls, stopSequence: this.#stopSequence };
    this.#queue.emit({ type: "finish", finish: finishOf(ending) });
    return undefined;
  }

  #say(type: "text" | "reasoning" | "refusal", text: string, isSummary = false): void {
    this.hasContent = true;
    this.#queue.text(type, text, isSummary);
  }

  #readReasoning(turn: Fields): void {
    const details = turn["reasoning_details"] === undefined ? [] : detailsOf(turn);
    const text = reasoningTextOf(turn) ?? textOfDetails(details);
    if (text !== "") this.#say("reasoning", text, details[0]?.["type"] === "reasoning.summary");
    if (details.length === 0) return;
    this.hasContent = true;
    this.#queue.details(details);
  }

  /** Mistral's content is a list where the model thinks. */
  #readContent(content: unknown): void {
    if (typeof content === "string") {
      if (content !== "") this.#say("text", content);
      return;
    }
    for (const part of listOf(content)) {
      const fields = fieldsOf(part);
      const thinking = fields["type"] === "thinking" ? thinkingTextOf(fields) : "";
      if (thinking !== "") this.#say("reasoning", thinking);
      const refusal = fields["type"] === "refusal" ? filledOf(fields["refusal"]) : undefined;
      if (refusal !== undefined) this.#say("refusal", refusal);
      const text = filledOf(fields["text"]);
      if (text !== undefined) this.#say("text", text);
    }
  }

  #readImages(turn: Fields): void {
    for (const image of imagesOf(turn)) {
      this.hasContent = true;
      this.#queue.image(image);
    }
  }

  /** Of a spoken answer its words. */
  #readAudio(turn: Fields): void {
    const transcript = filledOf(fieldsOf(turn["audio"])["transcript"]);
    if (transcript !== undefined) this.#say("text", transcript);
  }

  #readCalls(calls: unknown, isWhole: boolean): void {
    for (const [position, call] of listOf(calls).entries()) {
      if (!isFields(call)) continue;
      this.hasContent = true;
      this.#calls.add(call, isWhole ? position : undefined);
    }
  }

  #readLegacyCall(call: Fields): void {
    this.hasContent = true;
    this.#calls.addLegacy(call);
  }
}
