import { GatewayError } from "../../errors.ts";
import { errorResponse } from "../../gateway/handle.ts";
import { createId } from "../../lib/ids.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import { readBody } from "../body.ts";
import type { Services } from "../services.ts";

/** The route of a protocol: who calls, what they sent, and over to the gateway. */
export function inferenceRoute(
  protocol: Protocol,
  services: Services,
): (context: { request: Request }) => Promise<Response> {
  const { access, connections, gateway, metrics, server } = services;
  const limits = { maxBytes: server.maxBodyBytes, timeoutMs: server.bodyTimeout };

  return async ({ request }) => {
    const startedTick = performance.now();
    const requestId = createId("req_");
    try {
      const caller = access.caller(request);
      const body = await readBody(request, limits);
      return await gateway.handle({
        protocol,
        body,
        headers: request.headers,
        signal: request.signal,
        keyId: caller.keyId,
        clientAddress: caller.address,
        requestId,
        startedAt: Date.now(),
        startedTick,
        allowSilence: (isAllowed) => connections.allowSilence(request, isAllowed),
      });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const response = errorResponse(protocol, error, requestId);
      metrics.requestRefused(response.status);
      // Whatever is left of the body is not read: the connection cannot be used again.
      if (error.code === "request_too_large" || error.code === "request_timeout")
        response.headers.set("connection", "close");
      return response;
    }
  };
}
