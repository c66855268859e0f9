import { GatewayError } from "../errors.ts";
import { createBag, type Bagged } from "../lib/bag.ts";
import { overloadError } from "../limits/refusal-error.ts";
import type { Operation } from "../telemetry/request-record.ts";
import type { Admission, Refused } from "./admission.ts";
import type { ClientCall } from "./call.ts";
import type { Cancellation } from "./cancellation.ts";
import { Charging } from "./charging.ts";
import { endReasonOf, statusOf } from "./end-reason.ts";
import type { GatewayOptions, Load } from "./gateway-options.ts";
import { type Answering, Holds } from "./hold.ts";
import { textLimitFor } from "./key-rules.ts";
import { createRecording } from "./recording.ts";
import { errorResponse, nameRouting } from "./respond.ts";
import { endOf } from "./retry.ts";
import { tokensOf } from "./tokens-of.ts";

/** How requests come into the house, and how they leave it. */
export interface Admitting {
  /** A record for a request, and its place among the running ones once it can be cancelled. */
  readonly admit: (call: ClientCall, operation: Operation, protocol: string) => Admission;
  /** The answer to a request that failed before it had one; ends its record. */
  readonly refuse: (refused: Refused) => Response;
  /** What was thrown, as clients are told it; a fault of ours goes to `onBug`. */
  readonly toGatewayError: (thrown: unknown, requestId: string) => GatewayError;
  /** Why nothing new is taken right now; asked before a request is read. */
  readonly overload: () => GatewayError | undefined;
  /** Whoever reads a request's body counts it here meanwhile. */
  readonly load: Load;
  /** Requests that have not ended. */
  readonly active: () => number;
  /** Ends all running requests with `reason`. */
  readonly stop: (reason: GatewayError) => void;
}

interface Running extends Bagged {
  cancellation: Cancellation;
}

function internalError(requestId: string): GatewayError {
  const message = `The gateway failed on this request; its log has more under ${requestId}.`;
  return new GatewayError({ code: "internal_error", status: 500, message });
}

/** Not the gateway's own refusal, also where another request was sent in its place. */
function isUpstreams({ code }: GatewayError): boolean {
  return (
    code.startsWith("upstream_") || code === "client_cancelled" || code === "draining" || code === "internal_error"
  );
}

export function createAdmitting(options: GatewayOptions): Admitting {
  const { routing, overload, load } = options;
  const running = createBag<Running>();

  function toGatewayError(thrown: unknown, requestId: string): GatewayError {
    if (thrown instanceof GatewayError) return thrown;
    options.onBug(thrown, requestId);
    return internalError(requestId);
  }

  function refuse({ call, protocol, recording, thrown }: Refused): Response {
    const error = toGatewayError(thrown, call.requestId);
    const isSilentLimit = error.code === "rate_limit_exceeded" && error.retryAfterSeconds === undefined;
    const told = isSilentLimit ? error.with({ retryAfterSeconds: options.retryAfterSeconds }) : error;
    const wasSent = recording.record.attempts > 0;
    const headers: Record<string, string> = {};
    if (wasSent && routing.showsRouting) nameRouting(headers, recording);
    const response = errorResponse(protocol, told, { requestId: call.requestId, headers });
    recording.finish({
      status: statusOf(protocol, error),
      endReason: wasSent || isUpstreams(error) ? endReasonOf(error) : "rejected",
      error,
    });
    return response;
  }

  /** Whoever goes on from a response must be who asked for it, and gets to where it was made: nobody else knows its id. */
  function claimResponse(
    responseId: string,
    { keyId, answering }: { keyId: string; answering: Answering | undefined },
  ) {
    options.translation.responses.claim(responseId, keyId);
    if (answering === undefined) return;
    const { stage, facts, hold } = answering;
    routing.planner.keep(stage, facts, { target: hold.target, credential: hold.credential, responseId });
  }

  function leave(entry: Running): void {
    if (entry.slot >= 0) load.requests -= 1;
    running.remove(entry);
  }

  function admit(call: ClientCall, operation: Operation, protocol: string): Admission {
    options.onStart();
    const holds = new Holds();
    let entry: Running | undefined;
    let isSilent = false;
    const charging = new Charging();
    const recording = createRecording({
      call,
      operation,
      protocol,
      priceOf: options.routing.priceOf,
      textLimit: textLimitFor(call.grant, options.textLimit),
      onFinish(record, error) {
        if (entry !== undefined) leave(entry);
        if (isSilent) call.allowSilence(false);
        const responseId = holds.responseId ?? record.upstreamId;
        if (protocol === "openai-responses" && responseId !== undefined)
          claimResponse(responseId, { keyId: record.keyId, answering: holds.answered() });
        holds.end(endOf(record, error), tokensOf(record));
        charging.end(record);
        options.onFinish(record);
      },
    });
    return {
      recording,
      holds,
      charging,
      run(cancellation) {
        entry = { cancellation, slot: -1 };
        running.add(entry);
        load.requests += 1;
      },
      end: () => entry?.cancellation.end(),
      allowSilence() {
        isSilent = true;
        call.allowSilence(true);
      },
    };
  }

  return {
    admit,
    refuse,
    toGatewayError,
    overload() {
      const refusal = overload.refusal(load.requests);
      if (refusal === undefined) return undefined;
      routing.onStep({ kind: "shed", reason: refusal.reason });
      return overloadError(refusal);
    },
    load,
    active: () => running.items.length,
    stop(reason) {
      for (const { cancellation } of running.items.toReversed()) cancellation.cancel(reason);
    },
  };
}
