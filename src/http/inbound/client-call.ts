import type { ClientCall } from "../../gateway/call.ts";
import { createId } from "../../lib/ids.ts";
import { readWhileCounted } from "../body.ts";
import type { RouteParts } from "../route-parts.ts";

/** Who calls, and what they sent. Throws GatewayError (401, 408, 413 …). */
export async function readClientCall(request: Request, parts: RouteParts): Promise<ClientCall> {
  const startedTick = performance.now();
  const startedAt = Date.now();
  const { access, connections, gateway, server } = parts;
  const overload = gateway.overload();
  if (overload !== undefined) throw overload;
  const caller = access.caller(request);
  const { maxBodyBytes: maxBytes, bodyTimeout: timeoutMs } = server;
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  return {
    body: hasBody ? await readWhileCounted(request, { maxBytes, timeoutMs }, gateway.load) : new Uint8Array(0),
    headers: request.headers,
    signal: request.signal,
    keyId: caller.keyId,
    grant: caller.grant,
    maySteer: caller.maySteer,
    clientAddress: caller.address,
    requestId: createId("req_"),
    startedAt,
    startedTick,
    allowSilence: (isAllowed) => connections.allowSilence(request, isAllowed),
  };
}
