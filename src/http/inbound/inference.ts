import { GatewayError } from "../../errors.ts";
import { errorResponse } from "../../gateway/handle.ts";
import { createId } from "../../lib/ids.ts";
import type { PathFacts } from "../../protocols/canonical/codec.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Caller } from "../access.ts";
import { readBody } from "../body.ts";
import { answerDuringUpload } from "../during-upload.ts";
import type { RefusedRequest, Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";

export interface InferenceRouteOptions {
  protocol: Protocol;
  parts: RouteParts;
  refusals: Refusals;
  /** What the URL says besides the body. */
  pathFactsOf?: (request: Request) => PathFacts;
}

type RefusedCall = Omit<RefusedRequest, "status"> & { requestId: string };

/** The route of a protocol: who calls, what they sent, and over to the gateway. */
export function inferenceRoute({
  protocol,
  parts,
  refusals,
  pathFactsOf,
}: InferenceRouteOptions): (context: { request: Request }) => Promise<Response> {
  const { access, connections, gateway, server } = parts;
  const limits = { maxBytes: server.maxBodyBytes, timeoutMs: server.bodyTimeout };

  async function refuse({ request, error, requestId, address }: RefusedCall): Promise<Response> {
    const response = errorResponse(protocol, error, requestId);
    refusals.tell({ request, error, status: response.status, address });
    if (error.code === "request_too_large") return answerDuringUpload(request, response);
    // Whatever is left of the body is not read: the connection cannot be used again.
    if (error.code === "request_timeout") response.headers.set("connection", "close");
    return response;
  }

  return async ({ request }) => {
    const startedTick = performance.now();
    const requestId = createId("req_");
    let caller: Caller | undefined;
    try {
      caller = access.caller(request);
      const body = await readBody(request, limits);
      return await gateway.handle({
        protocol,
        path: pathFactsOf?.(request),
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
      return refuse({ request, error, requestId, address: caller?.address });
    }
  };
}
