import { GatewayError } from "../../errors.ts";
import type { Look } from "../event-editor.ts";
import { fieldsOf, filledOf, listOf, stringOf, type Fields } from "../fields.ts";
import type { Observation } from "../protocol.ts";
import { decodeErrorObject, errorObjectOf, invalidAnswer } from "../upstream-error.ts";
import { readUsage } from "./usage.ts";

/** The failure in an `error` event, or in an answer that is one. */
export function failureOf(message: Fields): GatewayError | undefined {
  const isError = message["type"] === "error";
  // Proxies write their own error objects into a stream; none of Anthropic's messages has one.
  if (!isError && (message["error"] === undefined || message["error"] === null)) return undefined;
  const error = errorObjectOf(message);
  if (error !== undefined) return decodeErrorObject(error);
  if (!isError) return undefined;
  const said = "The upstream ended its answer with an error and did not say which.";
  return new GatewayError({ code: "upstream_error", status: 502, message: said, retryable: true });
}

function seeMessage(observation: Observation, message: Fields): void {
  observation.upstreamId = filledOf(message["id"]) ?? observation.upstreamId;
  observation.model = filledOf(message["model"]) ?? observation.model;
  observation.finishReason = filledOf(message["stop_reason"]) ?? observation.finishReason;
  seeUsage(observation, message["usage"]);
}

function seeUsage(observation: Observation, value: unknown): void {
  const { usage, costUsd } = observation;
  const reported = readUsage(value, usage === undefined ? undefined : { usage, costUsd });
  if (reported === undefined) return;
  observation.usage = reported.usage;
  observation.costUsd = reported.costUsd;
}

function keep(observation: Observation, text: string, textLimit: number): void {
  if (text !== "" && observation.text.length < textLimit)
    observation.text = (observation.text + text).slice(0, textLimit);
}

/** What the observation keeps of a block: its text, or the name of its tool. */
function textOfBlock(block: Fields): string {
  const type = block["type"];
  if (type === "text") return stringOf(block["text"]) ?? "";
  return type === "tool_use" && typeof block["name"] === "string" ? `[tool ${block["name"]}] ` : "";
}

/** A block that begins empty says nothing yet; a tool's name, redacted thinking or a server tool's result does. */
function isFilledBlock(block: Fields): boolean {
  const type = block["type"];
  if (type === "text") return filledOf(block["text"]) !== undefined;
  if (type === "thinking") return filledOf(block["thinking"]) !== undefined;
  return type !== undefined;
}

/** The text of a delta, in whichever of its fields it stands. */
function textOfDelta(delta: Fields): string {
  switch (delta["type"]) {
    case "text_delta":
      return stringOf(delta["text"]) ?? "";
    case "input_json_delta":
      return stringOf(delta["partial_json"]) ?? "";
    case "thinking_delta":
      return stringOf(delta["thinking"]) ?? "";
    default:
      return "";
  }
}

const nothing: Look = { hasContent: false };
const ended: Look = { hasContent: false, isComplete: true, isEnded: true };

/** What one event of a stream says. */
export function lookAtEvent(message: Fields, observation: Observation, textLimit: number): Look {
  const failure = failureOf(message);
  if (failure !== undefined) return { hasContent: false, failure };
  switch (message["type"]) {
    case "content_block_delta": {
      const delta = fieldsOf(message["delta"]);
      const text = textOfDelta(delta);
      observation.answerBytes += Buffer.byteLength(text);
      if (delta["type"] !== "thinking_delta") keep(observation, text, textLimit);
      return { hasContent: text !== "" };
    }
    case "content_block_start": {
      const block = fieldsOf(message["content_block"]);
      const text = textOfBlock(block);
      observation.answerBytes += Buffer.byteLength(text);
      keep(observation, text, textLimit);
      return { hasContent: isFilledBlock(block) };
    }
    case "message_start":
      seeMessage(observation, fieldsOf(message["message"]));
      return nothing;
    case "message_delta":
      observation.finishReason = filledOf(fieldsOf(message["delta"])["stop_reason"]) ?? observation.finishReason;
      seeUsage(observation, message["usage"]);
      return nothing;
    case "message_stop":
      return ended;
    default:
      return nothing;
  }
}

/** What an answer in one piece says. */
export function lookAtAnswer(answer: Fields, observation: Observation, textLimit: number): Look {
  const failure = failureOf(answer);
  if (failure !== undefined) return { hasContent: false, failure };
  if (!Array.isArray(answer["content"])) {
    const said = "The upstream's answer has no `content`.";
    return {
      hasContent: false,
      failure: invalidAnswer(said),
    };
  }
  seeMessage(observation, answer);
  const blocks = listOf(answer["content"]).map(fieldsOf);
  for (const block of blocks) {
    keep(observation, textOfBlock(block), textLimit);
    if (block["type"] === "tool_use") keep(observation, JSON.stringify(block["input"] ?? {}), textLimit);
  }
  return { hasContent: blocks.some(isFilledBlock) };
}
