import type { Finish, FinishReason } from "../canonical/conversation.ts";
import { filledOf, type Fields } from "../fields.ts";

const reasonOfStop: Readonly<Record<string, FinishReason>> = {
  end_turn: "end",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "context",
  tool_use: "tool_calls",
  refusal: "filtered",
  pause_turn: "pause",
  compaction: "pause",
};

/** How an answer ended, from its `stop_reason` and `stop_sequence`. Some servers say `end_turn`, or nothing, behind tool calls. */
export function finishOf(answer: Fields, hasToolCalls: boolean): Finish {
  const raw = filledOf(answer["stop_reason"]);
  const known = raw !== undefined && Object.hasOwn(reasonOfStop, raw) ? reasonOfStop[raw] : undefined;
  const reason = known ?? "end";
  return {
    reason: reason === "end" && hasToolCalls ? "tool_calls" : reason,
    raw,
    stopSequence: filledOf(answer["stop_sequence"]),
  };
}

/** Why Anthropic says it refused; empty when it does not say. */
export function refusalOf(answer: Fields): string {
  const details = answer["stop_details"];
  if (typeof details !== "object" || details === null) return "";
  return filledOf((details as Fields)["explanation"]) ?? "";
}

export interface StopShown {
  stop_reason: string;
  stop_sequence: string | null;
  stop_details?: { type: "refusal"; category: null; explanation: string | null };
}

export interface AnswerFacts {
  hasToolCalls: boolean;
  /** Text of a refusal that went by, `undefined` when there was none. */
  refusal: string | undefined;
  /** The stop sequences that the client asked for. */
  stops: readonly string[];
}

function stopReasonOf(reason: FinishReason, { hasToolCalls, refusal }: AnswerFacts): string {
  if (reason === "length") return "max_tokens";
  if (reason === "context") return "model_context_window_exceeded";
  if (reason === "filtered" || refusal !== undefined) return "refusal";
  // Clients wait for a tool_use block behind "tool_use", and for nothing behind "end_turn".
  if (hasToolCalls) return "tool_use";
  if (reason === "stop") return "stop_sequence";
  return reason === "pause" ? "pause_turn" : "end_turn";
}

/** The way back. An answer that ended in an error has none: it is told as one. */
export function stopOf(finish: Finish, facts: AnswerFacts): StopShown {
  const stopReason = stopReasonOf(finish.reason, facts);
  const onlyStop = facts.stops.length === 1 ? facts.stops[0] : undefined;
  const shown = {
    stop_reason: stopReason,
    stop_sequence: stopReason === "stop_sequence" ? (finish.stopSequence ?? onlyStop ?? null) : null,
  };
  if (stopReason !== "refusal") return shown;
  return { ...shown, stop_details: { type: "refusal", category: null, explanation: facts.refusal ?? null } };
}
