import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import type { FailureKind } from "../routing/failure-kind.ts";
import type { ForkedLeg } from "./cancellation.ts";
import type { Journey } from "./failover.ts";
import { type Answered, isAnswered, type Place, type Progress } from "./trying.ts";

type Outcome<T> = Answered<T> | FailureKind | "full";

interface Runner<T> {
  place: Place;
  leg: ForkedLeg;
  progress: Progress;
  outcome: Promise<Outcome<T>>;
}

interface Win<T> {
  runner: Runner<T>;
  answered: Answered<T>;
}

/** Why a leg was stopped that another one has overtaken. */
const overtaken = new GatewayError({
  code: "client_cancelled",
  status: 499,
  message: "Another target had begun to answer.",
});

export function isOvertaken(error: GatewayError): boolean {
  return error === overtaken;
}

/** Resolves with the outcome, or with `undefined` when it is not there in time. */
async function within<T>(outcome: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let callOff: (() => void) | undefined;
  const late = new Promise<undefined>((resolve) => {
    callOff = alarms.set(milliseconds, () => resolve(undefined));
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    callOff?.();
  }
}

/** The first that answers; `undefined` when none does. */
function firstAnswer<T>(runners: readonly Runner<T>[]): Promise<Win<T> | undefined> {
  let left = runners.length;
  return new Promise((resolve, reject) => {
    const see = (runner: Runner<T>, outcome: Outcome<T>): void => {
      left -= 1;
      if (isAnswered(outcome)) resolve({ runner, answered: outcome });
      else if (left === 0) resolve(undefined);
    };
    for (const runner of runners) runner.outcome.then((outcome) => see(runner, outcome), reject);
  });
}

/** Lets go of what comes too late: nobody reads it. */
async function drop<T>(journey: Journey<T>, { leg, place, progress, outcome }: Runner<T>): Promise<void> {
  const { credential, from } = progress;
  // Written down now: the record may be closed before the upstream has let go.
  if (credential !== undefined)
    journey.trail.attempted({ target: place.target, credential, kind: place.kind, from, outcome: "called_off" });
  leg.stop(overtaken);
  const late = await outcome.catch(() => undefined);
  if (late === undefined || !isAnswered(late)) return;
  journey.discard(late.opened);
  late.hold.end("neutral", undefined);
}

/**
 * Asks the second target as well when the first has not begun to answer in time. The first content wins and the other one
 * is called off: what it may have cost stays in the limits as estimated, and stands in the trail.
 */
export async function hedged<T>(journey: Journey<T>, first: Place, second: Place): Promise<Outcome<T>> {
  const { cancellation, routing } = journey.trying;
  const start = (place: Place): Runner<T> => {
    const leg = cancellation.fork();
    const progress: Progress = { credential: undefined, from: 0 };
    return { place, leg, progress, outcome: journey.tryTarget({ ...place, leg, progress }) };
  };
  const one = start({ ...first, hasMore: true });
  const early = await within(one.outcome, first.stage.hedgeAfterMs);
  if (early !== undefined) {
    if (isAnswered(early) || journey.isFinal(early)) return early;
    return journey.tryTarget(second);
  }
  const other = start({ ...second, kind: "hedge", hasMore: true });
  const { name } = second.target.upstream;
  let win: Win<T> | undefined;
  try {
    win = await firstAnswer([one, other]);
  } catch (bug) {
    void drop(journey, one);
    void drop(journey, other);
    throw bug;
  }
  if (win === undefined) {
    routing.onStep({ kind: "hedge", provider: name, outcome: "failed" });
    const outcomes = await Promise.all([one.outcome, other.outcome]);
    return outcomes.find((outcome) => !isAnswered(outcome) && journey.isFinal(outcome)) ?? outcomes[1] ?? "target";
  }
  routing.onStep({ kind: "hedge", provider: name, outcome: win.runner === other ? "won" : "lost" });
  void drop(journey, win.runner === one ? other : one);
  return win.answered;
}
