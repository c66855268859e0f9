import type { GatewayError } from "../errors.ts";
import type { Observation } from "../protocols/protocol.ts";
import type { Admission } from "./admission.ts";
import type { Admitting } from "./admitting.ts";
import type { Cancellation } from "./cancellation.ts";
import { estimatedHeader } from "./count-tokens.ts";
import { endReasonOf, statusOf } from "./end-reason.ts";
import type { ForwardCall, Forwarded } from "./forward.ts";
import { createForwardedStream, readsOf } from "./forwarded-stream.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { nameRouting } from "./respond.ts";
import { timeoutOf } from "./total-ms.ts";

interface Answered {
  readonly call: ForwardCall;
  readonly forwarded: Forwarded;
  readonly admission: Admission;
  readonly cancellation: Cancellation;
}

interface ForwardAnswerOptions extends Pick<Admitting, "toGatewayError"> {
  readonly routing: Pick<GatewayOptions["routing"], "showsRouting">;
}

function headersOf(
  { call, forwarded, admission }: Answered,
  { routing }: ForwardAnswerOptions,
): Record<string, string> {
  const headers: Record<string, string> = { ...forwarded.headers, "x-request-id": call.requestId };
  // Who was asked first gave no estimate.
  if (routing.showsRouting && headers[estimatedHeader] === undefined) nameRouting(headers, admission.recording);
  return headers;
}

/** The answer to a request that is no conversation; its record ends with the answer's last byte. */
export function forwardAnswer(answered: Answered, options: ForwardAnswerOptions): Response {
  const { call, forwarded, admission, cancellation } = answered;
  const { status, body, observation } = forwarded;
  const headers = headersOf(answered, options);
  const finish = (error?: GatewayError, seen: Observation = observation): void => {
    admission.end();
    const how =
      error === undefined
        ? ({ status, endReason: "completed" } as const)
        : { status: statusOf(call.protocol, error), endReason: endReasonOf(error), error };
    admission.recording.finish({ ...how, observation: seen });
  };
  if (body instanceof Uint8Array) {
    finish();
    return new Response(body, { status, headers });
  }
  const stream = createForwardedStream({
    reply: body,
    reads: call.isUnmetered === true ? "nothing" : readsOf(headers["content-type"] ?? ""),
    onEnd: finish,
    toGatewayError: (thrown) => options.toGatewayError(thrown, call.requestId),
    cancellation,
    idleMs: timeoutOf(call.route, "idle"),
  });
  return new Response(stream, { status, headers });
}
