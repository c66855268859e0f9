import type { Target } from "../canonical/codec.ts";
import { answerOfEvents } from "../canonical/collect.ts";
import type { Answer, Part } from "../canonical/conversation.ts";
import type { StreamEvent } from "../canonical/stream.ts";
import { filledOf, isFields, type Fields } from "../fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { finishOf } from "./finish-reason.ts";
import { logprobsOf } from "./logprobs.ts";
import { createPartReader } from "./part-reader.ts";
import { mediaOf } from "./read-media.ts";
import { blockReasonOf, failureOf, finishWordOf, firstCandidate, partsOf } from "./response-parts.ts";
import { readUsage } from "./usage.ts";

/** A part that streams have no events for; `undefined` for the others. */
function wholePart(part: Fields): Part | undefined {
  if (isFields(part["functionCall"]) || typeof part["text"] === "string") return undefined;
  const media = mediaOf(part);
  if (media !== undefined) return media.type === "image" ? undefined : media;
  return Object.keys(part).some((key) => key !== "thought" && key !== "thoughtSignature")
    ? { type: "opaque", protocol: "gemini-generate", value: part }
    : undefined;
}

function collected(events: readonly StreamEvent[]): readonly Part[] {
  const finish: StreamEvent = { type: "finish", finish: { reason: "end", raw: undefined } };
  return answerOfEvents([...events, finish])?.parts ?? [];
}

/** The parts that the stream of this answer would have, and those that a stream could not have. */
function readParts(candidate: Fields, origin: string): { parts: Part[]; hasToolCalls: boolean } {
  const reader = createPartReader(origin);
  const parts: Part[] = [];
  let events: StreamEvent[] = [];
  const flush = (): void => {
    reader.close(events);
    parts.push(...collected(events));
    events = [];
  };
  for (const part of partsOf(candidate)) {
    const whole = wholePart(part);
    if (whole === undefined) {
      reader.take(part, events);
      continue;
    }
    flush();
    parts.push(whole);
  }
  flush();
  return { parts, hasToolCalls: reader.hasToolCalls() };
}

/** Throws GatewayError (502) when the value is no response, or the failure it holds. */
export function readAnswer(value: unknown, { origin }: Pick<Target, "origin">): Answer {
  if (!isFields(value)) throw invalidAnswer("The upstream's answer is no JSON object.");
  const failure = failureOf(value);
  if (failure !== undefined) throw failure;
  const blocked = blockReasonOf(value);
  if (!Array.isArray(value["candidates"]) && blocked === undefined)
    throw invalidAnswer("The upstream's answer has no `candidates`.");
  const candidate = firstCandidate(value);
  const { parts, hasToolCalls } = readParts(candidate, origin);
  const finish = finishOf(finishWordOf(candidate) ?? blocked, hasToolCalls);
  const logprobs = logprobsOf(candidate);
  return {
    id: filledOf(value["responseId"]) ?? "",
    model: filledOf(value["modelVersion"]),
    parts,
    finish: blocked === undefined ? finish : { ...finish, reason: "filtered" },
    usage: readUsage(value["usageMetadata"]),
    costUsd: undefined,
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}
