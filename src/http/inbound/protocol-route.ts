import { GatewayError } from "../../errors.ts";
import { errorResponse } from "../../gateway/handle.ts";
import { createId } from "../../lib/ids.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Refusals } from "../refusals.ts";

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
      const response = errorResponse(protocol, error, createId("req_"));
      refusals.tell({ request, error, status: response.status });
      return response;
    }
  };
}
