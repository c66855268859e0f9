import { GatewayError, type ErrorCode } from "../../errors.ts";
import { fieldsOf, isFields, type Fields } from "../fields.ts";
import { decodeErrorObject, errorObjectOf } from "../upstream-error.ts";

function unexplained(what: string): GatewayError {
  const message = `The upstream ${what} and did not say why.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

function decoded(error: unknown, what: string): GatewayError {
  const read = errorObjectOf({ error });
  return read === undefined ? unexplained(what) : decodeErrorObject(read);
}

/** The failure that a response object holds. */
export function failureOfResponse(response: Fields): GatewayError | undefined {
  const { status, error } = response;
  if (isFields(error) || (typeof error === "string" && error !== "")) return decoded(error, "failed");
  if (status === "failed") return unexplained("failed");
  return status === "cancelled" ? unexplained("cancelled its answer") : undefined;
}

/** The failure that an event of a stream tells of. The published type of `error` is flat, the wire nests it. */
export function failureOfEvent(type: string, event: Fields): GatewayError | undefined {
  switch (type) {
    case "error":
      return decoded(isFields(event["error"]) ? event["error"] : event, "ended its answer with an error");
    case "response.failed":
    case "response.cancelled":
      return failureOfResponse({ ...fieldsOf(event["response"]), status: "failed" });
    default: {
      // Gateways before the upstream write errors that are no events of this protocol.
      const isForeign = type === "" && event["error"] !== undefined && event["error"] !== null;
      const read = isForeign ? errorObjectOf(event) : undefined;
      return read === undefined ? undefined : decodeErrorObject(read);
    }
  }
}

/** Codes that clients act on; Codex repeats a request only where the code is none of these. */
const codes: Partial<Record<ErrorCode, string>> = {
  invalid_request: "invalid_prompt",
  content_policy_violation: "invalid_prompt",
  context_length_exceeded: "context_length_exceeded",
  insufficient_quota: "insufficient_quota",
  rate_limit_exceeded: "rate_limit_exceeded",
};

/** `error` of a failed response. */
export function failedError(error: GatewayError): { code: string; message: string } {
  // What an upstream says of the gateway's own key would only mislead a client.
  const upstreamCode = error.code === "upstream_rejected_credential" ? undefined : error.details?.["upstreamCode"];
  const code = typeof upstreamCode === "string" ? upstreamCode : codes[error.code];
  return { code: code ?? "server_error", message: error.message };
}
