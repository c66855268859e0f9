import type { ErrorCode, GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Fields } from "../fields.ts";

/** Codes whose status Google's clients know under another number. */
const httpOfCode: Partial<Record<ErrorCode, number>> = {
  content_policy_violation: 403,
};

const wordOfStatus: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "FAILED_PRECONDITION",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  408: "DEADLINE_EXCEEDED",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

function wordOf(status: number): string {
  return wordOfStatus[status] ?? (status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT");
}

function detailsOf({ param, message, retryAfterSeconds }: GatewayError): Fields[] {
  const details: Fields[] = [];
  if (param !== undefined) {
    const type = "type.googleapis.com/google.rpc.BadRequest";
    details.push({ "@type": type, fieldViolations: [{ field: param, description: message }] });
  }
  if (retryAfterSeconds !== undefined) {
    const type = "type.googleapis.com/google.rpc.RetryInfo";
    details.push({ "@type": type, retryDelay: `${Math.round(retryAfterSeconds * 1000) / 1000}s` });
  }
  return details;
}

function statusOf(error: GatewayError): number {
  return httpOfCode[error.code] ?? error.status;
}

function errorText(error: GatewayError): string {
  const code = statusOf(error);
  const details = detailsOf(error);
  const body = { code, message: error.message, status: wordOf(code), ...(details.length === 0 ? {} : { details }) };
  return JSON.stringify({ error: body });
}

export function encodeError(error: GatewayError): { status: number; body: string; headers: Record<string, string> } {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  return { status: statusOf(error), body: errorText(error), headers };
}

/** The error by itself (latin1), as the last element of a stream that is a JSON array. */
export function errorElement(error: GatewayError): string {
  return latin1OfUtf8(errorText(error));
}

/**
 * The end of a stream of events that broke (latin1). Google's SDKs throw what is said in it; an error without `data:` they
 * only understand when nothing else comes with it in one read (measured with @google/genai 3.1).
 */
export function errorInEvents(error: GatewayError): string {
  return `data: ${errorElement(error)}\n\n`;
}
