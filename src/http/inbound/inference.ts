import { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import type { PathFacts } from "../../protocols/canonical/codec.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Caller } from "../access.ts";
import { readWhileCounted } from "../body.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { refuseIn } from "./refuse-in.ts";

export interface InferenceRouteOptions {
  protocol: Protocol;
  parts: RouteParts;
  refusals: Refusals;
  /** What the URL says besides the body. */
  pathFactsOf?: (request: Request) => PathFacts;
}

/** The route of a protocol: who calls, what they sent, and over to the gateway. */
export function inferenceRoute({
  protocol,
  parts,
  refusals,
  pathFactsOf,
}: InferenceRouteOptions): (context: { request: Request }) => Promise<Response> {
  const { access, connections, gateway, server } = parts;
  const limits = { maxBytes: server.maxBodyBytes, timeoutMs: server.bodyTimeout };

  return async ({ request }) => {
    const startedTick = performance.now();
    const requestId = createId("req_");
    let caller: Caller | undefined;
    try {
      const overload = gateway.overload();
      if (overload !== undefined) throw overload;
      caller = access.caller(request);
      const body = await readWhileCounted(request, limits, gateway.load);
      return await gateway.handle({
        protocol,
        path: pathFactsOf?.(request),
        body,
        headers: request.headers,
        signal: request.signal,
        keyId: caller.keyId,
        grant: caller.grant,
        maySteer: caller.maySteer,
        clientAddress: caller.address,
        requestId,
        startedAt: Date.now(),
        startedTick,
        allowSilence: (isAllowed) => connections.allowSilence(request, isAllowed),
      });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return refuseIn(protocol, refusals, { request, error, requestId, address: caller?.address });
    }
  };
}
