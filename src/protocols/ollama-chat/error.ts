import type { GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Fields } from "../fields.ts";
import { decodeErrorObject, errorObjectOf } from "../upstream-error.ts";

/** Ollama's clients print `error` as it is: it must be a text and no object. */
function errorBody(error: GatewayError): string {
  return JSON.stringify({ error: error.message });
}

export function encodeError(error: GatewayError): { status: number; body: string; headers: Record<string, string> } {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  return { status: error.status, body: errorBody(error), headers };
}

/** The line that ends a stream that broke (latin1). */
export function errorLine(error: GatewayError): string {
  return latin1OfUtf8(`${errorBody(error)}\n`);
}

/** The failure that a line or an answer holds. */
export function failureOf(line: Fields): GatewayError | undefined {
  const { error } = line;
  if (error === undefined || error === null) return undefined;
  const body = errorObjectOf(line);
  return body === undefined ? undefined : decodeErrorObject(body);
}
