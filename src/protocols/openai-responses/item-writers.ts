import { listOf, type Fields } from "../fields.ts";
import type { EventWriter } from "./event-writer.ts";

export type ItemStatus = "completed" | "incomplete";

/** Where an item stands in a stream, and what of it does not change. `fields` hold its `id` and `type`. */
export interface ItemPlace {
  writer: EventWriter;
  index: number;
  id: string;
  fields: Fields;
}

/** An item whose first event is written. Every method returns the events (latin1) that it makes. */
export interface OpenItem {
  push(text: string): string;
  /** The item as far as it got. */
  soFar(): Fields;
  /** The rest of its life cycle; `soFar` is whole with it. */
  close(status: ItemStatus): string;
}

function added({ writer, index }: ItemPlace, item: Fields): string {
  return writer.write("response.output_item.added", { output_index: index, item });
}

function done({ writer, index }: ItemPlace, item: Fields): string {
  return writer.write("response.output_item.done", { output_index: index, item });
}

/** An item that has no life cycle of its own. */
export function writeWholeItem(place: ItemPlace, unfinished: Fields): string {
  return added(place, { ...place.fields, ...unfinished }) + done(place, place.fields);
}

const callKinds = {
  function: { member: "arguments", event: "response.function_call_arguments" },
  custom: { member: "input", event: "response.custom_tool_call_input" },
} as const;

/** A call of a function or of a custom tool; `opening` is its first event. */
export function openCall(place: ItemPlace, kind: keyof typeof callKinds): OpenItem & { opening: string } {
  const { writer, index, id, fields } = place;
  const { member, event } = callKinds[kind];
  const where = { item_id: id, output_index: index };
  const delta = writer.deltas(`${event}.delta`, where);
  let text = "";
  let status: string = "in_progress";
  const soFar = (): Fields => ({ ...fields, [member]: text, status });
  return {
    opening: added(place, soFar()),
    push(piece) {
      text += piece;
      return delta(piece);
    },
    soFar: () => (status === "in_progress" ? { ...soFar(), status: "incomplete" } : soFar()),
    close(final) {
      status = final;
      return writer.write(`${event}.done`, { ...where, [member]: text }) + done(place, soFar());
    },
  };
}

interface OpenContent {
  part: Fields;
  member: "text" | "refusal";
  delta(text: string): string;
  text: string;
}

export interface OpenMessage extends OpenItem {
  opening: string;
  /** Begins a further part; `part` is what does not change of it. */
  begin(kind: "text" | "refusal", part?: Fields): string;
  /** Log probabilities of the text that is open. */
  addLogprobs(logprobs: readonly unknown[]): void;
}

const emptyText: Fields = { annotations: [], logprobs: [] };

/** A message with one part after another. */
export function openMessage(place: ItemPlace): OpenMessage {
  const { writer, id, fields } = place;
  const contents: Fields[] = [];
  let open: OpenContent | undefined;
  let logprobs: unknown[] = [];
  let status: string | undefined;
  const where = (): Fields => ({ item_id: id, output_index: place.index, content_index: contents.length });
  const partSoFar = ({ part, member, text }: OpenContent): Fields =>
    logprobs.length === 0 ? { ...part, [member]: text } : { ...part, [member]: text, logprobs };
  const soFar = (): Fields => ({
    ...fields,
    content: open === undefined ? contents : [...contents, partSoFar(open)],
    status: status ?? "incomplete",
  });

  function writeAnnotations(part: Fields): string {
    let events = "";
    for (const [position, annotation] of listOf(part["annotations"]).entries())
      events += writer.write("response.output_text.annotation.added", {
        ...where(),
        annotation_index: position,
        annotation,
      });
    return events;
  }

  function closePart(): string {
    if (open === undefined) return "";
    const part = partSoFar(open);
    const at = where();
    const told = open.member === "text" ? { text: open.text, logprobs } : { refusal: open.text };
    const text =
      writeAnnotations(part) +
      writer.write(open.member === "text" ? "response.output_text.done" : "response.refusal.done", { ...at, ...told }) +
      writer.write("response.content_part.done", { ...at, part });
    contents.push(part);
    open = undefined;
    logprobs = [];
    return text;
  }

  return {
    opening: added(place, { ...fields, content: [], status: "in_progress" }),
    begin(kind, part = {}) {
      const before = closePart();
      const fixed = kind === "text" ? { type: "output_text", ...emptyText, ...part } : { type: "refusal", ...part };
      const member = kind === "text" ? "text" : "refusal";
      const delta = writer.deltas(kind === "text" ? "response.output_text.delta" : "response.refusal.delta", where());
      open = { part: fixed, member, delta, text: "" };
      const shown = kind === "text" ? { ...fixed, ...emptyText, text: "" } : { ...fixed, refusal: "" };
      return before + writer.write("response.content_part.added", { ...where(), part: shown });
    },
    push(text) {
      if (open === undefined) return "";
      open.text += text;
      return open.delta(text);
    },
    addLogprobs(more) {
      for (const entry of more) logprobs.push(entry);
    },
    soFar,
    close(final) {
      const text = closePart();
      status = final;
      return text + done(place, soFar());
    },
  };
}

interface Thought {
  kind: "summary" | "content";
  text: string;
}

export interface OpenReasoning extends OpenItem {
  opening: string;
  /** Begins a further summary or a further text of the thoughts themselves. */
  begin(kind: Thought["kind"]): string;
  /** State that goes with the item. */
  seal(encryptedContent: string): void;
}

const thoughtKinds = {
  summary: {
    type: "summary_text",
    index: "summary_index",
    part: "reasoning_summary_part",
    text: "reasoning_summary_text",
  },
  content: { type: "reasoning_text", index: "content_index", part: "content_part", text: "reasoning_text" },
} as const;

/** Reasoning. It has no status: OpenAI refuses one when the item comes back. */
export function openReasoning(place: ItemPlace): OpenReasoning {
  const { writer, index, id, fields } = place;
  const thoughts: Thought[] = [];
  let open: Thought | undefined;
  let delta: ((text: string) => string) | undefined;
  let encrypted: Fields = {};
  const partOf = ({ kind, text }: Thought): Fields => ({ type: thoughtKinds[kind].type, text });
  const partsOf = (kind: Thought["kind"]): Fields[] => thoughts.filter((thought) => thought.kind === kind).map(partOf);
  const where = ({ kind }: Thought): Fields => {
    const position = thoughts.filter((thought) => thought.kind === kind).length - 1;
    return { item_id: id, output_index: index, [thoughtKinds[kind].index]: position };
  };

  function soFar(): Fields {
    const content = partsOf("content");
    return { ...fields, summary: partsOf("summary"), ...(content.length === 0 ? {} : { content }), ...encrypted };
  }

  function closePart(): string {
    if (open === undefined) return "";
    const at = where(open);
    const { part, text } = thoughtKinds[open.kind];
    const events =
      writer.write(`response.${text}.done`, { ...at, text: open.text }) +
      writer.write(`response.${part}.done`, { ...at, part: partOf(open) });
    open = undefined;
    return events;
  }

  return {
    opening: added(place, { ...fields, summary: [] }),
    begin(kind) {
      const before = closePart();
      open = { kind, text: "" };
      thoughts.push(open);
      const at = where(open);
      delta = writer.deltas(`response.${thoughtKinds[kind].text}.delta`, at);
      return before + writer.write(`response.${thoughtKinds[kind].part}.added`, { ...at, part: partOf(open) });
    },
    push(text) {
      if (open === undefined) return "";
      open.text += text;
      return delta?.(text) ?? "";
    },
    seal(encryptedContent) {
      encrypted = { encrypted_content: encryptedContent };
    },
    soFar,
    close() {
      return closePart() + done(place, soFar());
    },
  };
}
