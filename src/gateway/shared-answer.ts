import { GatewayError } from "../errors.ts";
import type { Target } from "../routing/target.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { Opened } from "./attempt.ts";
import type { Cancellation } from "./cancellation.ts";
import { endReasonOf } from "./end-reason.ts";
import type { Exchange } from "./exchange.ts";
import { flightKeyOf } from "./flight-key.ts";
import { Holds } from "./hold.ts";
import { createRecording } from "./recording.ts";
import { createSingleFlight } from "./single-flight.ts";
import { noteWait } from "./trail-writer.ts";

/** How one request is answered, with everything that it holds on its way. */
type Open = (exchange: Exchange) => Promise<Opened>;

/** Opens for all equal requests at once; for answers in one piece. Rejects as `open` does. */
export type OpenShared = (exchange: Exchange, open: Open) => Promise<Opened>;

interface SharedAnswersOptions {
  /** The upstream's answer is there, or there is none: gives back what was held for it. */
  onEnd: (holds: Holds, record: RequestRecord, error: GatewayError | undefined) => void;
}

/** What came of the work, and what its own record says of the way. */
interface Worked {
  readonly outcome: Opened | GatewayError;
  readonly record: RequestRecord;
  /** Whom it was asked of last; `undefined` = nobody. */
  readonly target: Target | undefined;
}

/** What was used is told once, by the one who pays. */
function withoutUsage(worked: Worked): Worked {
  const { outcome } = worked;
  if (outcome instanceof GatewayError || outcome.kind === "stream") return worked;
  const observation = { ...outcome.observation, usage: undefined, costUsd: undefined };
  return { ...worked, outcome: { ...outcome, observation } };
}

interface WorkOptions extends SharedAnswersOptions {
  open: Open;
  cancellation: Cancellation;
}

/** Does the work for a request as if it were another one, whose client cannot leave. */
async function work(exchange: Exchange, { open, cancellation, onEnd }: WorkOptions): Promise<Worked> {
  const { call, onAttempt } = exchange;
  const holds = new Holds();
  const recording = createRecording({
    call,
    operation: "chat",
    protocol: call.protocol.id,
    textLimit: 0,
    onFinish: (record, error) => onEnd(holds, record, error),
  });
  const { record } = recording;
  let asked: Target | undefined;
  const inner: Exchange = {
    ...exchange,
    cancellation,
    holds,
    recording,
    onQueued: undefined,
    onAttempt(target, outcome) {
      asked = target;
      recording.asked(target);
      onAttempt(target, outcome);
    },
  };
  try {
    const outcome = await open(inner);
    const observation = outcome.kind === "answer" ? outcome.observation : undefined;
    recording.finish({ status: 200, endReason: "completed", observation });
    return { outcome, record, target: asked };
  } catch (thrown) {
    const error = thrown instanceof GatewayError ? thrown : undefined;
    recording.finish({ status: error?.status ?? 500, endReason: error ? endReasonOf(error) : "internal_error", error });
    if (error === undefined) throw thrown;
    return { outcome: error, record, target: asked };
  }
}

/** Whoever waited longest has made the attempts, and is charged for them. */
function adopt({ recording }: Exchange, { record: worked, target }: Worked): void {
  const { record } = recording;
  if (target !== undefined) recording.asked(target);
  const { attempts, retries, credential } = worked;
  Object.assign(record, { attempts, retries, credential });
  if (record.id === worked.id) record.overheadMs += worked.overheadMs;
  if (worked.trail === undefined) return;
  record.trail = { ...worked.trail, waits: [...(record.trail?.waits ?? []), ...worked.trail.waits] };
}

/** Equal requests at the same time are sent once. Each keeps its own record, id and deadline. */
export function createSharedAnswers({ onEnd }: SharedAnswersOptions): OpenShared {
  const flights = createSingleFlight<Worked>({ copyOf: withoutUsage });
  return async (exchange, open) => {
    const { call, route, facts, cancellation, recording } = exchange;
    const from = performance.now();
    const landed = await flights.join({
      key: flightKeyOf({ call, model: route.first.model, steering: facts.steering }),
      cancellation,
      work: (cancellation) => work(exchange, { open, cancellation, onEnd }),
    });
    const { outcome, record } = landed.value;
    const { provider, modelServed, lane, dropped } = record;
    if (landed.isPayer) adopt(exchange, landed.value);
    else noteWait(exchange, { what: "an equal request", from });
    Object.assign(recording.record, { provider, modelServed, lane, dropped });
    if (outcome instanceof GatewayError) throw outcome;
    return outcome;
  };
}
