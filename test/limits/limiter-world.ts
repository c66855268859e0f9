import {
  isRefusal,
  type Demand,
  type Lease,
  type LimitRefusal,
  type LimitSet,
  type Scope,
} from "../../src/limits/limiter.ts";
import { createLimiter, type LimiterOptions } from "../../src/limits/memory-limiter.ts";

interface Alarm {
  due: number;
  ring: () => void;
}

/** A clock that stands still until told, and the alarms that go by it. */
export function createClock(start = 1_000_000) {
  const alarms = new Set<Alarm>();
  let time = start;
  return {
    now: () => time,
    /** Sets the clock without ringing anything. */
    jump(milliseconds: number): void {
      time += milliseconds;
    },
    advance(milliseconds: number): void {
      const end = time + milliseconds;
      for (;;) {
        const next = [...alarms].reduce<Alarm | undefined>(
          (first, alarm) => (alarm.due <= end && (first === undefined || alarm.due < first.due) ? alarm : first),
          undefined,
        );
        if (next === undefined) break;
        time = Math.max(time, next.due);
        alarms.delete(next);
        next.ring();
      }
      time = Math.max(time, end);
    },
    after(milliseconds: number, ring: () => void): () => void {
      const alarm = { due: time + milliseconds, ring };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
    get alarms(): number {
      return alarms.size;
    },
  };
}
export function createWorld(options: Partial<LimiterOptions> = {}) {
  const clock = createClock();
  const limiter = createLimiter({ queue: { size: 100, waitMs: 60_000 }, ...clock, ...options });
  return { clock, limiter };
}

export function scopeOf(kind: Scope["kind"], limits: LimitSet, id = "a"): Scope {
  return { kind, id, limits };
}

export function wanting(tokens = 0, priority = 0): Demand {
  return { tokens: () => tokens, priority };
}

export function leaseOf(outcome: Lease | LimitRefusal): Lease {
  if (isRefusal(outcome)) throw new Error(`refused by ${outcome.by} of ${outcome.scope.kind}`);
  return outcome;
}

export function refusalOf(outcome: Lease | LimitRefusal): LimitRefusal {
  if (isRefusal(outcome)) return outcome;
  throw new Error("not refused");
}

/** A request that waits, watched. */
export function watch(
  waiting: (waiting: {
    onLeave(leave: () => void): void;
    onPosition(position: number, etaMs: number | undefined): void;
  }) => Promise<Lease | LimitRefusal>,
) {
  const positions: [number, number | undefined][] = [];
  let leave: (() => void) | undefined;
  const seen = {
    positions,
    outcome: undefined as Lease | LimitRefusal | undefined,
    leave: () => leave?.(),
    promise: Promise.resolve(),
  };
  seen.promise = waiting({
    onLeave: (given) => (leave = given),
    onPosition: (position, etaMs) => positions.push([position, etaMs]),
  }).then((outcome) => void (seen.outcome = outcome));
  return seen;
}

/** Lets promises that are settled be noticed. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
