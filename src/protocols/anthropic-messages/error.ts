import type { ErrorCode, GatewayError } from "../../errors.ts";
import { decodeUpstreamError } from "../upstream-error.ts";
import { eventOf } from "./frame.ts";

const typeOfCode: Readonly<Record<ErrorCode, string>> = {
  invalid_request: "invalid_request_error",
  context_length_exceeded: "invalid_request_error",
  content_policy_violation: "invalid_request_error",
  invalid_api_key: "authentication_error",
  forbidden: "permission_error",
  insufficient_quota: "billing_error",
  not_found: "not_found_error",
  model_not_found: "not_found_error",
  method_not_allowed: "invalid_request_error",
  conflict: "conflict_error",
  request_timeout: "timeout_error",
  request_too_large: "request_too_large",
  unsupported_media_type: "invalid_request_error",
  unprocessable: "invalid_request_error",
  upgrade_required: "invalid_request_error",
  rate_limit_exceeded: "rate_limit_error",
  upstream_error: "api_error",
  upstream_unreachable: "api_error",
  upstream_overloaded: "overloaded_error",
  upstream_timeout: "timeout_error",
  upstream_invalid_response: "api_error",
  upstream_empty_answer: "api_error",
  overloaded: "overloaded_error",
  upstream_rejected_credential: "api_error",
  draining: "overloaded_error",
  client_cancelled: "api_error",
  internal_error: "api_error",
};

/** Anthropic's own number for an overload. */
const overloaded = 529;

function statusForClient({ status }: GatewayError): number {
  return status === 503 ? overloaded : status;
}

const contextMark = "prompt is too long";

/** Claude Code looks at how the message begins to know that it must compact. */
function messageOf({ code, message }: GatewayError): string {
  if (code !== "context_length_exceeded" || message.startsWith(contextMark)) return message;
  return `${contextMark}: ${message}`;
}

/** Under this name a GatewayError carries `error.details` of Anthropic's form. */
export const detailsKey = "anthropicDetails";

type ErrorBody = {
  type: "error";
  error: { type: string; message: string; details?: unknown };
  request_id?: string;
};

function bodyOf(error: GatewayError): ErrorBody {
  const requestId = error.headers?.["request-id"];
  const details = error.details?.[detailsKey];
  return {
    type: "error",
    error: { type: typeOfCode[error.code], message: messageOf(error), ...(details === undefined ? {} : { details }) },
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}

/** The gateway has retried a failure already, and a wrong key stays wrong: Claude Code would send it seven times more. */
function isFinal(error: GatewayError, status: number): boolean {
  if (error.code === "invalid_api_key") return true;
  if (error.code === "draining" || status <= 500) return false;
  return status !== overloaded || error.retryAfterSeconds === undefined;
}

export function encodeError(error: GatewayError): { status: number; body: string; headers: Record<string, string> } {
  const status = statusForClient(error);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  if (isFinal(error, status)) headers["x-should-retry"] = "false";
  return { status, body: JSON.stringify(bodyOf(error)), headers };
}

/** The end of a stream that broke (latin1); nothing may follow it, `message_stop` least of all. */
export function errorEvent(error: GatewayError): string {
  return eventOf(bodyOf(error));
}

/** As everywhere; only an exhausted credit is told as 400 by Anthropic, and is the gateway's own affair. */
export function decodeError(reply: { status: number; headers: Headers; body: string }): GatewayError {
  const error = decodeUpstreamError(reply);
  if (error.code !== "invalid_request" || !error.message.startsWith("Your credit balance is too low")) return error;
  return error.with({ code: "insufficient_quota", status: 402 });
}
