import type { PathFacts } from "../../protocols/canonical/codec.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { readClientCall } from "./client-call.ts";
import { protocolRoute } from "./protocol-route.ts";

interface CountTokensRoute {
  protocol: Protocol;
  parts: RouteParts;
  refusals: Refusals;
  pathFactsOf?: (request: Request) => PathFacts;
}

/** How many tokens a request would have, in the words of its protocol. */
export function countTokensRoute({ protocol, parts, refusals, pathFactsOf }: CountTokensRoute) {
  return protocolRoute({
    protocol,
    refusals,
    async answer(request) {
      const call = await readClientCall(request, parts);
      return parts.gateway.countTokens({ ...call, protocol, path: pathFactsOf?.(request) ?? {} });
    },
  });
}
