import type { GatewayError } from "../../errors.ts";
import { createEventSplitter, dataOf } from "../../lib/sse.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import type { Target } from "../canonical/codec.ts";
import type { StreamDecoder, StreamEvent } from "../canonical/stream.ts";
import { fieldsOf, filledOf, isFields, type Fields } from "../fields.ts";
import { parseValue } from "../json-message.ts";
import { decodeErrorObject, errorObjectOf, invalidAnswer } from "../upstream-error.ts";
import { ChoiceReader } from "./choice-reader.ts";
import { usageIn } from "./decode-answer.ts";
import { failureOf } from "./observe.ts";

/** So many events in a row that cannot be read are no accident. */
const mostUnreadable = 3;

/** A list is an error of Gemini's. */
function parseChunk(text: string): object | undefined {
  const value = parseValue(text);
  return typeof value === "object" && value !== null ? value : undefined;
}

function known(usage: Usage): number {
  return Object.values(usage).filter((count) => typeof count === "number").length;
}

/** Usage comes on any chunk, on some more than once: a later one counts unless it says less. */
function isFuller(usage: Usage, before: Usage | undefined): boolean {
  return before === undefined || known(usage) >= known(before);
}

/** Whether an event calls itself an error by its name. */
function isNamedError(event: string): boolean {
  return event.startsWith("event: error") || event.startsWith("event:error");
}

/** Chunks of a chat completion, in any server's dialect, as events. */
class ChatStreamDecoder implements StreamDecoder {
  readonly #splitter = createEventSplitter();
  readonly #reader: ChoiceReader;
  #hasStarted = false;
  #isEnded = false;
  #isOver = false;
  #unreadable = 0;
  /** Of several choices the first; most servers have only one, whatever its number. */
  #choiceIndex: unknown;
  #usage: Usage | undefined;

  constructor(origin: string) {
    this.#reader = new ChoiceReader(origin);
  }

  push(chunk: string): StreamEvent[] {
    if (this.#isEnded) return [];
    for (const event of this.#splitter.push(chunk)) this.#read(event);
    return this.#reader.take();
  }

  end(): StreamEvent[] {
    const rest = this.#splitter.rest();
    // Half an event is no broken one: the stream was cut there.
    if (!this.#isEnded && isReadable(rest)) this.#read(rest);
    if (this.#reader.hasFinish) this.#finish();
    this.#isOver = true;
    return this.#reader.take();
  }

  isEnded(): boolean {
    return this.#isEnded;
  }

  isComplete(): boolean {
    return this.#reader.hasFinish;
  }

  waiting(): number {
    return this.#isEnded ? 0 : this.#splitter.waiting();
  }

  #read(event: string): void {
    if (this.#isEnded) return;
    const data = dataOf(event)?.text ?? (isBareJson(event) ? event : "");
    if (data === "" || data.trim() === "") return;
    if (data.startsWith("[DONE]") || data.trim() === "[DONE]") return this.#done();
    const chunk = parseChunk(data);
    if (chunk === undefined) return this.#skip();
    this.#unreadable = 0;
    const failure = failureOf(chunk) ?? (isNamedError(event) ? namedFailure(chunk) : undefined);
    if (failure !== undefined) return this.#fail(failure);
    if (isFields(chunk)) this.#readChunk(chunk);
  }

  #readChunk(chunk: Fields): void {
    const { choices } = chunk;
    const list: readonly unknown[] = Array.isArray(choices) ? choices : [];
    if (!this.#hasStarted && (list.length > 0 || filledOf(chunk["id"]) !== undefined)) this.#start(chunk);
    for (const choice of list) if (isFields(choice)) this.#readChoice(choice);
    const reported = chunk["usage"] === undefined && chunk["x_groq"] === undefined ? undefined : usageIn(chunk);
    if (reported !== undefined) this.#report(reported);
  }

  #start(chunk: Fields): void {
    this.#hasStarted = true;
    this.#reader.emit({ type: "start", id: filledOf(chunk["id"]) ?? "", model: filledOf(chunk["model"]) });
  }

  #readChoice(choice: Fields): void {
    const index = choice["index"] ?? 0;
    this.#choiceIndex ??= index;
    if (index !== this.#choiceIndex) return;
    const { delta } = choice;
    this.#reader.read(choice, isFields(delta) ? delta : fieldsOf(choice["message"]), false);
    // Moonshot counts within the choice.
    const reported = choice["usage"] === undefined ? undefined : usageIn(choice);
    if (reported !== undefined) this.#report(reported);
  }

  #report({ usage, costUsd }: { usage: Usage; costUsd: number | undefined }): void {
    if (!isFuller(usage, this.#usage)) return;
    this.#usage = usage;
    if (this.#hasStarted) this.#reader.emit({ type: "usage", usage, costUsd });
  }

  /** An end with nothing before it is no answer. */
  #done(): void {
    this.#isEnded = true;
    if (this.#reader.hasFinish || this.#reader.hasContent) this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const failure = this.#reader.finish();
    if (failure !== undefined) this.#fail(failure);
  }

  #fail(error: GatewayError): void {
    this.#isEnded = true;
    this.#isOver = true;
    this.#reader.emit({ type: "error", error });
  }

  #skip(): void {
    this.#unreadable += 1;
    if (this.#unreadable < mostUnreadable) return;
    const message = `The upstream sent ${mostUnreadable} events in a row that are no JSON objects.`;
    this.#fail(invalidAnswer(message));
  }
}

/** An error in the place of a stream, without the form of one. */
function isBareJson(event: string): boolean {
  return event.startsWith("{") || event.startsWith("[");
}

function isReadable(rest: string): boolean {
  const data = dataOf(rest)?.text ?? (isBareJson(rest) ? rest : undefined);
  return data !== undefined && (data.trim() === "[DONE]" || parseChunk(data) !== undefined);
}

function namedFailure(chunk: unknown): GatewayError | undefined {
  const error = errorObjectOf(chunk) ?? errorObjectOf({ error: chunk });
  return error === undefined ? undefined : decodeErrorObject(error);
}

/** An upstream's stream as events. Never throws. */
export function createChatStreamDecoder({ origin }: Pick<Target, "origin">): StreamDecoder {
  return new ChatStreamDecoder(origin);
}
