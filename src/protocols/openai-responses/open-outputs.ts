import type { Opaque } from "../canonical/conversation.ts";
import { unwrappedInput } from "../canonical/custom-tools.ts";
import { sealOpaque } from "../canonical/opaque-token.ts";
import type { Fields } from "../fields.ts";
import type { EventWriter } from "./event-writer.ts";
import {
  openCall,
  openMessage,
  openReasoning,
  type ItemPlace,
  type ItemStatus,
  type OpenMessage,
  type OpenReasoning,
} from "./item-writers.ts";

/** The items of an answer that are whole, and where the next one stands. */
export interface OutputList {
  readonly items: Fields[];
  place(prefix: string, fields: Fields): ItemPlace;
}

/** A part of an answer that is open. Its item begins with its first text or state, so that an empty part makes none. */
export interface OpenOutput {
  push(text: string): string;
  seal(state: Opaque): void;
  /** Ends its items and puts them into the list. */
  close(status: ItemStatus): string;
  soFar(): Fields | undefined;
}

/** Ids derive from the answer's own, so that a stream and a whole answer name their items alike. */
export function createOutputList(writer: EventWriter, responseId: string): OutputList {
  const base = responseId.startsWith("resp_") ? responseId.slice("resp_".length) : responseId;
  const items: Fields[] = [];
  return {
    items,
    place(prefix, fields) {
      const index = items.length;
      const id = `${prefix}_${base}_${index}`;
      return { writer, index, id, fields: { id, ...fields } };
    },
  };
}

export interface OpenText extends OpenOutput {
  /** A further part of the same message. */
  next(kind: "text" | "refusal"): void;
  addLogprobs(logprobs: readonly unknown[]): void;
}

export function openText(list: OutputList, first: "text" | "refusal"): OpenText {
  let message: OpenMessage | undefined;
  let kind = first;
  let isBegun = false;
  function begin(): string {
    const isNew = message === undefined;
    message ??= openMessage(list.place("msg", { type: "message", role: "assistant" }));
    isBegun = true;
    return (isNew ? message.opening : "") + message.begin(kind);
  }
  return {
    next(following) {
      kind = following;
      isBegun = false;
    },
    push(text) {
      const events = isBegun ? "" : begin();
      return events + (message?.push(text) ?? "");
    },
    seal: () => undefined,
    addLogprobs: (logprobs) => message?.addLogprobs(logprobs),
    soFar: () => message?.soFar(),
    close(status) {
      if (message === undefined) return "";
      const events = message.close(status);
      list.items.push(message.soFar());
      return events;
    },
  };
}

/** Thoughts are always told as a summary: that is what clients show. */
export function openThoughts(list: OutputList): OpenOutput {
  const states: Opaque[] = [];
  let item: OpenReasoning | undefined;
  let hasText = false;
  function begin(): string {
    if (item !== undefined) return "";
    item = openReasoning(list.place("rs", { type: "reasoning" }));
    return item.opening;
  }
  return {
    push(text) {
      let events = begin();
      if (!hasText) events += item?.begin("summary") ?? "";
      hasText = true;
      return events + (item?.push(text) ?? "");
    },
    seal: (state) => void states.push(state),
    soFar: () => item?.soFar(),
    close(status) {
      const events = states.length > 0 ? begin() : "";
      if (item === undefined) return events;
      // Also an empty seal: by it the gateway knows its own items again where the upstream speaks this protocol.
      item.seal(sealOpaque(states));
      const rest = item.close(status);
      list.items.push(item.soFar());
      return events + rest;
    },
  };
}

export interface CallOutput {
  /** `call_id`, `name`, `namespace`. */
  call: Fields;
  kind: "function" | "custom";
  /** What comes is JSON that holds a custom tool's text. */
  isWrapped: boolean;
}

/** State of a call has no place in the call's own item: it follows in a reasoning item without text. */
export function openCallOutput(
  list: OutputList,
  { call, kind, isWrapped }: CallOutput,
): OpenOutput & { opening: string } {
  const type = kind === "custom" ? "custom_tool_call" : "function_call";
  const item = openCall(list.place(kind === "custom" ? "ctc" : "fc", { type, ...call }), kind);
  const states: Opaque[] = [];
  let wrapped = "";
  let isEmpty = true;
  return {
    opening: item.opening,
    push(text) {
      isEmpty = false;
      if (!isWrapped) return item.push(text);
      wrapped += text;
      return "";
    },
    seal: (state) => void states.push(state),
    soFar: () => item.soFar(),
    close(status) {
      let events = "";
      const input = isWrapped && wrapped !== "" ? unwrappedInput(wrapped) : "";
      if (input !== "") events += item.push(input);
      // A call without arguments has none of JSON's texts for them, and clients parse what they get.
      if (isEmpty && kind === "function" && status === "completed") events += item.push("{}");
      events += item.close(status);
      list.items.push(item.soFar());
      if (states.length === 0) return events;
      const thoughts = openThoughts(list);
      for (const state of states) thoughts.seal(state);
      return events + thoughts.close("completed");
    },
  };
}
