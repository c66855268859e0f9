import { GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { EventReader, Look } from "../event-editor.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { encodeError } from "../openai-chat/error.ts";
import { readUsage } from "../openai-chat/usage.ts";
import type { Observation } from "../protocol.ts";
import { decodeErrorObject, errorObjectOf } from "../upstream-error.ts";

/** What the framer makes of `[DONE]`, which is no JSON. */
export const doneMark = "[DONE]";

function unnamedFailure(): GatewayError {
  const message = "The upstream ended its answer with an error and did not say which.";
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

/** The failure an upstream wrote into its answer: as a whole, inside a choice, or as `finish_reason` alone. */
export function failureOf(message: Fields): GatewayError | undefined {
  const error =
    errorObjectOf(message) ??
    listOf(message["choices"])
      .map(errorObjectOf)
      .find((found) => found !== undefined);
  if (error !== undefined) return decodeErrorObject(error);
  const isBroken = listOf(message["choices"]).some((choice) => fieldsOf(choice)["finish_reason"] === "error");
  return isBroken ? unnamedFailure() : undefined;
}

function observeChoice(choice: Fields, observation: Observation, textLimit: number): Look {
  const text = stringOf(choice["text"]) ?? "";
  observation.answerBytes += Buffer.byteLength(text);
  const finish = filledOf(choice["finish_reason"]);
  if (finish !== undefined) observation.finishReason = finish;
  const isFirst = (choice["index"] ?? 0) === 0;
  if (isFirst && observation.text.length < textLimit) observation.text = (observation.text + text).slice(0, textLimit);
  const isComplete = finish !== undefined;
  return { hasContent: text !== "" || isComplete, isOnlyEnd: text === "", isComplete };
}

function look(message: Fields, observation: Observation, textLimit: number): Look {
  // An end with nothing before it is no answer.
  if (message[doneMark] === true)
    return { hasContent: false, isComplete: observation.contentEvents > 0, isEnded: true };
  observation.upstreamId = filledOf(message["id"]) ?? observation.upstreamId;
  observation.model = filledOf(message["model"]) ?? observation.model;
  const reported = isFields(message["usage"]) ? readUsage(message["usage"]) : undefined;
  if (reported !== undefined) {
    observation.usage = reported.usage;
    observation.costUsd = reported.costUsd ?? observation.costUsd;
  }
  const looks = listOf(message["choices"]).map((choice) => observeChoice(fieldsOf(choice), observation, textLimit));
  return {
    hasContent: looks.some(({ hasContent }) => hasContent),
    isOnlyEnd: looks.every(({ isOnlyEnd }) => isOnlyEnd === true),
    isComplete: looks.some(({ isComplete }) => isComplete === true),
    failure: failureOf(message),
  };
}

/** What breaks a stream: a chunk that says so, the error, `[DONE]`. */
export function encodeErrorInStream(
  error: GatewayError,
  { upstreamId }: Pick<Observation, "upstreamId">,
  model: string,
): string {
  const chunk = {
    id: upstreamId ?? "cmpl-error",
    object: "text_completion",
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{ index: 0, text: "", logprobs: null, finish_reason: "error" }],
  };
  return latin1OfUtf8(`data: ${JSON.stringify(chunk)}\n\ndata: ${encodeError(error).body}\n\ndata: [DONE]\n\n`);
}

export const completionReader: Omit<EventReader, "fail"> = { look, modelPaths: [["model"]] };
