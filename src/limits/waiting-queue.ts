import type { Alarms } from "../lib/alarms.ts";
import { fullestOf, rateRefusal, tokensOf, unknownWaitMs, waitForPlaceMs } from "./decision.ts";
import type { Demand, Lease, LimitRefusal, QueueSettings, Waiting } from "./limiter.ts";
import { compareWaiters, Line, rankOf, type Waiter } from "./line.ts";
import type { ScopeState } from "./scope-state.ts";

export interface WaitingQueue {
  /** Waits for a place at `full` first, and for whatever else is full then. */
  enter(entry: Entry): Promise<Lease | LimitRefusal>;
  /** Places may have come free at these. */
  wake(states: readonly ScopeState[]): void;
  configure(settings: QueueSettings): void;
  size(): number;
}

interface Entry {
  readonly states: readonly ScopeState[];
  readonly full: ScopeState;
  readonly demand: Demand;
  readonly waiting: Waiting;
}

export interface WaitingQueueOptions {
  readonly settings: QueueSettings;
  readonly now: () => number;
  readonly after: Alarms["set"];
  /** Takes of all scopes; nothing is in the way any more. */
  readonly grant: (states: readonly ScopeState[], tokens: number, time: number) => Lease;
}

/** The first of those that a place came free for. */
function firstOf(states: readonly ScopeState[]): Waiter | undefined {
  let first: Waiter | undefined;
  for (const state of states) {
    const head = state.line?.waiters[0];
    if (head === undefined || state.isFull()) continue;
    if (first === undefined || compareWaiters(head, first) < 0) first = head;
  }
  return first;
}

/**
 * Those that wait for places. Each stands in the line of one scope that is full, so that a place that comes free concerns
 * only those who can use it: the first of them goes, or moves to the line of another of its scopes that is full too, and
 * keeps its rank there. Who needs several scarce scopes takes none before it can take all; it may be overtaken meanwhile.
 */
export function createWaitingQueue(options: WaitingQueueOptions): WaitingQueue {
  const { now, after, grant } = options;
  const stale: Line[] = [];
  let { settings } = options;
  let size = 0;
  let arrivals = 0;

  function stand(waiter: Waiter, at: ScopeState): void {
    waiter.at = at;
    at.line ??= new Line();
    at.line.add(waiter);
    markStale(at.line);
  }

  function step(waiter: Waiter): void {
    const line = waiter.at?.line;
    if (line === undefined) return;
    line.remove(waiter);
    markStale(line);
  }

  function markStale(line: Line): void {
    if (line.isStale) return;
    line.isStale = true;
    stale.push(line);
  }

  /** Out of the queue, with nothing decided yet. */
  function takeOut(waiter: Waiter): void {
    step(waiter);
    waiter.at = undefined;
    waiter.callOffDeadline?.();
    for (const state of waiter.states) state.pins -= 1;
    size -= 1;
  }

  /** What goes wrong in a caller's own functions is that caller's. */
  function guarded(waiter: Waiter, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      if (waiter.at !== undefined) takeOut(waiter);
      waiter.reject(thrown);
    }
  }

  function tellPositions(): void {
    for (let line = stale.pop(); line !== undefined; line = stale.pop()) {
      line.isStale = false;
      line.tell((waiter, position) => guarded(waiter, () => waiter.onPosition?.(position, waiter.at?.etaMs(position))));
    }
  }

  function refuse(waiter: Waiter, refusal: LimitRefusal): void {
    takeOut(waiter);
    waiter.resolve(refusal);
  }

  /** It is the first in its line, and there is room. */
  function takeTurn(waiter: Waiter): void {
    const { states, demand } = waiter;
    const tokens = tokensOf(states, demand);
    const time = now();
    const refusal = rateRefusal(states, tokens, time);
    if (refusal !== undefined) return refuse(waiter, refusal);
    const full = fullestOf(states);
    if (full !== undefined) {
      step(waiter);
      return stand(waiter, full);
    }
    takeOut(waiter);
    waiter.resolve(grant(states, tokens, time));
  }

  function expire(waiter: Waiter): void {
    const { at } = waiter;
    if (at === undefined) return;
    const position = (at.line?.indexOf(waiter) ?? 0) + 1;
    const retryAfterMs = at.etaMs(position) ?? unknownWaitMs;
    refuse(waiter, { scope: at.scope, by: "queue", retryAfterMs, waitedMs: Math.max(0, now() - waiter.since) });
    tellPositions();
  }

  function leave(waiter: Waiter): void {
    if (waiter.at === undefined) return;
    refuse(waiter, { scope: waiter.at.scope, by: "queue", retryAfterMs: 0 });
    tellPositions();
  }

  function begin({ states, full, demand, waiting }: Entry, ends: Pick<Waiter, "resolve" | "reject">): void {
    arrivals += 1;
    size += 1;
    const waiter: Waiter = {
      ...rankOf(demand, waiting, arrivals),
      states,
      demand,
      since: now(),
      at: undefined,
      callOffDeadline: undefined,
      resolve: ends.resolve,
      reject: ends.reject,
    };
    for (const state of states) state.pins += 1;
    stand(waiter, full);
    waiter.callOffDeadline = after(settings.waitMs, () => expire(waiter));
    guarded(waiter, () => waiting.onLeave(() => leave(waiter)));
    tellPositions();
  }

  return {
    enter(entry) {
      if (size < settings.size && settings.waitMs > 0)
        return new Promise((resolve, reject) => begin(entry, { resolve, reject }));
      // By then all who wait now have gone in or have given up.
      const retryAfterMs = Math.min(waitForPlaceMs(entry.full), settings.waitMs || unknownWaitMs);
      return Promise.resolve({ scope: entry.full.scope, by: "queue", retryAfterMs });
    },
    wake(states) {
      for (let waiter = firstOf(states); waiter !== undefined; waiter = firstOf(states)) {
        const first = waiter;
        guarded(first, () => takeTurn(first));
      }
      tellPositions();
    },
    configure(changed) {
      settings = changed;
    },
    size: () => size,
  };
}
