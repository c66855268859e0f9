import { GatewayError } from "../../errors.ts";
import type { Finish, FinishReason } from "../canonical/conversation.ts";
import { filledOf, type Fields } from "../fields.ts";

/** Words of all servers for the end of an answer; others are taken for an ordinary end. */
const reasons: Readonly<Record<string, FinishReason>> = {
  length: "length",
  model_length: "length",
  max_tokens: "length",
  max_output_tokens: "length",
  content_filter: "filtered",
  safety: "filtered",
  recitation: "filtered",
  prohibited_content: "filtered",
  blocklist: "filtered",
  tool_calls: "tool_calls",
  function_call: "tool_calls",
  tool_use: "tool_calls",
};

function reasonOf(word: string): FinishReason {
  if (Object.hasOwn(reasons, word)) return reasons[word] ?? "end";
  // Gemini's endpoint adds its own word: `content_filter: PROHIBITED_CONTENT`.
  return word.startsWith("content_filter") ? "filtered" : "end";
}

/** What is known at the end of an answer. */
export interface Ending {
  raw: string | undefined;
  hasCalls: boolean;
  /** vLLM tells which stop string was hit. */
  stopSequence: string | undefined;
}

/** Several servers say `stop` although they called tools, or `tool_calls` although they did not. A cut answer stays cut. */
export function finishOf({ raw, hasCalls, stopSequence }: Ending): Finish {
  const reason = raw === undefined ? "end" : reasonOf(raw.toLowerCase());
  if (reason === "length" || reason === "filtered") return { reason, raw };
  if (hasCalls) return { reason: "tool_calls", raw };
  return stopSequence === undefined ? { reason: "end", raw } : { reason: "stop", raw, stopSequence };
}

export function stopSequenceOf(choice: Fields): string | undefined {
  return filledOf(choice["stop_reason"]);
}

const words: Readonly<Record<FinishReason, string>> = {
  end: "stop",
  stop: "stop",
  length: "length",
  context: "length",
  tool_calls: "tool_calls",
  filtered: "content_filter",
  pause: "stop",
  error: "error",
};

/** `finish_reason` for a client; one that knows functions only hears of a function. */
export function finishWord(reason: FinishReason, isLegacy: boolean): string {
  return reason === "tool_calls" && isLegacy ? "function_call" : words[reason];
}

/** What a client is told of an answer that its upstream ended as broken. */
export function brokenAnswer(raw: string | undefined): GatewayError {
  const message = `The upstream ended its answer with an error${raw === undefined ? "" : ` (${raw.slice(0, 100)})`}.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}
