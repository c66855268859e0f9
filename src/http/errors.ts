import { GatewayError } from "../errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { protocols } from "../protocols/registry.ts";

/** An error of a route that is no protocol's own, in the form most clients know, or in that of a given protocol. */
export function plainError(
  error: GatewayError,
  extra: Record<string, string> = {},
  protocol: Protocol = protocols["openai-chat"],
): Response {
  const { status, body, headers } = protocol.error.encode(error);
  return new Response(body, { status, headers: { ...headers, ...extra } });
}

export function notFound(method: string, path: string): GatewayError {
  const message = `There is no ${method} ${path.slice(0, 200)} here; /swagger lists what there is.`;
  return new GatewayError({ code: "not_found", status: 404, message });
}

export function methodNotAllowed(method: string, path: string, allowed: readonly string[]): GatewayError {
  const message = `${path.slice(0, 200)} does not take ${method}; use ${allowed.join(" or ")}.`;
  return new GatewayError({ code: "method_not_allowed", status: 405, message });
}

export function internalError(): GatewayError {
  const message = "The gateway failed on this request; its log says more.";
  return new GatewayError({ code: "internal_error", status: 500, message });
}

export function webSocketRefused(): GatewayError {
  const message = "WebSocket is not served here; use HTTP.";
  return new GatewayError({ code: "upgrade_required", status: 426, message });
}

export function draining(): GatewayError {
  return new GatewayError({
    code: "draining",
    status: 503,
    message: "This gateway is shutting down; try again on a new connection.",
    retryAfterSeconds: 1,
  });
}
