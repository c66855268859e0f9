import { repeat } from "../lib/repeat.ts";

export interface OverloadSettings {
  /** Requests at work in this process. */
  readonly maxRequests: number;
  /** How far the process may lag behind; 0 = any. */
  readonly maxLagMs: number;
}

export interface OverloadRefusal {
  readonly reason: "requests" | "lag";
  readonly retryAfterMs: number;
}

export interface Overload {
  /** Why a request that has just arrived is to be refused, if it is. Asked once for each, before anything is done for it. */
  refusal(active: number): OverloadRefusal | undefined;
  configure(settings: OverloadSettings): void;
  /** How late the process is now, in milliseconds, and whether it refuses for that. */
  view(): { lagMs: number; isShedding: boolean };
  start(): void;
  stop(): void;
}

export interface OverloadOptions extends OverloadSettings {
  readonly now?: () => number;
  /** Repeats `look` until the function it returns is called. */
  readonly every?: (milliseconds: number, look: () => void) => () => void;
  /** Runs `end` when all that is ready now has been dealt with. */
  readonly afterTurn?: (end: () => void) => void;
}

const lookMs = 250;
/** While it sheds: time in each turn in which requests are taken, at first. Refusals are told within two turns. */
const shortTakingMs = 6;
const calmAfterMs = 5000;
const firstShedMs = 10_000;
const longestShedMs = 60_000;
const busyRefusal: OverloadRefusal = { reason: "requests", retryAfterMs: 1000 };
/** Different ones, or all would come again at the same time. */
const lagRefusals: readonly OverloadRefusal[] = [1000, 2000, 3000].map((retryAfterMs) => ({
  reason: "lag",
  retryAfterMs,
}));

/**
 * Refuses what the process cannot do in time.
 *
 * One thread does everything. When more arrives than it can do, a turn of its event loop deals with all that came during
 * the one before, so that turns grow without bound (measured: 0.2, 0.7, 1.3 s; with new connections one turn never ended)
 * while timers and answers of upstreams wait. A timer that is late therefore says it too late: each arrival looks itself
 * whether the timer is overdue. The time between two arrivals counts for at most half of the lag allowed, and a late timer
 * only the second time in a row: a process that was suspended, or busy once with one thing, is not overloaded.
 *
 * Once it lags by `maxLagMs`, requests are taken during the first milliseconds of each turn only, and refused for the rest
 * of it. That keeps turns short (a refusal is told after some 15 ms, not seconds) and the thread never idle, so that it
 * costs nothing but the refusals' own time: at three times of what it can do, with a refusal at a twentieth of a request,
 * 90 % of the peak remains. It ends when nothing had to be refused for 5 s. Many clients that wait for each other make long
 * turns too, without harm, and would keep it up for ever: so after 10 s (then 20, 40, 60 s) more and more is taken in each
 * turn, up to an eighth of the lag allowed. Where that is enough, it ends.
 */
export function createOverload(options: OverloadOptions): Overload {
  const { now = () => performance.now(), every = repeat, afterTurn = setImmediate } = options;
  let { maxRequests, maxLagMs } = options;
  let isStarted = false;
  let endLooks: (() => void) | undefined;
  /** When the timer should look next; what comes later than that is lag. */
  let due = 0;
  let lastLagMs = 0;
  let overdueMs = 0;
  let lastArrival = 0;
  let isShedding = false;
  /** Then it tries whether it may take more. */
  let tryMoreAt = Number.NEGATIVE_INFINITY;
  let shedForMs = firstShedMs;
  let takingMs = shortTakingMs;
  let lastRefusal = 0;
  let refusals = 0;
  let turnBegan: number | undefined;

  function look(): void {
    const time = now();
    const lagMs = Math.max(0, time - due);
    if (!isShedding && lagMs >= maxLagMs && lastLagMs >= maxLagMs) shed(time);
    else if (isShedding) reconsider(time);
    lastLagMs = lagMs;
    overdueMs = 0;
    due = time + lookMs;
  }

  function reconsider(time: number): void {
    if (time - lastRefusal >= calmAfterMs || time < lastRefusal) isShedding = false;
    if (!isShedding || time < tryMoreAt) return;
    const mostTakingMs = Math.max(shortTakingMs, maxLagMs / 8);
    if (takingMs < mostTakingMs) takingMs = Math.min(mostTakingMs, takingMs * 4);
    else if (lastRefusal > due - lookMs) shed(time);
  }

  function isOverdue(time: number): boolean {
    if (time <= due) return false;
    const gapMs = Math.max(0, time - Math.max(due, lastArrival));
    overdueMs += Math.min(gapMs, maxLagMs / 2);
    lastArrival = time;
    return overdueMs >= maxLagMs;
  }

  function shed(time: number): void {
    const isAnew = time - tryMoreAt < longestShedMs;
    shedForMs = isAnew ? Math.min(longestShedMs, shedForMs * 2) : firstShedMs;
    tryMoreAt = time + shedForMs;
    takingMs = shortTakingMs;
    lastRefusal = time;
    isShedding = true;
    beginTurn(time - takingMs);
  }

  function beginTurn(time: number): void {
    turnBegan = time;
    afterTurn(endTurn);
  }

  function endTurn(): void {
    turnBegan = undefined;
  }

  /** Whether this turn has taken what it may. */
  function isTurnFull(time: number): boolean {
    if (turnBegan !== undefined) return time - turnBegan >= takingMs || lastLagMs >= maxLagMs;
    beginTurn(time);
    return lastLagMs >= maxLagMs;
  }

  function endWatch(): void {
    endLooks?.();
    endLooks = undefined;
    isShedding = false;
  }

  function watch(): void {
    endWatch();
    if (!isStarted || maxLagMs === 0) return;
    due = now() + lookMs;
    lastLagMs = 0;
    overdueMs = 0;
    endLooks = every(lookMs, look);
  }

  return {
    refusal(active) {
      if (active >= maxRequests) return busyRefusal;
      if (endLooks === undefined) return undefined;
      const time = now();
      if (!isShedding && isOverdue(time)) shed(time);
      if (!isShedding || !isTurnFull(time)) return undefined;
      lastRefusal = time;
      refusals += 1;
      return lagRefusals[refusals % lagRefusals.length];
    },
    configure(settings) {
      ({ maxRequests, maxLagMs } = settings);
      // What it is just busy with goes on.
      if (isStarted && maxLagMs > 0 === (endLooks !== undefined)) return;
      watch();
    },
    view: () => ({ lagMs: Math.max(lastLagMs, overdueMs), isShedding }),
    start() {
      if (isStarted) return;
      isStarted = true;
      watch();
    },
    stop() {
      isStarted = false;
      endWatch();
    },
  };
}
