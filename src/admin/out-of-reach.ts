import { GatewayError } from "../errors.ts";
import { errorText } from "../lib/error-text.ts";

/** What whoever asked is told when the database cannot be read. */
export function outOfReach(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const message = `The database cannot be read: ${errorText(cause)}. Try again.`;
  return new GatewayError({ code: "internal_error", status: 503, message, retryable: true, cause });
}
