import type { GatewayError } from "../errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { EndReason } from "../telemetry/request-record.ts";

export function endReasonOf(error: GatewayError): EndReason {
  if (error.code === "client_cancelled") return "client_cancelled";
  if (error.code === "upstream_timeout") return "timeout";
  if (error.code === "draining") return "shutdown";
  return error.code === "internal_error" ? "internal_error" : "upstream_error";
}

/** What a record says of a failure: the status the client was told, or 499 when nobody was there to be told. */
export function statusOf(protocol: Protocol, error: GatewayError): number {
  return error.code === "client_cancelled" ? 499 : protocol.error.encode(error).status;
}
