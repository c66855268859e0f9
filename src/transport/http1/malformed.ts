import { GatewayError } from "../../errors.ts";

/** The upstream does not speak HTTP/1.1 as it should; `what` completes "The upstream host sent …". */
export class MalformedResponse extends Error {
  readonly code = "Malformed_HTTP_Response";
}

export function malformedAnswer(error: MalformedResponse, host: string): GatewayError {
  const message = `The upstream ${host} sent ${error.message}.`;
  return new GatewayError({ code: "upstream_invalid_response", status: 502, message, cause: error });
}
