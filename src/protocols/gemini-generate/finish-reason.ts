import type { Finish, FinishReason } from "../canonical/conversation.ts";

/** Gemini's words. `STOP` stands for calls too: that tools were called shows only in the parts. */
const reasonOfWord: Readonly<Record<string, FinishReason>> = {
  STOP: "end",
  MAX_TOKENS: "length",
  SAFETY: "filtered",
  RECITATION: "filtered",
  BLOCKLIST: "filtered",
  PROHIBITED_CONTENT: "filtered",
  SPII: "filtered",
  IMAGE_SAFETY: "filtered",
  IMAGE_PROHIBITED_CONTENT: "filtered",
  IMAGE_RECITATION: "filtered",
  LANGUAGE: "error",
  OTHER: "error",
  IMAGE_OTHER: "error",
  NO_IMAGE: "error",
  MALFORMED_FUNCTION_CALL: "error",
  UNEXPECTED_TOOL_CALL: "error",
  TOO_MANY_TOOL_CALLS: "error",
  MALFORMED_RESPONSE: "error",
  CONTINUATION: "pause",
};

const wordOfReason: Readonly<Record<FinishReason, string>> = {
  end: "STOP",
  stop: "STOP",
  length: "MAX_TOKENS",
  context: "MAX_TOKENS",
  tool_calls: "STOP",
  filtered: "SAFETY",
  pause: "STOP",
  error: "OTHER",
};

function reasonOf(word: string): FinishReason | undefined {
  return Object.hasOwn(reasonOfWord, word) ? reasonOfWord[word] : undefined;
}

/** How an answer ended; a word nobody knows yet is an end like any other. */
export function finishOf(word: string | undefined, hasToolCalls: boolean): Finish {
  const reason = (word === undefined ? undefined : reasonOf(word)) ?? "end";
  return { reason: reason === "end" && hasToolCalls ? "tool_calls" : reason, raw: word };
}

/** Gemini's word for an end; the upstream's own where it is one of Gemini's and means the same. */
export function finishWord({ reason, raw }: Finish): string {
  return raw !== undefined && reasonOf(raw) === reason ? raw : wordOfReason[reason];
}
