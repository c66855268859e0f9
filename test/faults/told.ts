import type { ErrorCode } from "../../src/errors.ts";
import type { FaultProtocol } from "../support/fault-wire.ts";

/** What a client is told: its HTTP status, and its protocol's word for what happened; Ollama has no words. */
export interface Told {
  status: number;
  word: string | undefined;
}

type Family = "openai" | "anthropic" | "gemini" | "ollama";

const families: Readonly<Record<FaultProtocol, Family>> = {
  "openai-chat": "openai",
  "openai-responses": "openai",
  "anthropic-messages": "anthropic",
  "gemini-generate": "gemini",
  "ollama-chat": "ollama",
};

type Row = readonly [openai: [number, string], anthropic: [number, string], gemini: [number, string], ollama: number];

/** OpenAI's clients get 503 with the cause where others get 502 and 504: VS Code hides the bodies of those. */
const broken = (code: string): Row => [[503, code], [502, "api_error"], [502, "INTERNAL"], 502];

const table = {
  invalid_request: [[400, "invalid_request_error"], [400, "invalid_request_error"], [400, "INVALID_ARGUMENT"], 400],
  context_length_exceeded: [
    [400, "context_length_exceeded"],
    [400, "invalid_request_error"],
    [400, "INVALID_ARGUMENT"],
    400,
  ],
  content_policy_violation: [
    [400, "content_policy_violation"],
    [400, "invalid_request_error"],
    [403, "PERMISSION_DENIED"],
    400,
  ],
  model_not_found: [[404, "model_not_found"], [404, "not_found_error"], [404, "NOT_FOUND"], 404],
  conflict: [[409, "conflict"], [409, "conflict_error"], [409, "ABORTED"], 409],
  request_too_large: [[413, "request_too_large"], [413, "request_too_large"], [413, "INVALID_ARGUMENT"], 413],
  unprocessable: [[422, "unprocessable"], [422, "invalid_request_error"], [422, "INVALID_ARGUMENT"], 422],
  rate_limit_exceeded: [[429, "rate_limit_exceeded"], [429, "rate_limit_error"], [429, "RESOURCE_EXHAUSTED"], 429],
  insufficient_quota: [[429, "insufficient_quota"], [402, "billing_error"], [402, "FAILED_PRECONDITION"], 402],
  upstream_rejected_credential: broken("upstream_rejected_credential"),
  upstream_error: broken("upstream_error"),
  upstream_unreachable: broken("upstream_unreachable"),
  upstream_invalid_response: broken("upstream_invalid_response"),
  upstream_empty_answer: broken("upstream_empty_answer"),
  upstream_overloaded: [[503, "upstream_overloaded"], [529, "overloaded_error"], [503, "UNAVAILABLE"], 503],
  upstream_timeout: [[503, "upstream_timeout"], [504, "timeout_error"], [504, "DEADLINE_EXCEEDED"], 504],
} satisfies Partial<Record<ErrorCode, Row>>;

export type ToldCode = keyof typeof table;

export function toldTo(client: FaultProtocol, code: ToldCode): Told {
  const [openai, anthropic, gemini, ollama]: Row = table[code];
  const rows = { openai, anthropic, gemini, ollama: [ollama, undefined] as const };
  const [status, word] = rows[families[client]];
  return { status, word };
}

/** OpenAI's `type` beside the code. */
export function openaiTypeOf(status: number, code: ToldCode): string {
  if (code === "insufficient_quota" || code === "rate_limit_exceeded") return code;
  return status >= 500 ? "server_error" : "invalid_request_error";
}
