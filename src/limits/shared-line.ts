import type { Alarms } from "../lib/alarms.ts";
import { unknownWaitMs } from "./decision.ts";
import { freeLease } from "./lease.ts";
import type { Lease, LimitRefusal, QueueSettings, Scope, Waiting } from "./limiter.ts";
import { rankOf } from "./line.ts";
import { demandAnew, scopeKey, type SharedDemand } from "./shared-demand.ts";
import { createSharedWaiters, keyAt, scopeAt, type SharedWaiter, type SharedWaiters } from "./shared-waiters.ts";

/** Those of this gateway that wait for places which several gateways give. */
export interface SharedLine {
  enter(demand: SharedDemand, waiting: Waiting): Promise<Lease | LimitRefusal>;
  /** The scope, of these, that somebody waits for already. */
  awaited(demand: SharedDemand): Scope | undefined;
  /** Places of the scope with this key may have come free. */
  freed(key: string): void;
  /** Lets go of all: they are told `elsewhere`. */
  disband(elsewhere: (demand: SharedDemand, waiting: Waiting) => Promise<Lease | LimitRefusal>): void;
  /** Scopes that have other limits by now: those that wait for places of them ask again. */
  configure(settings: QueueSettings, scopes: readonly Scope[]): void;
  size(): number;
}

/** No place: the scope that has none, counted from 0. */
export interface NoPlace {
  readonly full: number;
}

export interface SharedLineOptions {
  readonly settings: QueueSettings;
  readonly now: () => number;
  readonly after: Alarms["set"];
  readonly ask: (demand: SharedDemand) => Promise<Lease | LimitRefusal | NoPlace>;
}

/** What is published may be lost, and a gateway that died publishes nothing. */
const askAgainMs = 1000;

function firstPlace({ bounds }: SharedDemand): number {
  return Math.max(
    0,
    bounds.findIndex(({ concurrency }) => concurrency !== undefined),
  );
}

function giveUp(lease: Lease): void {
  lease.settle(0);
  lease.release();
}

/** Who stands first in the line of a scope asks for a place, and those behind it after it, one at a time. */
function createTurns(waiters: SharedWaiters, ask: SharedLineOptions["ask"]): (key: string) => void {
  /** Lines whose first one asks at the moment; `true` = something came free meanwhile. */
  const asking = new Map<string, boolean>();

  /** Whether the next one may ask too. */
  async function askFor(waiter: SharedWaiter): Promise<boolean> {
    const { demand } = waiter;
    const outcome = await ask(demand);
    if (!("full" in outcome)) {
      if (waiters.takeOut(waiter)) waiter.resolve(outcome);
      else if ("release" in outcome) giveUp(outcome);
      return true;
    }
    if (waiter.isOver || waiter.demand !== demand) return true;
    if (outcome.full === waiter.at) return false;
    waiters.move(waiter, { demand, at: outcome.full });
    freed(keyAt(waiter));
    return true;
  }

  async function turn(key: string): Promise<void> {
    for (let first = waiters.first(key); first !== undefined; first = waiters.first(key)) {
      asking.set(key, false);
      try {
        if (!(await askFor(first)) && asking.get(key) !== true) break;
      } catch (thrown) {
        if (waiters.takeOut(first)) first.reject(thrown);
      }
    }
    asking.delete(key);
  }

  function freed(key: string): void {
    if (asking.has(key)) asking.set(key, true);
    else if (waiters.has(key)) void turn(key);
  }

  return freed;
}

/** It stays where it stands, as long as that bounds places. */
function wantAnew(waiters: SharedWaiters, waiter: SharedWaiter, changed: ReadonlyMap<string, Scope>): void {
  const demand = demandAnew(waiter.demand, changed);
  if (demand === undefined) {
    if (waiters.takeOut(waiter)) waiter.resolve(freeLease);
    return;
  }
  const key = keyAt(waiter);
  const at = demand.bounds.findIndex((bound) => bound.key === key && bound.concurrency !== undefined);
  if (at === -1) return waiters.move(waiter, { demand, at: firstPlace(demand) });
  waiter.demand = demand;
  waiter.at = at;
}

/**
 * Each stands in the line of one scope that is full, by priority and arrival. The first of a line asks when a place may have
 * come free, and those behind it after it: among gateways whoever asks first gets it, within one the order holds.
 */
export function createSharedLine({ settings: initial, now, after, ask }: SharedLineOptions): SharedLine {
  const waiters = createSharedWaiters();
  const freed = createTurns(waiters, ask);
  let settings = initial;
  let arrivals = 0;
  let isTimerSet = false;

  function refuse(waiter: SharedWaiter, more: Pick<LimitRefusal, "retryAfterMs" | "waitedMs">): void {
    if (waiters.takeOut(waiter)) waiter.resolve({ scope: scopeAt(waiter), by: "queue", ...more });
  }

  function setTimer(): void {
    if (isTimerSet) return;
    isTimerSet = true;
    after(askAgainMs, () => {
      isTimerSet = false;
      for (const key of waiters.keys()) freed(key);
      if (waiters.size() > 0) setTimer();
    });
  }

  function begin(demand: SharedDemand, waiting: Waiting, ends: Pick<SharedWaiter, "resolve" | "reject">): void {
    arrivals += 1;
    const waiter: SharedWaiter = {
      ...rankOf(demand, waiting, arrivals),
      demand,
      waiting,
      since: now(),
      at: firstPlace(demand),
      isOver: false,
      callOffDeadline: () => undefined,
      ...ends,
    };
    waiter.callOffDeadline = after(settings.waitMs, () =>
      refuse(waiter, { retryAfterMs: unknownWaitMs, waitedMs: Math.max(0, now() - waiter.since) }),
    );
    waiters.stand(waiter);
    waiting.onLeave(() => refuse(waiter, { retryAfterMs: 0 }));
    setTimer();
    freed(keyAt(waiter));
  }

  return {
    enter(demand, waiting) {
      if (waiters.size() < settings.size && settings.waitMs > 0)
        return new Promise((resolve, reject) => begin(demand, waiting, { resolve, reject }));
      return Promise.resolve({
        scope: scopeAt({ demand, at: firstPlace(demand) }),
        by: "queue",
        retryAfterMs: Math.min(unknownWaitMs, settings.waitMs || unknownWaitMs),
      });
    },
    awaited({ bounds, scopes }) {
      if (waiters.size() === 0) return undefined;
      return scopes.find((_, at) => waiters.has(bounds[at]?.key ?? ""));
    },
    freed,
    disband(elsewhere) {
      for (const waiter of waiters.all())
        if (waiters.takeOut(waiter)) waiter.resolve(elsewhere(waiter.demand, waiter.waiting));
    },
    configure(changed, scopes) {
      settings = changed;
      const byKey = new Map(scopes.map((scope) => [scopeKey(scope), scope]));
      for (const waiter of waiters.all()) wantAnew(waiters, waiter, byKey);
      for (const key of waiters.keys()) freed(key);
    },
    size: () => waiters.size(),
  };
}
