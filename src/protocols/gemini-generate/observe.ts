import type { Look } from "../event-editor.ts";
import { filledOf, isFields, type Fields } from "../fields.ts";
import type { Observation } from "../protocol.ts";
import { blockReasonOf, candidatesOf, failureOf, finishWordOf, firstCandidate, partsOf } from "./response-parts.ts";
import { readUsage } from "./usage.ts";

const contentFields = [
  "functionCall",
  "inlineData",
  "fileData",
  "executableCode",
  "codeExecutionResult",
  "toolCall",
  "toolResponse",
] as const;

function isContent(part: Fields): boolean {
  return filledOf(part["text"]) !== undefined || contentFields.some((field) => isFields(part[field]));
}

function textOf(part: Fields): string {
  const call = part["functionCall"];
  if (isFields(call)) {
    const name = filledOf(call["name"]);
    return name === undefined ? "" : `[tool ${name}] ${isFields(call["args"]) ? JSON.stringify(call["args"]) : ""}`;
  }
  return part["thought"] === true ? "" : (filledOf(part["text"]) ?? "");
}

/** All candidates are paid for. */
function answerBytesOf(message: Fields): number {
  let bytes = 0;
  for (const candidate of candidatesOf(message))
    for (const part of partsOf(candidate)) {
      bytes += Buffer.byteLength(filledOf(part["text"]) ?? "");
      if (isFields(part["functionCall"]))
        bytes += Buffer.byteLength(JSON.stringify(part["functionCall"]["args"] ?? {}));
    }
  return bytes;
}

function observe(observation: Observation, message: Fields, textLimit: number): void {
  observation.upstreamId = filledOf(message["responseId"]) ?? observation.upstreamId;
  observation.model = filledOf(message["modelVersion"]) ?? observation.model;
  if (message["usageMetadata"] !== undefined)
    observation.usage = readUsage(message["usageMetadata"]) ?? observation.usage;
  observation.answerBytes += answerBytesOf(message);
  const candidate = firstCandidate(message);
  observation.finishReason = finishWordOf(candidate) ?? blockReasonOf(message) ?? observation.finishReason;
  if (observation.text.length >= textLimit) return;
  const text = partsOf(candidate).map(textOf).join("");
  if (text !== "") observation.text = (observation.text + text).slice(0, textLimit);
}

/** What a response, whole or one of a stream's, means. Some models write `STOP` on every one: none is the last for sure. */
export function lookAtResponse(message: Fields, observation: Observation, textLimit: number): Look {
  const failure = failureOf(message);
  if (failure !== undefined) return { hasContent: false, failure };
  observe(observation, message, textLimit);
  const isComplete = finishWordOf(firstCandidate(message)) !== undefined || blockReasonOf(message) !== undefined;
  const isOnlyEnd = !candidatesOf(message).some((candidate) => partsOf(candidate).some(isContent));
  return { hasContent: isComplete || !isOnlyEnd, isOnlyEnd, isComplete };
}
