import { createId } from "../../lib/ids.ts";
import type { StreamPart } from "../canonical/stream.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import type { PartSequence, Segment } from "./part-sequence.ts";

/** A text that comes in deltas, whole at its end, or both: what is told already is counted, not kept. */
interface Cursor {
  segment: Segment;
  told: number;
}

export type CallType = "function_call" | "custom_tool_call";

/** One item of an upstream's output while it comes. Everything of it may be said in pieces, at its end, or both. */
export interface ItemReader {
  /** As far as it is known. */
  readonly type: () => string | undefined;
  readonly callId: () => string | undefined;
  readonly isDone: () => boolean;
  /** The item as it is announced. */
  announce(item: Fields): void;
  text(kind: "text" | "refusal", position: number, delta: string): void;
  wholeText(kind: "text" | "refusal", position: number, text: string): void;
  thought(kind: "summary" | "content", position: number, delta: string): void;
  wholeThought(kind: "summary" | "content", position: number, text: string): void;
  input(kind: CallType, delta: string): void;
  wholeInput(kind: CallType, text: string): void;
  /** The item as it ended. */
  finish(item: Fields): void;
}

export interface ItemReaderOptions {
  parts: PartSequence;
  /** Of the upstream whose encrypted reasoning this is. */
  origin: string;
}

function isCall(type: string | undefined): boolean {
  return type === "function_call" || type === "custom_tool_call";
}

export function createItemReader({ parts, origin }: ItemReaderOptions): ItemReader {
  const cursors = new Map<string, Cursor>();
  const thoughts = new Map<string, Segment>();
  let type: string | undefined;
  let callId: string | undefined;
  let call: Cursor | undefined;
  /** Input of a call whose name is not known yet. */
  let early = "";
  let isDone = false;

  function cursorOf(key: string, part: () => Segment): Cursor {
    let cursor = cursors.get(key);
    if (cursor === undefined) {
      cursor = { segment: part(), told: 0 };
      cursors.set(key, cursor);
    }
    return cursor;
  }

  const textCursor = (kind: "text" | "refusal", position: number): Cursor =>
    cursorOf(`${kind}${position}`, () => parts.segment({ type: kind }));

  function thoughtSegment(kind: "summary" | "content"): Segment {
    let segment = thoughts.get(kind);
    if (segment === undefined) {
      segment = parts.segment({ type: "reasoning", isSummary: kind === "summary" });
      thoughts.set(kind, segment);
    }
    return segment;
  }

  function add(cursor: Cursor, delta: string): void {
    parts.append(cursor.segment, delta);
    cursor.told += delta.length;
  }

  function addThought(kind: "summary" | "content", position: number, delta: string): void {
    if (delta === "") return;
    type ??= "reasoning";
    const segment = thoughtSegment(kind);
    const cursor = cursorOf(`${kind}${position}`, () => segment);
    // Each summary is a paragraph of its own.
    if (cursor.told === 0 && segment.state === "open") parts.append(segment, "\n\n");
    add(cursor, delta);
  }

  /** What of a whole text was not told in deltas. */
  function missing(cursor: Cursor | undefined, text: string): string {
    return cursor === undefined ? text : text.slice(cursor.told);
  }

  function wholeThought(kind: "summary" | "content", position: number, text: string): void {
    addThought(kind, position, missing(cursors.get(`${kind}${position}`), text));
  }

  function wholeText(kind: "text" | "refusal", position: number, text: string): void {
    type ??= "message";
    const cursor = textCursor(kind, position);
    add(cursor, missing(cursor, text));
    parts.stop(cursor.segment);
  }

  function openCall(item: Fields): void {
    const name = filledOf(item["name"]);
    if (call !== undefined || name === undefined) return;
    callId = filledOf(item["call_id"]) ?? filledOf(item["id"]) ?? createId("call_");
    const kind = type === "custom_tool_call" ? "custom" : "function";
    const part: StreamPart = { type: "tool_call", id: callId, name, kind };
    call = { segment: parts.segment(part), told: 0 };
    parts.start(call.segment);
    add(call, early);
    early = "";
  }

  function finishMessage(item: Fields): void {
    for (const [position, value] of listOf(item["content"]).entries()) {
      const content = fieldsOf(value);
      if (content["type"] === "refusal") wholeText("refusal", position, stringOf(content["refusal"]) ?? "");
      else if (typeof content["text"] === "string") wholeText("text", position, content["text"]);
    }
    for (const { segment } of cursors.values()) parts.stop(segment);
  }

  function finishReasoning(item: Fields): void {
    for (const kind of ["summary", "content"] as const) {
      for (const [position, value] of listOf(item[kind]).entries())
        wholeThought(kind, position, stringOf(fieldsOf(value)["text"]) ?? "");
    }
    const data = filledOf(item["encrypted_content"]);
    const state = { origin, kind: "openai-encrypted", data: data ?? "" } as const;
    const open = [...thoughts.values()].find((segment) => segment.state === "open") ?? [...thoughts.values()].at(-1);
    if (data !== undefined) parts.seal(open ?? thoughtSegment("summary"), state);
    for (const segment of thoughts.values()) parts.stop(segment);
  }

  function finishCall(item: Fields): void {
    openCall(item);
    if (call === undefined) return;
    const whole = item[type === "custom_tool_call" ? "input" : "arguments"];
    // Some upstreams give arguments as values.
    add(call, missing(call, isFields(whole) ? JSON.stringify(whole) : (stringOf(whole) ?? "")));
    parts.stop(call.segment);
  }

  function finishPicture(item: Fields): void {
    const data = filledOf(item["result"]);
    if (data === undefined) return;
    const mediaType = `image/${filledOf(item["output_format"]) ?? "png"}`;
    const segment = parts.segment({
      type: "image",
      image: { type: "image", source: { kind: "base64", mediaType, data } },
    });
    parts.start(segment);
    parts.stop(segment);
  }

  return {
    type: () => type,
    callId: () => callId,
    isDone: () => isDone,
    announce(item) {
      type = stringOf(item["type"]) ?? type;
      // Without its own id a call waits for the end of its item, which has one.
      if (isCall(type) && filledOf(item["call_id"]) !== undefined) openCall(item);
    },
    text(kind, position, delta) {
      type ??= "message";
      add(textCursor(kind, position), delta);
    },
    wholeText,
    thought: addThought,
    wholeThought,
    input(kind, delta) {
      type ??= kind;
      if (call === undefined) early += delta;
      else add(call, delta);
    },
    wholeInput(kind, text) {
      type ??= kind;
      if (call === undefined) {
        early += text.slice(early.length);
        return;
      }
      add(call, missing(call, text));
      parts.stop(call.segment);
    },
    finish(item) {
      if (isDone) return;
      isDone = true;
      type = stringOf(item["type"]) ?? type;
      if (type === "message") finishMessage(item);
      else if (type === "reasoning") finishReasoning(item);
      else if (isCall(type)) finishCall(item);
      else if (type === "image_generation_call") finishPicture(item);
    },
  };
}
