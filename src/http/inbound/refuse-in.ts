import { errorResponse } from "../../gateway/respond.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import { answerDuringUpload } from "../during-upload.ts";
import type { RefusedRequest, Refusals } from "../refusals.ts";

type RefusedCall = Omit<RefusedRequest, "status"> & { requestId: string };

/** The answer of a protocol's route to a request that never reached the gateway; counted and reported. */
export async function refuseIn(protocol: Protocol, refusals: Refusals, refused: RefusedCall): Promise<Response> {
  const { request, error, requestId, address } = refused;
  const response = errorResponse(protocol, error, { requestId });
  refusals.tell({ request, error, status: response.status, address });
  if (error.code === "request_too_large") return answerDuringUpload(request, response);
  // Whatever is left of the body is not read: the connection cannot be used again.
  if (error.code === "request_timeout") response.headers.set("connection", "close");
  return response;
}
