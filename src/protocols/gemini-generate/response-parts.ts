import type { GatewayError } from "../../errors.ts";
import { fieldsOf, filledOf, isFields, listOf, noFields, type Fields } from "../fields.ts";
import { decodeErrorObject, errorObjectOf } from "../upstream-error.ts";

/** Where things stand in an upstream's response, be it whole or one event of a stream. Upstreams write camel case only. */

/** The failure an upstream wrote into its answer. */
export function failureOf(message: Fields): GatewayError | undefined {
  const { error } = message;
  if (error === undefined || error === null) return undefined;
  const object = errorObjectOf({ error });
  return object === undefined ? undefined : decodeErrorObject(object);
}

export function candidatesOf(message: Fields): readonly Fields[] {
  return listOf(message["candidates"]).filter(isFields);
}

/** The candidate that becomes the answer. */
export function firstCandidate(message: Fields): Fields {
  // Nearly always there is one, and it is met with every delta.
  const [first] = listOf(message["candidates"]);
  if (isFields(first) && (first["index"] ?? 0) === 0) return first;
  return candidatesOf(message).find(({ index }) => (index ?? 0) === 0) ?? noFields;
}

export function partsOf(candidate: Fields): readonly Fields[] {
  return listOf(fieldsOf(candidate["content"])["parts"]).filter(isFields);
}

const unspecified = ["FINISH_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"];

function wordOf(value: unknown): string | undefined {
  const word = filledOf(value);
  return word === undefined || unspecified.includes(word) ? undefined : word;
}

export function finishWordOf(candidate: Fields): string | undefined {
  return wordOf(candidate["finishReason"]);
}

/** Why a prompt was refused; there are no candidates then. */
export function blockReasonOf(message: Fields): string | undefined {
  return wordOf(fieldsOf(message["promptFeedback"])["blockReason"]);
}
