import type { FaultProtocol } from "../support/fault-wire.ts";
import { fails, limits, usualWait, type Expectation, type Row } from "./row.ts";
import type { ToldCode } from "./told.ts";

function both(what: string, fault: string, expected: Expectation, more: Partial<Row> = {}): Row {
  return { what, fault, stream: expected, whole: expected, ...more };
}

/** Every other target would say the same. */
const final = (code: ToldCode) => fails(code, { next: false });

const byStatus: Readonly<Record<number, Expectation>> = {
  400: final("invalid_request"),
  401: fails("upstream_rejected_credential"),
  402: fails("insufficient_quota"),
  403: fails("upstream_rejected_credential"),
  404: fails("model_not_found"),
  408: fails("upstream_timeout", { again: true }),
  409: final("conflict"),
  413: final("request_too_large"),
  422: final("unprocessable"),
  500: fails("upstream_error", { again: true }),
  502: fails("upstream_error", { again: true }),
  503: fails("upstream_overloaded", { again: true }),
  504: fails("upstream_timeout", { again: true }),
  524: fails("upstream_timeout", { again: true }),
  529: fails("upstream_overloaded", { again: true }),
};
const ofCredential = ["401", "402", "403"];

/** Statuses that say what is wrong. */
export const statusRows: readonly Row[] = [
  ...Object.entries(byStatus).map(([status, expected]) =>
    both(status, `status:${status}`, expected, { isOwn: ofCredential.includes(status) }),
  ),
  both("a prompt that is too long", "too-long", final("context_length_exceeded")),
  both("content that is refused", "unwanted", final("content_policy_violation")),
  both("502 and a web page", "strange-body:502:html", fails("upstream_error", { again: true })),
  both("503 and nothing", "strange-body:503:empty", fails("upstream_overloaded", { again: true })),
  both("400 and half an object", "strange-body:400:half", final("invalid_request")),
  both("503 and a body without an end", "endless-error:503", fails("upstream_overloaded", { again: true, closes: 0 })),
  both("400 and a body without an end", "endless-error:400", fails("invalid_request", { next: false, closes: 0 })),
];

/** Nobody waits longer than this for words that explain a status, and no longer than for any other beginning of a stream. */
const patience = { within: 1000 };
const unexplained = {
  stream: fails("upstream_overloaded", { again: true, closes: limits.firstByte }),
  // Alone, three of them take all of the time there is.
  whole: fails("upstream_timeout", { again: true, closes: patience }),
};

/** Refusals whose explanation does not come. */
export const silentRefusalRows: readonly Row[] = [
  { what: "503 and a body that never comes", fault: "silent-error:503", ...unexplained },
  { what: "503 and a body that only shows life", fault: "dribbling-error:503", ...unexplained },
];

const limited = (retryAfter: readonly [number, number], again = false) =>
  fails("rate_limit_exceeded", { again, retryAfter });
const usual = limited([usualWait, usualWait], true);
const aboutThirty = limited([28, 30]);
const notGemini: readonly FaultProtocol[] = ["openai-chat", "openai-responses", "anthropic-messages", "ollama-chat"];

/** 429, and all ways to say when it is over. A wait that fits into the time that is left is waited where nothing else is. */
export const limitRows: readonly Row[] = [
  both("429 without a time", "status:429", usual),
  both("429 for 30 seconds", "status:429:seconds:30", aboutThirty),
  both("429 for 29.5 seconds", "status:429:seconds:29.5", aboutThirty),
  both("429 for 300 milliseconds", "status:429:ms:0.3", limited([1, 1], true)),
  both("429 for a second", "status:429:seconds:1", limited([1, 1], true)),
  both("429 for longer than there is time", "status:429:seconds:4", limited([4, 4])),
  both("429 for 30,000 ms", "status:429:ms:30", aboutThirty),
  both("429 for 30,000 ms in Azure's words", "status:429:x-ms:30", aboutThirty),
  both("429 until a date", "status:429:date:30", aboutThirty),
  both("429 with Google's RetryInfo", "status:429:info:34.4", limited([34, 35]), { not: notGemini }),
  both("429 with OpenAI's limits", "status:429:openai:30", aboutThirty),
  both("429 with Anthropic's limits", "status:429:anthropic:30", aboutThirty),
  both("429 with OpenRouter's limits", "status:429:openrouter:30", aboutThirty),
  both("429 for some words", "status:429:text", usual),
  both("429 for less than nothing", "status:429:negative:5", usual),
  both("429 for ever", "status:429:infinite", usual),
  both("429 for no number", "status:429:nan", usual),
  both("429 for longer than the world stands", "status:429:huge", usual),
  both("429 until an hour ago", "status:429:past", limited([0, usualWait], true)),
  both("503 for 30 seconds", "status:503:seconds:30", fails("upstream_overloaded", { retryAfter: [28, 30] })),
  both("529 until a date", "status:529:date:30", fails("upstream_overloaded", { retryAfter: [28, 30] })),
  both("500 for 30 seconds", "status:500:seconds:30", fails("upstream_error", { retryAfter: [28, 30] })),
];

/** Redirects to `sink`, whose address stands in the fault's name. */
export function redirectRows(sink: string): readonly Row[] {
  const where = encodeURIComponent(`${sink}/openai/v1/chat/completions`);
  return [301, 302, 303, 307, 308].map((status) =>
    both(`a redirect (${status})`, `redirect:${status}:${where}`, fails("upstream_invalid_response")),
  );
}
