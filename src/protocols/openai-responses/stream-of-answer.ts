import { createId } from "../../lib/ids.ts";
import { parseAnswer } from "../answer-edit.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { createEventWriter, type EventWriter } from "./event-writer.ts";
import { failureOfResponse } from "./failure.ts";
import {
  openCall,
  openMessage,
  openReasoning,
  writeWholeItem,
  type ItemPlace,
  type ItemStatus,
} from "./item-writers.ts";

function statusOf(item: Fields): ItemStatus {
  return item["status"] === "incomplete" ? "incomplete" : "completed";
}

/** An item's events, and the item as they leave it. */
interface Written {
  events: string;
  item: Fields;
}

function messageEvents(place: ItemPlace, item: Fields): Written {
  const message = openMessage(place);
  let events = message.opening;
  for (const content of listOf(item["content"])) {
    const { text, refusal, logprobs, ...part } = fieldsOf(content);
    const isRefusal = part["type"] === "refusal";
    events += message.begin(isRefusal ? "refusal" : "text", part);
    const whole = stringOf(isRefusal ? refusal : text) ?? "";
    if (whole !== "") events += message.push(whole);
    message.addLogprobs(listOf(logprobs));
  }
  events += message.close(statusOf(item));
  return { events, item: message.soFar() };
}

function reasoningEvents(place: ItemPlace, item: Fields): Written {
  const reasoning = openReasoning(place);
  let events = reasoning.opening;
  for (const kind of ["summary", "content"] as const) {
    for (const thought of listOf(item[kind])) {
      events += reasoning.begin(kind);
      const text = stringOf(fieldsOf(thought)["text"]) ?? "";
      if (text !== "") events += reasoning.push(text);
    }
  }
  const encrypted = filledOf(item["encrypted_content"]);
  if (encrypted !== undefined) reasoning.seal(encrypted);
  events += reasoning.close(statusOf(item));
  return { events, item: reasoning.soFar() };
}

function callEvents(place: ItemPlace, item: Fields): Written {
  const kind = item["type"] === "custom_tool_call" ? "custom" : "function";
  const call = openCall(place, kind);
  const input = stringOf(item[kind === "custom" ? "input" : "arguments"]) ?? "";
  const events = call.opening + (input === "" ? "" : call.push(input)) + call.close(statusOf(item));
  return { events, item: call.soFar() };
}

/** What of an item does not change while it is written. */
const changing = ["content", "summary", "encrypted_content", "arguments", "input", "status"];

function writeItem(writer: EventWriter, item: Fields, index: number): Written {
  const type = stringOf(item["type"]) ?? "";
  const id = filledOf(item["id"]) ?? createId("item_");
  const isKnown = ["message", "reasoning", "function_call", "custom_tool_call"].includes(type);
  const members = Object.entries(item).filter(([name]) => !isKnown || !changing.includes(name));
  const place: ItemPlace = { writer, index, id, fields: { ...Object.fromEntries(members), id } };
  if (type === "message") return messageEvents(place, item);
  if (type === "reasoning") return reasoningEvents(place, item);
  if (isKnown) return callEvents(place, item);
  return { events: writeWholeItem(place, "status" in item ? { status: "in_progress" } : {}), item: place.fields };
}

const unfinished: Fields = {
  status: "in_progress",
  completed_at: null,
  incomplete_details: null,
  output: [],
  usage: null,
};

function terminalEvent(response: Fields): string {
  if (failureOfResponse(response) !== undefined) return "response.failed";
  return response["status"] === "incomplete" ? "response.incomplete" : "response.completed";
}

/** A whole answer (latin1) as the stream it would have been, for an upstream that ignored `stream: true`. */
export function streamOfAnswer(answer: string): string {
  const response = parseAnswer(answer);
  const writer = createEventWriter();
  const begun = { ...response, error: null, ...unfinished };
  let events =
    writer.write("response.created", { response: begun }) + writer.write("response.in_progress", { response: begun });
  const output: Fields[] = [];
  for (const item of listOf(response["output"]).filter(isFields)) {
    const written = writeItem(writer, item, output.length);
    events += written.events;
    output.push(written.item);
  }
  return events + writer.write(terminalEvent(response), { response: { ...response, output } });
}
