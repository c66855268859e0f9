import type { GatewayError } from "../../errors.ts";
import { upstreamStatusOf } from "./results.ts";

/** How an error is told to other clients than its own: an upstream's words may quote the request. */
export function bareWords({ status, code }: { status: number | undefined; code: string }): string {
  return status === undefined ? code : `${status} ${code}`;
}

/** The same without an upstream's words, for where none may be kept; what the gateway itself says of a failure stays. */
export function withoutWords(error: GatewayError): GatewayError {
  const status = upstreamStatusOf(error);
  if (status === undefined) return error;
  const message = `The upstream answered ${bareWords({ status, code: error.code })}.`;
  return error.with({ message, details: { upstreamStatus: status }, headers: undefined });
}
