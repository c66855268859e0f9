import type { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import { callObject } from "../canonical/call-input.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Opaque } from "../canonical/conversation.ts";
import type { StreamEncoder, StreamEvent, StreamPart } from "../canonical/stream.ts";
import type { Fields } from "../fields.ts";
import { errorElement, errorInEvents } from "./error.ts";
import { finishWord } from "./finish-reason.ts";
import { separator } from "./framer.ts";
import { logprobsView } from "./logprobs.ts";
import { usageView } from "./usage.ts";
import { mediaView, showsThoughts, signed } from "./write-parts.ts";

/** How responses follow each other. */
interface Framing {
  /** One more response, as JSON (UTF-16). */
  response(json: string): string;
  /** Behind the last response. */
  end(): string;
  /** An error instead of all that should have come. */
  fail(error: GatewayError): string;
}

const eventFraming: Framing = {
  response: (json) => latin1OfUtf8(`data: ${json}\n\n`),
  end: () => "",
  fail: errorInEvents,
};

function createArrayFraming(): Framing {
  let before = "[";
  function element(text: string): string {
    const output = before + text;
    before = separator;
    return output;
  }
  return {
    response: (json) => element(latin1OfUtf8(json)),
    end: () => "]",
    fail: (error) => `${element(errorElement(error))}]`,
  };
}

type CallPart = Extract<StreamPart, { type: "tool_call" }>;

/** Events as responses: every delta is one, calls come whole, the last has the finish reason and the usage. */
class GeminiStreamEncoder implements StreamEncoder {
  readonly #framing: Framing;
  readonly #showsThoughts: boolean;
  readonly #model: string;
  /** What stands behind the candidates in every response. */
  #tail: string | undefined;
  #part: StreamPart | undefined;
  #input = "";
  /** States of reasoning that wait for a call, or for the end. */
  #states: Opaque[] = [];
  #usage: Usage | undefined;
  #isOver = false;

  constructor(view: ClientView) {
    this.#framing = view.framing === "array" ? createArrayFraming() : eventFraming;
    this.#showsThoughts = showsThoughts(view);
    this.#model = JSON.stringify(view.model);
  }

  push(event: StreamEvent): string {
    if (this.#isOver) return "";
    switch (event.type) {
      case "start":
        this.#begin(event.id);
        return "";
      case "part-start":
        return this.#startPart(event.part);
      case "part-delta":
        return this.#delta(event.text);
      case "part-opaque":
        this.#states.push(event.opaque);
        return "";
      case "part-stop":
        return this.#stopPart();
      case "usage":
        this.#usage = event.usage;
        return "";
      case "logprobs":
        return this.#response(JSON.stringify({ index: 0, ...logprobsView(event.logprobs) }));
      case "error":
        return this.fail(event.error);
      case "finish":
    }
    return this.#finish(finishWord(event.finish));
  }

  fail(error: Parameters<StreamEncoder["fail"]>[0]): string {
    if (this.#isOver) return "";
    this.#isOver = true;
    return this.#framing.fail(error);
  }

  #begin(id: string): string {
    this.#tail ??= `"modelVersion":${this.#model},"responseId":${JSON.stringify(id === "" ? createId("") : id)}}`;
    return this.#tail;
  }

  #response(candidate: string): string {
    return this.#framing.response(`{"candidates":[${candidate}],${this.#tail ?? this.#begin("")}`);
  }

  #parts(...parts: readonly Fields[]): string {
    return this.#response(JSON.stringify({ content: { role: "model", parts }, index: 0 }));
  }

  #startPart(part: StreamPart): string {
    const unfinished = this.#stopPart();
    this.#part = part;
    return part.type === "image" ? unfinished + this.#parts(mediaView(part.image)) : unfinished;
  }

  #delta(text: string): string {
    const type = this.#part?.type;
    if (type === "tool_call") {
      this.#input += text;
      return "";
    }
    if (type === undefined || type === "image" || (type === "reasoning" && !this.#showsThoughts)) return "";
    const thought = type === "reasoning" ? ',"thought":true' : "";
    return this.#response(
      `{"content":{"role":"model","parts":[{"text":${JSON.stringify(text)}${thought}}]},"index":0}`,
    );
  }

  #stopPart(): string {
    const part = this.#part;
    this.#part = undefined;
    return part?.type === "tool_call" ? this.#call(part) : "";
  }

  #call({ id, name, kind }: CallPart): string {
    const part = signed(
      { functionCall: { id, name, args: callObject({ kind, input: this.#input }).value } },
      this.#states,
    );
    this.#input = "";
    this.#states = [];
    return this.#parts(part);
  }

  #finish(finishReason: string): string {
    const unfinished = this.#stopPart();
    this.#isOver = true;
    const content = { role: "model", parts: [signed({ text: "" }, this.#states)] };
    const usage = this.#usage === undefined ? "" : `,"usageMetadata":${JSON.stringify(usageView(this.#usage))}`;
    const candidate = JSON.stringify({ content, finishReason, index: 0 });
    const last = `{"candidates":[${candidate}]${usage},${this.#tail ?? this.#begin("")}`;
    return unfinished + this.#framing.response(last) + this.#framing.end();
  }
}

export function createGeminiStreamEncoder(view: ClientView): StreamEncoder {
  return new GeminiStreamEncoder(view);
}
