import type { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import type { ImagePart, Opaque } from "../canonical/conversation.ts";
import type { StreamEvent, StreamPart } from "../canonical/stream.ts";
import { isFields, jsonOf, type Fields } from "../fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { addDetail, detailsState } from "./reasoning.ts";

type TextKind = "text" | "reasoning" | "refusal";

interface QueuedItem {
  type: TextKind | "image" | "tool_call";
  isOpen: boolean;
  isClosed: boolean;
  /** Text that has not gone out: something before it is not at its end. */
  held: string;
  states: Opaque[];
}

interface QueuedText extends QueuedItem {
  type: TextKind;
  isSummary: boolean;
  details: Fields[];
}

interface QueuedImage extends QueuedItem {
  type: "image";
  image: ImagePart;
}

export interface QueuedCall extends QueuedItem {
  type: "tool_call";
  /** Servers may tell id and name late; the call goes out with both. */
  id: string | undefined;
  name: string | undefined;
  kind: "function" | "custom";
  /** All of it so far. */
  input: string;
  /** The input's last character but for space closes an object: it may be whole. */
  mayBeWhole: boolean;
  /** How often it was tried whether it is. */
  tries: number;
}

type Item = QueuedText | QueuedImage | QueuedCall;

/** Whether the arguments are a whole JSON object: nothing but space can follow. */
export function isWhole({ mayBeWhole, input }: QueuedCall): boolean {
  return mayBeWhole && isFields(jsonOf(input));
}

/** So often a call is looked at for its end while another waits behind it; then it lasts until the answer's end. */
const mostTries = 64;

/**
 * Parts one after another out of deltas that come in any order. The first part of the queue goes out as it comes; what
 * belongs to later ones is held until it is at its end. A text ends where anything else begins; a call ends when its
 * arguments are whole and something waits, or with the answer.
 */
export class PartQueue {
  #events: StreamEvent[] = [];
  #items: Item[] = [];
  /** How many of the items are closed. */
  #closed = 0;
  #index = -1;
  /** Details that came behind the thoughts: they wait for the next ones, or for the end. */
  #lateDetails: Fields[] = [];
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** What has become of the deltas since the last time. */
  take(): StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  emit(event: StreamEvent): void {
    this.#events.push(event);
  }

  text(type: TextKind, text: string, isSummary = false): void {
    const last = this.#items.at(-1);
    if (last?.type === type) return this.#append(last, text);
    const details = type === "reasoning" ? this.#lateDetails.splice(0) : [];
    this.#enter({ type, isSummary, details, held: text, states: [], isOpen: false, isClosed: false });
  }

  details(details: readonly Fields[]): void {
    const last = this.#items.at(-1);
    const list = last?.type === "reasoning" ? last.details : this.#lateDetails;
    for (const detail of details) addDetail(list, detail);
  }

  image(image: ImagePart): void {
    this.#enter({ type: "image", image, held: "", states: [], isOpen: false, isClosed: false });
  }

  /** A call begins; its id and name may follow. */
  newCall(kind: "function" | "custom"): QueuedCall {
    const call: QueuedCall = {
      type: "tool_call",
      id: undefined,
      name: undefined,
      kind,
      input: "",
      held: "",
      mayBeWhole: false,
      tries: 0,
      states: [],
      isOpen: false,
      isClosed: false,
    };
    this.#enter(call);
    return call;
  }

  /** More of a call, or its id or name has become known. What comes for a call that was closed is too late. */
  addInput(call: QueuedCall, text: string): void {
    if (call.isClosed) return;
    call.input += text;
    // Looked at in the piece: the whole of it would be copied together every time.
    const end = text.trimEnd();
    if (end !== "") call.mayBeWhole = end.endsWith("}");
    this.#append(call, text);
  }

  /** Gemini's state of a call: as many as come, the last counts. */
  addSignature(call: QueuedCall, data: string): void {
    call.states = [{ origin: this.#origin, kind: "gemini-signature", data }];
  }

  /** All parts end. Gives the failure when one cannot. */
  finish(): GatewayError | undefined {
    const late = this.#lateDetails.splice(0);
    if (late.length > 0) {
      const item = { type: "reasoning", isSummary: false, details: late } as const;
      this.#items.push({ ...item, held: "", states: [], isOpen: false, isClosed: false });
    }
    for (const item of this.#items.slice(this.#closed)) {
      if (item.type === "tool_call") {
        if (item.name === undefined) return namelessCall();
        item.id ??= createId("call_");
      }
      this.#open(item);
      this.#close(item);
    }
    return undefined;
  }

  #append(item: Item, text: string): void {
    item.held += text;
    if (item === this.#items[this.#closed]) this.#advance();
  }

  #enter(item: Item): void {
    this.#items.push(item);
    this.#advance();
  }

  #advance(): void {
    for (;;) {
      const head = this.#items[this.#closed];
      if (head === undefined) return;
      this.#open(head);
      if (this.#items.length === this.#closed + 1 || !isAtEnd(head)) return;
      this.#close(head);
    }
  }

  /** Opens what can be told, and gives what was held of it. */
  #open(item: Item): void {
    if (!item.isOpen) {
      const part = streamPartOf(item);
      if (part === undefined) return;
      item.isOpen = true;
      this.#index += 1;
      this.#events.push({ type: "part-start", index: this.#index, part });
    }
    if (item.held === "") return;
    this.#events.push({ type: "part-delta", index: this.#index, text: item.held });
    item.held = "";
  }

  #close(item: Item): void {
    item.isClosed = true;
    this.#closed += 1;
    const index = this.#index;
    if (item.type === "reasoning" && item.details.length > 0)
      item.states.push(detailsState(item.details, this.#origin));
    for (const opaque of item.states) this.#events.push({ type: "part-opaque", index, opaque });
    this.#events.push({ type: "part-stop", index });
  }
}

function namelessCall(): GatewayError {
  return invalidAnswer("The upstream called a tool and did not say which.");
}

function isAtEnd(item: Item): boolean {
  if (item.type !== "tool_call") return true;
  if (!item.isOpen || item.kind === "custom" || !item.mayBeWhole || item.tries >= mostTries) return false;
  item.tries += 1;
  return isWhole(item);
}

function streamPartOf(item: Item): StreamPart | undefined {
  if (item.type === "image") return { type: "image", image: item.image };
  if (item.type === "reasoning") return item.isSummary ? { type: "reasoning", isSummary: true } : { type: "reasoning" };
  if (item.type !== "tool_call") return { type: item.type };
  const { id, name, kind } = item;
  return id === undefined || name === undefined ? undefined : { type: "tool_call", id, name, kind };
}
