import { GatewayError } from "../../errors.ts";
import { createEventSplitter } from "../../lib/sse.ts";
import type { Target } from "../canonical/codec.ts";
import type { StreamDecoder, StreamEvent } from "../canonical/stream.ts";
import { filledOf, type Fields } from "../fields.ts";
import { parseMessage } from "../json-message.ts";
import { finishOf } from "./finish-reason.ts";
import { framedResponse } from "./framer.ts";
import { logprobsOf } from "./logprobs.ts";
import { createPartReader } from "./part-reader.ts";
import { blockReasonOf, failureOf, finishWordOf, firstCandidate, partsOf } from "./response-parts.ts";
import { readUsage } from "./usage.ts";

const mostUnreadable = 3;

function unreadableEvents(): GatewayError {
  const message = `The upstream sent ${mostUnreadable} events in a row that cannot be read.`;
  return new GatewayError({ code: "upstream_invalid_response", status: 502, message });
}

/**
 * A stream of responses as events. A finish reason is no sign of the end, as some models write one on every response:
 * the end of the body is, once there was one.
 */
export function createGeminiStreamDecoder({ origin }: Pick<Target, "origin">): StreamDecoder {
  const splitter = createEventSplitter();
  const reader = createPartReader(origin);
  let isStarted = false;
  let isEnded = false;
  let finishWord: string | undefined;
  let isBlocked = false;
  let usage: unknown;
  let hasToldUsage = false;
  /** Events in a row that could not be read. */
  let unreadable = 0;

  function start(message: Fields, events: StreamEvent[]): void {
    if (isStarted) return;
    isStarted = true;
    events.push({ type: "start", id: filledOf(message["responseId"]) ?? "", model: filledOf(message["modelVersion"]) });
  }

  function tellUsage(events: StreamEvent[]): void {
    const known = readUsage(usage);
    if (known !== undefined) events.push({ type: "usage", usage: known, costUsd: undefined });
    hasToldUsage ||= known !== undefined;
  }

  function takeMessage(message: Fields, events: StreamEvent[]): void {
    const error = failureOf(message);
    if (error !== undefined) {
      isEnded = true;
      events.push({ type: "error", error });
      return;
    }
    start(message, events);
    usage = message["usageMetadata"] ?? usage;
    // The counts grow with every response: the first tell of the input, the last are told at the end.
    if (!hasToldUsage) tellUsage(events);
    const candidate = firstCandidate(message);
    for (const part of partsOf(candidate)) reader.take(part, events);
    const logprobs = logprobsOf(candidate);
    if (logprobs !== undefined) events.push({ type: "logprobs", logprobs });
    const blocked = blockReasonOf(message);
    isBlocked ||= blocked !== undefined;
    finishWord = finishWordOf(candidate) ?? blocked ?? finishWord;
  }

  function takePieces(pieces: readonly string[], events: StreamEvent[]): StreamEvent[] {
    for (const piece of pieces) {
      if (isEnded) break;
      const framed = framedResponse(piece);
      const message = framed === undefined ? undefined : parseMessage(framed.json);
      if (message !== undefined) takeMessage(message, events);
      unreadable = framed === undefined || message !== undefined ? 0 : unreadable + 1;
      if (unreadable < mostUnreadable) continue;
      isEnded = true;
      events.push({ type: "error", error: unreadableEvents() });
    }
    return events;
  }

  function finish(events: StreamEvent[]): void {
    isEnded = true;
    reader.close(events);
    tellUsage(events);
    const ended = finishOf(finishWord, reader.hasToolCalls());
    events.push({ type: "finish", finish: isBlocked ? { ...ended, reason: "filtered" } : ended });
  }

  return {
    push: (chunk) => (isEnded ? [] : takePieces(splitter.push(chunk), [])),
    end() {
      const events: StreamEvent[] = [];
      if (isEnded) return events;
      takePieces([splitter.rest()], events);
      if (isEnded) return events;
      if (finishWord !== undefined) finish(events);
      // What a stream that was cut has cost so far.
      else if (isStarted) tellUsage(events);
      return events;
    },
    isEnded: () => isEnded,
    waiting: () => splitter.waiting(),
  };
}
