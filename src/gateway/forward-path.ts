import { GatewayError } from "../errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Route } from "../routing/route.ts";
import type { Operation } from "../telemetry/request-record.ts";
import type { Admission } from "./admission.ts";
import type { Admitting } from "./admitting.ts";
import type { ClientCall } from "./call.ts";
import { createCancellation } from "./cancellation.ts";
import { openWithFailover } from "./failover.ts";
import { forwardAttempt, type ForwardCall, type Forwarded } from "./forward.ts";
import { forwardAnswer } from "./forward-answer.ts";
import { ableRoute, directRoute } from "./forward-route.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { admitNoKey, type KeyDemand } from "./key-admission.ts";
import { droppedFields } from "./losses.ts";
import { forwardDemandOf, takePlace } from "./place.ts";
import type { Recording } from "./recording.ts";
import { totalMsOf } from "./total-ms.ts";
import type { Trying } from "./trying.ts";

/** Goes through the targets of a request and answers; the record ends with the answer's last byte. Never rejects. */
export type ForwardPath = (
  call: ClientCall & { protocol: Protocol },
  operation: Operation,
  read: () => ForwardCall | Promise<ForwardCall>,
) => Promise<Response>;

export interface ForwardPathOptions
  extends
    Pick<GatewayOptions, "routing" | "scopes" | "admitKey" | "onAttempt" | "onDropped">,
    Pick<Admitting, "admit" | "refuse" | "toGatewayError"> {}

/** Refusals that speak of the request itself. */
const ownFaults: readonly number[] = [400, 413, 422];

/** Whether the gateway's own answer may take the place of a failure: somebody still waits for one, and is not at fault. */
function isForgiven(failure: unknown): boolean {
  if (!(failure instanceof GatewayError)) return false;
  return failure.code !== "client_cancelled" && !ownFaults.includes(failure.status);
}

async function openForward(forward: ForwardCall, trying: Trying): Promise<Forwarded> {
  const { standIn } = forward;
  if (standIn?.isAlone === true) return standIn.answer();
  try {
    return await openWithFailover<Forwarded>(trying, {
      isGood: ({ status }) => status < 400,
      attempt: (candidate) => forwardAttempt({ call: forward, candidate, onSend: () => trying.recording.sent() }),
      discard({ body }) {
        if (!(body instanceof Uint8Array)) body.cancel();
      },
    });
  } catch (failure) {
    if (standIn === undefined || !isForgiven(failure)) throw failure;
    return standIn.answer();
  }
}

/** What its key is asked for. */
function keyDemandOf(forward: ForwardCall, { route, totalMs }: { route: Route; totalMs: number }): KeyDemand {
  const { operation, facts, chargedAs, isModelCall, modelAsked } = forward;
  const { isUnmetered: isFree = operation === "count_tokens" } = forward;
  const charged =
    chargedAs === undefined ? { model: modelAsked, route } : { model: chargedAs.model, route: directRoute(chargedAs) };
  return { operation, ...charged, facts, totalMs, isFree, isModelCall };
}

export function createForwardPath(options: ForwardPathOptions): ForwardPath {
  const { routing, scopes, onAttempt, onDropped, admit, refuse, admitKey = admitNoKey } = options;

  /** Sets its money aside, and makes what going through targets needs of it. */
  function tryingOf(forward: ForwardCall, admission: Admission): Trying {
    const route = ableRoute(forward);
    const totalMs = totalMsOf(route, forward.facts);
    if (forward.grant !== undefined && forward.isFollowUp !== true)
      admission.charging.begin(admitKey(forward.grant, keyDemandOf(forward, { route, totalMs })));
    const cancellation = createCancellation(forward.signal, totalMs);
    admission.run(cancellation);
    admission.allowSilence();
    const { holds, recording } = admission;
    return {
      route,
      facts: forward.facts,
      routing,
      demand: forwardDemandOf(forward),
      holds,
      recording,
      cancellation,
      onAttempt(target, outcome) {
        recording.asked(forward.chargedAs ?? target);
        onAttempt(target, outcome);
      },
    };
  }

  function tell({ wire }: ForwardCall, { losses }: Forwarded, { record }: Recording): void {
    if (losses.length === 0) return;
    record.dropped = droppedFields(losses);
    onDropped({ client: wire, upstream: record.provider ?? "", count: losses.length });
  }

  return async (call, operation, read) => {
    const admission = admit(call, operation, call.protocol.id);
    const { recording, charging } = admission;
    try {
      const reading = read();
      const forward = reading instanceof Promise ? await reading : reading;
      recording.record.protocol = forward.wire;
      recording.record.modelAsked = forward.modelAsked;
      const trying = tryingOf(forward, admission);
      const waiting = takePlace(trying, scopes.of(call, trying.route.first), charging.pending);
      if (waiting !== undefined) await waiting;
      const forwarded = await openForward(forward, trying);
      if (forwarded.status < 400) charging.answered();
      tell(forward, forwarded, recording);
      return forwardAnswer({ call: forward, forwarded, admission, cancellation: trying.cancellation }, options);
    } catch (thrown) {
      admission.end();
      return refuse({ call, protocol: call.protocol, recording, thrown });
    }
  };
}
