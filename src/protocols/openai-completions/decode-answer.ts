import type { GatewayError } from "../../errors.ts";
import { utf8OfLatin1 } from "../../lib/latin1.ts";
import { createEventSplitter, dataOf } from "../../lib/sse.ts";
import type { Answer, Finish } from "../canonical/conversation.ts";
import type { StreamDecoder, StreamEvent } from "../canonical/stream.ts";
import { fieldsOf, filledOf, isFields, jsonOf, listOf, type Fields } from "../fields.ts";
import { finishOf, stopSequenceOf } from "../openai-chat/finish.ts";
import { readUsage } from "../openai-chat/usage.ts";
import { noChoices } from "./answer.ts";
import { doneMark, failureOf } from "./observe.ts";

function endOf(choice: Fields): Finish {
  return finishOf({ raw: filledOf(choice["finish_reason"]), hasCalls: false, stopSequence: stopSequenceOf(choice) });
}

/** A text completion as an answer. Throws GatewayError (502, or as the upstream says) where it is none. */
export function decodeCompletionAnswer(value: unknown): Answer {
  const answer = fieldsOf(value);
  const failure = failureOf(answer);
  if (failure !== undefined) throw failure;
  const choice = listOf(answer["choices"]).find(isFields);
  if (choice === undefined) throw noChoices();
  const text = filledOf(choice["text"]);
  const usage = isFields(answer["usage"]) ? readUsage(answer["usage"]) : undefined;
  return {
    id: filledOf(answer["id"]) ?? "",
    model: filledOf(answer["model"]),
    parts: text === undefined ? [] : [{ type: "text", text }],
    finish: endOf(choice),
    usage: usage?.usage,
    costUsd: usage?.costUsd,
  };
}

/** Chunks of a text completion as events. */
class CompletionDecoder implements StreamDecoder {
  readonly #splitter = createEventSplitter();
  #events: StreamEvent[] = [];
  #hasStarted = false;
  #hasText = false;
  #finish: Finish | undefined;
  #isEnded = false;

  push(chunk: string): StreamEvent[] {
    for (const event of this.#splitter.push(chunk)) this.#read(event);
    return this.#take();
  }

  end(): StreamEvent[] {
    this.#read(this.#splitter.rest());
    if (!this.#isEnded && this.#finish !== undefined) this.#end();
    return this.#take();
  }

  isEnded(): boolean {
    return this.#isEnded;
  }

  waiting(): number {
    return this.#isEnded ? 0 : this.#splitter.waiting();
  }

  #take(): StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #read(event: string): void {
    const data = this.#isEnded ? undefined : dataOf(event)?.text;
    if (data === undefined) return;
    if (data.trim() === doneMark) {
      if (this.#finish !== undefined || this.#hasText) this.#end();
      this.#isEnded = true;
      return;
    }
    const chunk = jsonOf(utf8OfLatin1(data));
    if (!isFields(chunk)) return;
    const failure = failureOf(chunk);
    if (failure === undefined) this.#readChunk(chunk);
    else this.#fail(failure);
  }

  #readChunk(chunk: Fields): void {
    if (!this.#hasStarted)
      this.#events.push({ type: "start", id: filledOf(chunk["id"]) ?? "", model: filledOf(chunk["model"]) });
    this.#hasStarted = true;
    for (const choice of listOf(chunk["choices"])) if (isFields(choice)) this.#readChoice(choice);
    const usage = isFields(chunk["usage"]) ? readUsage(chunk["usage"]) : undefined;
    if (usage !== undefined) this.#events.push({ type: "usage", ...usage });
  }

  #readChoice(choice: Fields): void {
    if ((choice["index"] ?? 0) !== 0) return;
    const text = filledOf(choice["text"]);
    if (text !== undefined) {
      if (!this.#hasText) this.#events.push({ type: "part-start", index: 0, part: { type: "text" } });
      this.#hasText = true;
      this.#events.push({ type: "part-delta", index: 0, text });
    }
    if (filledOf(choice["finish_reason"]) !== undefined) this.#finish = endOf(choice);
  }

  #end(): void {
    this.#isEnded = true;
    if (this.#hasText) this.#events.push({ type: "part-stop", index: 0 });
    this.#events.push({ type: "finish", finish: this.#finish ?? { reason: "end", raw: undefined } });
  }

  #fail(error: GatewayError): void {
    this.#isEnded = true;
    this.#events.push({ type: "error", error });
  }
}

/** An upstream's stream as events. Never throws. */
export function createCompletionDecoder(): StreamDecoder {
  return new CompletionDecoder();
}
