import type { GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import type { ClientView } from "../canonical/codec.ts";
import { unwrappedInput } from "../canonical/custom-tools.ts";
import type { Finish, Opaque } from "../canonical/conversation.ts";
import type { StreamEncoder, StreamEvent, StreamPart } from "../canonical/stream.ts";
import type { Fields } from "../fields.ts";
import {
  answerIdOf,
  clientShapeOf,
  createReference,
  imageShown,
  sealedDetail,
  stateFields,
  type ClientShape,
} from "./client-shape.ts";
import { encodeError } from "./error.ts";
import { brokenAnswer, finishWord } from "./finish.ts";
import { usageShown } from "./usage-shown.ts";

/** An encoder that also tells which `cot_id` it gave to which part of the stream. */
export interface ChatStreamEncoder extends StreamEncoder {
  readonly references: ReadonlyMap<string, number>;
}

const done = "data: [DONE]\n\n";

function json(value: unknown): string {
  return latin1OfUtf8(JSON.stringify(value));
}

interface OpenCall {
  /** Position among the calls. */
  index: number;
  /** How its deltas are named. */
  kind: "function" | "custom" | "legacy" | "unseen";
  /** What comes is JSON that holds a custom tool's text: kept until its end. */
  wrapped: string | undefined;
  hasInput: boolean;
}

interface OpenThought {
  reference: string;
  hasText: boolean;
  text: string;
  opaque: Opaque[];
}

/** Events as the chunks of a chat completion. */
class ChatEncoder implements ChatStreamEncoder {
  readonly references = new Map<string, number>();
  readonly #view: ClientView;
  readonly #shape: ClientShape;
  /** The bytes before and behind the delta are the same in all chunks. */
  #head = "";
  #open: StreamPart["type"] | undefined;
  #call: OpenCall | undefined;
  #thought: OpenThought | undefined;
  #deltaHead = "";
  #deltaTail = "";
  #calls = 0;
  #thoughts = 0;
  #usage: { usage: Usage; costUsd: number | undefined } | undefined;
  #isEnded = false;

  constructor(view: ClientView) {
    this.#view = view;
    this.#shape = clientShapeOf(view);
  }

  push(event: StreamEvent): string {
    if (this.#isEnded) return "";
    switch (event.type) {
      case "part-delta":
        return this.#delta(event.text);
      case "start":
        return this.#start(event.id);
      case "part-start":
        return this.#start("") + this.#stop() + this.#begin(event.part, event.index);
      case "part-opaque":
        return this.#state(event.opaque);
      case "part-stop":
        return this.#stop();
      case "usage":
        this.#usage = event;
        return "";
      case "logprobs":
        return this.#likelihoods(event.logprobs);
      case "finish":
        return this.#finish(event.finish);
      case "error":
        return this.fail(event.error);
    }
    return "";
  }

  /** The one form that VS Code shows to its user and that makes the OpenAI SDKs throw. */
  fail(error: GatewayError): string {
    if (this.#isEnded) return "";
    const start = this.#start("");
    this.#isEnded = true;
    return `${start}${this.#chunk({}, "error")}data: ${latin1OfUtf8(encodeError(error).body)}\n\n${done}`;
  }

  #start(upstreamId: string): string {
    if (this.#head !== "") return "";
    const id = this.#view.answerId ?? answerIdOf(upstreamId);
    const created = Math.floor(this.#view.startedAt / 1000);
    const shared = json({ id, object: "chat.completion.chunk", created, model: this.#view.model });
    this.#head = `data: ${shared.slice(0, -1)},"choices":[`;
    return this.#chunk({ role: "assistant", content: "", refusal: null });
  }

  #chunk(delta: Fields, finish: string | null = null, logprobs: unknown = null): string {
    return `${this.#head}${json({ index: 0, delta, logprobs, finish_reason: finish })}]}\n\n`;
  }

  /** Chunks that differ in one text only. */
  #prepare(before: string, behind: string): void {
    this.#deltaHead = `${this.#head}{"index":0,"delta":{${before}`;
    this.#deltaTail = `${behind}},"logprobs":null,"finish_reason":null}]}\n\n`;
  }

  #prepared(text: string): string {
    return this.#deltaHead + json(text) + this.#deltaTail;
  }

  #begin(part: StreamPart, index: number): string {
    this.#open = part.type;
    switch (part.type) {
      case "text":
        this.#prepare('"content":', "");
        return "";
      case "refusal":
        this.#prepare('"refusal":', "");
        return "";
      case "reasoning":
        this.#thought = { reference: createReference(), hasText: false, text: "", opaque: [] };
        this.references.set(this.#thought.reference, index);
        return "";
      case "image": {
        const images = imageShown(part.image);
        return images.length === 0 ? "" : this.#chunk({ images });
      }
      case "tool_call":
        return this.#beginCall(part);
    }
    return "";
  }

  #beginCall({ id, name, kind }: StreamPart & { type: "tool_call" }): string {
    const index = this.#calls;
    this.#calls += 1;
    const isWrapped = kind === "function" && this.#shape.isCustom(name);
    const type = isWrapped ? "custom" : kind;
    const call: OpenCall = { index, kind: type, wrapped: isWrapped ? "" : undefined, hasInput: false };
    this.#call = call;
    if (this.#shape.isLegacy) {
      // There was room for one function.
      call.kind = index === 0 ? "legacy" : "unseen";
      this.#prepare('"function_call":{"arguments":', "}");
      return index === 0 ? this.#chunk({ function_call: { name, arguments: "" } }) : "";
    }
    const input = type === "custom" ? "input" : "arguments";
    this.#prepare(`"tool_calls":[{"index":${index},"${type}":{"${input}":`, "}}]");
    return this.#chunk({ tool_calls: [{ index, id, type, [type]: { name, [input]: "" } }] });
  }

  #delta(text: string): string {
    if (this.#open === "reasoning") return this.#think(text);
    if (this.#open === "tool_call") return this.#input(text);
    return this.#open === "text" || this.#open === "refusal" ? this.#prepared(text) : "";
  }

  #think(text: string): string {
    const thought = this.#thought;
    if (thought === undefined) return "";
    thought.hasText = true;
    // The first thoughts are all of the plain text; those of later ones must be told apart from it.
    if (this.#thoughts > 0) thought.text += text;
    const said = json(text);
    return `${this.#head}{"index":0,"delta":{"reasoning_content":${said},"reasoning":${said},"cot_id":"${thought.reference}"},"logprobs":null,"finish_reason":null}]}\n\n`;
  }

  #input(text: string): string {
    const call = this.#call;
    if (call === undefined || call.kind === "unseen") return "";
    if (call.wrapped !== undefined) {
      call.wrapped += text;
      return "";
    }
    call.hasInput = true;
    return this.#prepared(text);
  }

  #state(opaque: Opaque): string {
    if (this.#thought !== undefined) this.#thought.opaque.push(opaque);
    const call = this.#call;
    if (call === undefined || (call.kind !== "function" && call.kind !== "custom")) return "";
    const state = stateFields([opaque]);
    if (Object.keys(state).length === 0) return "";
    // Clients with types want the call's own object in every delta of it.
    const own = call.kind === "custom" ? { custom: { input: "" } } : { function: { arguments: "" } };
    return this.#chunk({ tool_calls: [{ index: call.index, ...own, ...state }] });
  }

  #stop(): string {
    const [thought, call] = [this.#thought, this.#call];
    this.#open = undefined;
    this.#thought = undefined;
    this.#call = undefined;
    if (thought !== undefined) return this.#stopThought(thought);
    return call === undefined ? "" : this.#stopCall(call);
  }

  #stopThought({ reference, hasText, text, opaque }: OpenThought): string {
    const index = this.#thoughts;
    this.#thoughts += 1;
    if (opaque.length === 0) return "";
    return this.#chunk({ reasoning_details: [sealedDetail({ text, opaque }, index, hasText)], cot_id: reference });
  }

  /** Clients parse what they get, and nothing is not JSON. */
  #stopCall({ kind, wrapped, hasInput }: OpenCall): string {
    if (kind === "unseen" || hasInput) return "";
    if (wrapped !== undefined) return wrapped === "" ? "" : this.#prepared(unwrappedInput(wrapped));
    return kind === "custom" ? "" : this.#prepared("{}");
  }

  #likelihoods(logprobs: unknown): string {
    if (this.#view.conversation.logprobs === undefined) return "";
    return this.#start("") + this.#chunk({}, null, logprobs);
  }

  #finish({ reason, raw }: Finish): string {
    if (reason === "error") return this.fail(brokenAnswer(raw));
    const rest = this.#start("") + this.#stop() + this.#chunk({}, finishWord(reason, this.#shape.isLegacy));
    const report = this.#view.wantsUsage && this.#usage !== undefined ? this.#report(this.#usage) : "";
    this.#isEnded = true;
    return rest + report + done;
  }

  #report({ usage, costUsd }: { usage: Usage; costUsd: number | undefined }): string {
    return `${this.#head}],"usage":${json(usageShown(usage, costUsd))}}\n\n`;
  }
}

/** Events as a client's stream. */
export function createChatStreamEncoder(view: ClientView): ChatStreamEncoder {
  return new ChatEncoder(view);
}
