import { createId } from "../../lib/ids.ts";
import type { Opaque } from "../canonical/conversation.ts";
import type { StreamEvent, StreamPart } from "../canonical/stream.ts";
import { filledOf, isFields, type Fields } from "../fields.ts";
import { createPartialArguments, type PartialArguments } from "./partial-arguments.ts";
import { mediaOf } from "./read-media.ts";

/**
 * An upstream's parts as events. Texts and thoughts come in pieces and take turns; calls come whole, or as pieces of
 * arguments that belong together until one says that nothing follows.
 */
export interface PartReader {
  /** Adds the events of one part. */
  take(part: Fields, events: StreamEvent[]): void;
  /** Ends the part that is open. */
  close(events: StreamEvent[]): void;
  hasToolCalls(): boolean;
}

interface OpenCall {
  pieces: PartialArguments;
  signature: string | undefined;
}

export function createPartReader(origin: string): PartReader {
  let index = -1;
  let open: StreamPart["type"] | undefined;
  /** The open call, while its arguments come in pieces. */
  let call: OpenCall | undefined;
  let hasToolCalls = false;

  function opaqueOf(signature: string): Opaque {
    return { origin, kind: "gemini-signature", data: signature };
  }

  function begin(part: StreamPart, events: StreamEvent[]): void {
    close(events);
    index += 1;
    open = part.type;
    events.push({ type: "part-start", index, part });
  }

  function close(events: StreamEvent[]): void {
    if (call !== undefined) {
      events.push({ type: "part-delta", index, text: call.pieces.text() });
      if (call.signature !== undefined) events.push({ type: "part-opaque", index, opaque: opaqueOf(call.signature) });
      call = undefined;
    }
    if (open !== undefined) events.push({ type: "part-stop", index });
    open = undefined;
  }

  function takeText(text: string, part: Fields, events: StreamEvent[]): void {
    const type = part["thought"] === true ? "reasoning" : "text";
    if (text !== "") {
      if (open !== type) begin(type === "text" ? { type } : { type, isSummary: true }, events);
      events.push({ type: "part-delta", index, text });
    }
    const signature = filledOf(part["thoughtSignature"]);
    if (signature === undefined) return;
    // Text has no place for a state: a part of its own carries it.
    if (type === "text" || open !== "reasoning") begin({ type: "reasoning" }, events);
    events.push({ type: "part-opaque", index, opaque: opaqueOf(signature) });
    close(events);
  }

  function beginCall(name: string, value: Fields, events: StreamEvent[]): void {
    const id = filledOf(value["id"]) ?? createId("call_");
    begin({ type: "tool_call", id, name, kind: "function" }, events);
    call = { pieces: createPartialArguments(value["args"]), signature: undefined };
    hasToolCalls = true;
  }

  function takeCall(value: Fields, part: Fields, events: StreamEvent[]): void {
    const name = filledOf(value["name"]);
    if (name !== undefined) beginCall(name, value, events);
    // What has no name continues a call, or is the end of one that is over.
    if (call === undefined) return;
    call.pieces.add(value["partialArgs"]);
    call.signature = filledOf(part["thoughtSignature"]) ?? call.signature;
    if (value["willContinue"] !== true) close(events);
  }

  function takeImage(part: Fields, events: StreamEvent[]): void {
    const media = mediaOf(part);
    if (media?.type === "image" && part["thought"] !== true) {
      begin({ type: "image", image: media }, events);
      close(events);
    }
    const signature = filledOf(part["thoughtSignature"]);
    if (signature !== undefined) takeText("", part, events);
  }

  return {
    take(part, events) {
      const { text, functionCall } = part;
      if (isFields(functionCall)) takeCall(functionCall, part, events);
      else if (typeof text === "string") takeText(text, part, events);
      else takeImage(part, events);
    },
    close,
    hasToolCalls: () => hasToolCalls,
  };
}
