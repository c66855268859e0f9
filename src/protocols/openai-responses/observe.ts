import type { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import type { EventReader, Look } from "../event-editor.ts";
import { fieldsOf, filledOf, isFields, listOf, numberOf, stringOf, type Fields } from "../fields.ts";
import type { Observation } from "../protocol.ts";
import { createEventWriter, failureEvents } from "./event-writer.ts";
import { failureOfEvent, failureOfResponse } from "./failure.ts";
import { brokenResponse, newResponse } from "./response-object.ts";
import { readUsage } from "./usage.ts";

function addText(observation: Observation, text: unknown, textLimit: number): void {
  if (typeof text !== "string" || observation.text.length >= textLimit) return;
  observation.text = (observation.text + text).slice(0, textLimit);
}

function callStart(item: Fields): string | undefined {
  const isCall = item["type"] === "function_call" || item["type"] === "custom_tool_call";
  return isCall ? `[tool ${stringOf(item["name"]) ?? ""}] ` : undefined;
}

/** The text of a whole item, as deltas would have told it. */
function textOfItem(item: Fields): string {
  const start = callStart(item);
  if (start !== undefined) return start + (stringOf(item["arguments"]) ?? stringOf(item["input"]) ?? "");
  if (item["type"] !== "message") return "";
  return listOf(item["content"])
    .map((part) => stringOf(fieldsOf(part)["text"]) ?? stringOf(fieldsOf(part)["refusal"]) ?? "")
    .join("");
}

/** The upstream's own word for how an answer ended. */
function finishOf(response: Fields): string | undefined {
  return stringOf(fieldsOf(response["incomplete_details"])["reason"]) ?? stringOf(response["status"]);
}

/** Adds what a response object says to the observation. */
function observeResponse(observation: Observation, response: Fields, textLimit: number): void {
  observation.upstreamId = filledOf(response["id"]) ?? observation.upstreamId;
  observation.model = filledOf(response["model"]) ?? observation.model;
  const reported = isFields(response["usage"]) ? readUsage(response["usage"]) : undefined;
  if (reported !== undefined) {
    observation.usage = reported.usage;
    observation.costUsd = reported.costUsd ?? observation.costUsd;
  }
  // Some upstreams send no deltas.
  if (observation.text !== "") return;
  for (const item of listOf(response["output"])) addText(observation, textOfItem(fieldsOf(item)), textLimit);
}

/** A whole answer: what it says, and whether it is one. */
export function lookAtAnswer(response: Fields, observation: Observation, textLimit: number): Look {
  observeResponse(observation, response, textLimit);
  const failure = failureOfResponse(response);
  if (failure !== undefined) return { hasContent: false, failure };
  observation.finishReason = finishOf(response);
  return { hasContent: true, isOnlyEnd: isEmptyOutput(response) };
}

const textDeltas = new Set([
  "response.output_text.delta",
  "response.refusal.delta",
  "response.function_call_arguments.delta",
  "response.custom_tool_call_input.delta",
]);

function isEmptyPart(part: unknown): boolean {
  return (fieldsOf(part)["text"] ?? fieldsOf(part)["refusal"]) === "";
}

/** An item that only announces itself is no content: the upstream may still fail as if nothing had been. */
function isEmptyItem(item: Fields): boolean {
  if (item["type"] === "message") return listOf(item["content"]).every(isEmptyPart);
  return item["type"] === "reasoning" && listOf(item["summary"]).length === 0;
}

function isEmptyOutput(response: Fields): boolean {
  return listOf(response["output"]).every((item) => isEmptyItem(fieldsOf(item)));
}

function hasContent(type: string, event: Fields): boolean {
  if (type.endsWith(".delta")) return event["delta"] !== "";
  if (type === "response.output_item.added") return !isEmptyItem(fieldsOf(event["item"]));
  if (!type.endsWith(".done")) return false;
  if (isFields(event["item"])) return !isEmptyItem(event["item"]);
  return isFields(event["part"]) ? !isEmptyPart(event["part"]) : event["text"] !== "";
}

/** Reads one stream of an upstream. It remembers what is needed to end the client's, should the upstream not. */
export function createResponsesReader(modelShown: string | undefined): EventReader {
  let response: Fields | undefined;
  const output: unknown[] = [];
  let passed = 0;
  let lastNumber: number | undefined;
  let hasDeltas = false;

  /** Some upstreams send whole items only. */
  function count(type: string, event: Fields, observation: Observation): void {
    const { delta } = event;
    if (type.endsWith(".delta") && typeof delta === "string" && !type.startsWith("response.audio.")) {
      hasDeltas = true;
      observation.answerBytes += Buffer.byteLength(delta);
    } else if (type === "response.output_item.done" && !hasDeltas)
      observation.answerBytes += Buffer.byteLength(textOfItem(fieldsOf(event["item"])));
  }

  function remember(type: string, event: Fields): void {
    passed += 1;
    lastNumber = numberOf(event["sequence_number"]) ?? lastNumber;
    if (isFields(event["response"])) response = event["response"];
    if (type === "response.output_item.done" && event["item"] !== undefined) output.push(event["item"]);
  }

  function look(event: Fields, observation: Observation, textLimit: number): Look {
    const type = stringOf(event["type"]) ?? "";
    if (isFields(event["response"])) observeResponse(observation, event["response"], textLimit);
    const failure = failureOfEvent(type, event);
    if (failure !== undefined) return { hasContent: false, failure };
    remember(type, event);
    count(type, event, observation);
    if (type === "response.completed" || type === "response.incomplete") {
      observation.finishReason = finishOf(fieldsOf(event["response"])) ?? type.slice("response.".length);
      const isOnlyEnd = isEmptyOutput(fieldsOf(event["response"]));
      return { hasContent: true, isOnlyEnd, isComplete: true, isEnded: true };
    }
    if (textDeltas.has(type)) addText(observation, event["delta"], textLimit);
    if (type === "response.output_item.added") addText(observation, callStart(fieldsOf(event["item"])), textLimit);
    return { hasContent: hasContent(type, event) };
  }

  function fail(error: GatewayError): string {
    const isNew = response === undefined;
    const begun = response ?? newResponse({ id: createId("resp_"), model: "", createdMs: Date.now(), body: {} });
    const shown = modelShown === undefined ? begun : { ...begun, model: modelShown };
    const writer = createEventWriter(lastNumber === undefined ? passed : lastNumber + 1);
    const start = isNew ? writer.write("response.created", { response: shown }) : "";
    return start + failureEvents(writer, error, brokenResponse(shown, error, output));
  }

  return { look, fail, modelPaths: [["response", "model"], ["model"]] };
}
