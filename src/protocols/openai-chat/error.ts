import type { ErrorCode, GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Observation } from "../protocol.ts";

const typeOfCode: Partial<Record<ErrorCode, string>> = {
  insufficient_quota: "insufficient_quota",
  rate_limit_exceeded: "rate_limit_exceeded",
  forbidden: "permission_denied",
};

function typeOf(code: ErrorCode, status: number): string {
  return typeOfCode[code] ?? (status >= 500 ? "server_error" : "invalid_request_error");
}

/** OpenAI clients: exhausted credit is their 429; a final upstream failure is 503, since VS Code hides the bodies of 500, 502 and 504. */
function statusForClient(error: GatewayError): number {
  if (error.code === "insufficient_quota") return 429;
  if (error.status <= 500 || error.status === 503) return error.status;
  return 503;
}

function errorBody(error: GatewayError, status: number): string {
  const { metadata, upstreamCode } = error.details ?? {};
  return JSON.stringify({
    error: {
      message: error.message,
      type: typeOf(error.code, status),
      param: error.param ?? null,
      code:
        status < 500 && error.code === "invalid_request" && typeof upstreamCode === "string"
          ? upstreamCode
          : codeShown(error),
      ...(metadata === undefined ? {} : { metadata }),
    },
  });
}

function codeShown(error: GatewayError): string | null {
  return error.code === "invalid_request" ? null : error.code;
}

export function encodeError(error: GatewayError): { status: number; body: string; headers: Record<string, string> } {
  const status = statusForClient(error);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  // The gateway has retried already: the SDK's own retries would only multiply the load.
  if (status === 503 && error.code !== "draining") headers["x-should-retry"] = "false";
  return { status, body: errorBody(error, status), headers };
}

/**
 * The end of a stream that broke: a chunk with `finish_reason: "error"`, the error object, `[DONE]`. The one form that
 * VS Code shows to its user and that makes the OpenAI SDKs throw.
 */
export function encodeErrorInStream(error: GatewayError, observation: Observation, modelShown: string): string {
  const chunk = {
    id: observation.upstreamId ?? "chatcmpl-error",
    object: "chat.completion.chunk",
    created: Math.floor(Date.now() / 1000),
    model: modelShown,
    choices: [{ index: 0, delta: {}, finish_reason: "error" }],
  };
  return latin1OfUtf8(
    `data: ${JSON.stringify(chunk)}\n\ndata: ${errorBody(error, statusForClient(error))}\n\ndata: [DONE]\n\n`,
  );
}
