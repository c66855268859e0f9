import { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Refusals } from "../refusals.ts";
import { refuseIn } from "./refuse-in.ts";

interface ProtocolRoute {
  protocol: Protocol;
  refusals: Refusals;
  answer: (request: Request) => Response | Promise<Response>;
}

/** A route that is no inference, whose errors still are those of a protocol. */
export function protocolRoute({ protocol, refusals, answer }: ProtocolRoute) {
  return async ({ request }: { request: Request }): Promise<Response> => {
    try {
      return await answer(request);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return refuseIn(protocol, refusals, { request, error, requestId: createId("req_") });
    }
  };
}
