import type { Finish } from "../canonical/conversation.ts";
import type { StreamEvent } from "../canonical/stream.ts";
import { countOf, fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { failureOfEvent } from "./failure.ts";
import { createItemReader, type ItemReader } from "./item-reader.ts";
import { createPartSequence } from "./part-sequence.ts";
import { readUsage } from "./usage.ts";

export interface AnswerReaderOptions {
  origin: string;
  emit: (event: StreamEvent) => void;
}

/** Reads the events of one answer, and the whole response at its end. */
export interface AnswerReader {
  take(type: string, event: Fields): void;
  /** The terminal event was there. */
  isEnded(): boolean;
}

/** How a response ended. Cut arguments make no call: length beats tool calls. */
function finishOf(response: Fields, isIncomplete: boolean, hasCalls: boolean): Finish {
  const reason = stringOf(fieldsOf(response["incomplete_details"])["reason"]);
  const raw = reason ?? stringOf(response["status"]);
  if (reason === "content_filter") return { reason: "filtered", raw };
  if (reason === "max_output_tokens" || (isIncomplete && reason === undefined)) return { reason: "length", raw };
  if (isIncomplete && !hasCalls) return { reason: "pause", raw };
  return { reason: hasCalls ? "tool_calls" : "end", raw };
}

function positionOf(event: Fields, member: string): number {
  return countOf(event[member]) ?? 0;
}

export function createAnswerReader({ origin, emit }: AnswerReaderOptions): AnswerReader {
  const parts = createPartSequence(tell);
  const items: ItemReader[] = [];
  const byIndex = new Map<number, ItemReader>();
  const byId = new Map<string, ItemReader>();
  let isStarted = false;
  let isEnded = false;
  let hasCalls = false;

  function tell(event: StreamEvent): void {
    if (event.type === "part-start" && event.part.type === "tool_call") hasCalls = true;
    emit(event);
  }

  function start(response: Fields): void {
    if (isStarted) return;
    isStarted = true;
    emit({ type: "start", id: stringOf(response["id"]) ?? "", model: filledOf(response["model"]) });
  }

  function newItem(index: number | undefined, id: string | undefined): ItemReader {
    start({});
    const item = createItemReader({ parts, origin });
    items.push(item);
    if (index !== undefined) byIndex.set(index, item);
    if (id !== undefined) byId.set(id, item);
    return item;
  }

  /** Some upstreams change an item's id from event to event, so its place counts first. */
  function itemOf(event: Fields, id: string | undefined): ItemReader {
    const index = countOf(event["output_index"]);
    const known =
      (index === undefined ? undefined : byIndex.get(index)) ?? (id === undefined ? undefined : byId.get(id));
    return known ?? newItem(index, id);
  }

  /** A new one, but for an announcement that comes twice. */
  function addedItem(event: Fields, id: string | undefined): ItemReader {
    const index = countOf(event["output_index"]);
    const known = index === undefined ? undefined : byIndex.get(index);
    const isSame = known !== undefined && !known.isDone() && id !== undefined && byId.get(id) === known;
    return isSame ? known : newItem(index, id);
  }

  function endedItem(event: Fields, item: Fields): ItemReader {
    const id = filledOf(item["id"]);
    const known = itemOf(event, id);
    // Upstreams that number nothing give every item the same place.
    return known.isDone() ? newItem(countOf(event["output_index"]), id) : known;
  }

  /** The item of the stream that an item of the whole response is. */
  function match(item: Fields, left: Set<ItemReader>): ItemReader | undefined {
    const own = byId.get(filledOf(item["id"]) ?? "");
    if (own !== undefined && left.has(own)) return own;
    const callId = filledOf(item["call_id"]);
    const alike = [...left].filter((candidate) => candidate.type() === item["type"]);
    return alike.find((candidate) => callId !== undefined && candidate.callId() === callId) ?? alike[0];
  }

  function takeWhole(response: Fields): void {
    const left = new Set(items);
    for (const item of listOf(response["output"]).filter(isFields)) {
      const known = match(item, left) ?? newItem(undefined, undefined);
      left.delete(known);
      known.finish(item);
    }
    // Some upstreams give the text alone.
    if (items.length === 0) newItem(0, undefined).wholeText("text", 0, stringOf(response["output_text"]) ?? "");
  }

  function end(type: string, response: Fields): void {
    start(response);
    takeWhole(response);
    parts.stopAll();
    isEnded = true;
    const reported = isFields(response["usage"]) ? readUsage(response["usage"]) : undefined;
    if (reported !== undefined) emit({ type: "usage", ...reported });
    const isIncomplete = type === "response.incomplete" || response["status"] === "incomplete";
    emit({ type: "finish", finish: finishOf(response, isIncomplete, hasCalls) });
  }

  function takeDelta(type: string, event: Fields): void {
    const delta = filledOf(event["delta"]);
    if (delta === undefined) return;
    const item = itemOf(event, filledOf(event["item_id"]));
    switch (type) {
      case "response.output_text.delta": {
        item.text("text", positionOf(event, "content_index"), delta);
        const content = listOf(event["logprobs"]);
        if (content.length > 0) emit({ type: "logprobs", logprobs: { content } });
        return;
      }
      case "response.refusal.delta":
        item.text("refusal", positionOf(event, "content_index"), delta);
        return;
      case "response.reasoning_summary_text.delta":
        item.thought("summary", positionOf(event, "summary_index"), delta);
        return;
      case "response.reasoning_text.delta":
      case "response.reasoning.delta":
        item.thought("content", positionOf(event, "content_index"), delta);
        return;
      case "response.function_call_arguments.delta":
        item.input("function_call", delta);
        return;
      case "response.custom_tool_call_input.delta":
        item.input("custom_tool_call", delta);
    }
  }

  function takeDone(type: string, event: Fields): void {
    const item = (): ItemReader => itemOf(event, filledOf(event["item_id"]));
    switch (type) {
      case "response.output_text.done":
        item().wholeText("text", positionOf(event, "content_index"), stringOf(event["text"]) ?? "");
        return;
      case "response.refusal.done":
        item().wholeText("refusal", positionOf(event, "content_index"), stringOf(event["refusal"]) ?? "");
        return;
      case "response.reasoning_summary_text.done":
        item().wholeThought("summary", positionOf(event, "summary_index"), stringOf(event["text"]) ?? "");
        return;
      case "response.reasoning_text.done":
      case "response.reasoning.done":
        item().wholeThought("content", positionOf(event, "content_index"), stringOf(event["text"]) ?? "");
        return;
      case "response.function_call_arguments.done":
        item().wholeInput("function_call", stringOf(event["arguments"]) ?? "");
        return;
      case "response.custom_tool_call_input.done":
        item().wholeInput("custom_tool_call", stringOf(event["input"]) ?? "");
    }
  }

  return {
    isEnded: () => isEnded,
    take(type, event) {
      if (isEnded) return;
      const failure = failureOfEvent(type, event);
      if (failure !== undefined) {
        isEnded = true;
        emit({ type: "error", error: failure });
        return;
      }
      if (type.endsWith(".delta")) {
        takeDelta(type, event);
        return;
      }
      const item = fieldsOf(event["item"]);
      switch (type) {
        case "response.created":
        case "response.in_progress":
        case "response.queued":
          start(fieldsOf(event["response"]));
          return;
        case "response.output_item.added":
          addedItem(event, filledOf(item["id"])).announce(item);
          return;
        case "response.output_item.done":
          endedItem(event, item).finish(item);
          return;
        case "response.completed":
        case "response.incomplete":
          end(type, fieldsOf(event["response"]));
          return;
        default:
          takeDone(type, event);
      }
    },
  };
}
