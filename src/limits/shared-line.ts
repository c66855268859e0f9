import type { Alarms } from "../lib/alarms.ts";
import { unknownWaitMs } from "./decision.ts";
import { freeLease } from "./lease.ts";
import type { Lease, LimitRefusal, QueueSettings, Scope, Waiting } from "./limiter.ts";
import { type InLine, Line, rankOf } from "./line.ts";
import { demandAnew, scopeKey, type SharedDemand } from "./shared-demand.ts";

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

interface Waiter extends InLine {
  demand: SharedDemand;
  readonly waiting: Waiting;
  readonly since: number;
  /** The scope it stands in line for, counted from 0. */
  at: number;
  isOver: boolean;
  callOffDeadline: () => void;
  readonly resolve: (outcome: Lease | LimitRefusal | Promise<Lease | LimitRefusal>) => void;
  readonly reject: (reason: unknown) => void;
}

function firstPlace({ bounds }: SharedDemand): number {
  return Math.max(
    0,
    bounds.findIndex(({ concurrency }) => concurrency !== undefined),
  );
}

/**
 * Each stands in the line of one scope that is full, by priority and arrival. The first of a line asks when a place may have
 * come free, and those behind it after it: among gateways whoever asks first gets it, within one the order holds.
 */
export function createSharedLine({ settings: initial, now, after, ask }: SharedLineOptions): SharedLine {
  const lines = new Map<string, Line<Waiter>>();
  /** Lines whose first one asks at the moment; `true` = something came free meanwhile. */
  const asking = new Map<string, boolean>();
  let settings = initial;
  let size = 0;
  let arrivals = 0;
  let isTimerSet = false;

  function keyOf({ demand, at }: Waiter): string {
    return demand.bounds[at]?.key ?? "";
  }

  function scopeOf({ demand, at }: Waiter): Scope {
    const scope = demand.scopes[at];
    if (scope === undefined) throw new Error("A request waits for a scope that it does not have");
    return scope;
  }

  function stand(waiter: Waiter): void {
    const key = keyOf(waiter);
    let line = lines.get(key);
    if (line === undefined) lines.set(key, (line = new Line()));
    line.add(waiter);
    tell(line);
  }

  function step(waiter: Waiter): void {
    const key = keyOf(waiter);
    const line = lines.get(key);
    line?.remove(waiter);
    if (line?.waiters.length === 0) lines.delete(key);
    else if (line !== undefined) tell(line);
  }

  function tell(line: Line<Waiter>): void {
    line.tell((waiter, position) => {
      try {
        waiter.onPosition?.(position, undefined);
      } catch (thrown) {
        // What goes wrong in a caller's own functions is that caller's.
        takeOut(waiter);
        waiter.reject(thrown);
      }
    });
  }

  function takeOut(waiter: Waiter): boolean {
    if (waiter.isOver) return false;
    waiter.isOver = true;
    waiter.callOffDeadline();
    step(waiter);
    size -= 1;
    return true;
  }

  function refuse(waiter: Waiter, more: Pick<LimitRefusal, "retryAfterMs" | "waitedMs">): void {
    if (takeOut(waiter)) waiter.resolve({ scope: scopeOf(waiter), by: "queue", ...more });
  }

  /** In the order they came. */
  function standing(): Waiter[] {
    const all = [...lines.values()].flatMap(({ waiters }) => [...waiters]);
    return all.sort((left, right) => left.sequence - right.sequence);
  }

  /** It stays where it stands, as long as that bounds places. */
  function wantAnew(waiter: Waiter, changed: ReadonlyMap<string, Scope>): void {
    const demand = demandAnew(waiter.demand, changed);
    if (demand === undefined) {
      if (takeOut(waiter)) waiter.resolve(freeLease);
      return;
    }
    const key = keyOf(waiter);
    const at = demand.bounds.findIndex((bound) => bound.key === key && bound.concurrency !== undefined);
    if (at === -1) step(waiter);
    waiter.demand = demand;
    waiter.at = at === -1 ? firstPlace(demand) : at;
    if (at === -1) stand(waiter);
  }

  /** Whether the next one may ask too. */
  async function askFor(waiter: Waiter): Promise<boolean> {
    const { demand } = waiter;
    const outcome = await ask(demand);
    if (!("full" in outcome)) {
      if (takeOut(waiter)) waiter.resolve(outcome);
      else if ("release" in outcome) giveUp(outcome);
      return true;
    }
    if (waiter.isOver || waiter.demand !== demand) return true;
    if (outcome.full === waiter.at) return false;
    step(waiter);
    waiter.at = outcome.full;
    stand(waiter);
    freed(keyOf(waiter));
    return true;
  }

  async function turn(key: string): Promise<void> {
    for (let first = lines.get(key)?.waiters[0]; first !== undefined; first = lines.get(key)?.waiters[0]) {
      asking.set(key, false);
      try {
        if (!(await askFor(first)) && asking.get(key) !== true) break;
      } catch (thrown) {
        if (takeOut(first)) first.reject(thrown);
      }
    }
    asking.delete(key);
  }

  function freed(key: string): void {
    if (asking.has(key)) asking.set(key, true);
    else if (lines.has(key)) void turn(key);
  }

  function setTimer(): void {
    if (isTimerSet) return;
    isTimerSet = true;
    after(askAgainMs, () => {
      isTimerSet = false;
      for (const key of lines.keys()) freed(key);
      if (size > 0) setTimer();
    });
  }

  function begin(demand: SharedDemand, waiting: Waiting, ends: Pick<Waiter, "resolve" | "reject">): void {
    arrivals += 1;
    size += 1;
    const waiter: Waiter = {
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
    stand(waiter);
    waiting.onLeave(() => refuse(waiter, { retryAfterMs: 0 }));
    setTimer();
    freed(keyOf(waiter));
  }

  return {
    enter(demand, waiting) {
      if (size < settings.size && settings.waitMs > 0)
        return new Promise((resolve, reject) => begin(demand, waiting, { resolve, reject }));
      const scope = demand.scopes[firstPlace(demand)];
      if (scope === undefined) throw new Error("A request without scopes waits");
      return Promise.resolve({
        scope,
        by: "queue",
        retryAfterMs: Math.min(unknownWaitMs, settings.waitMs || unknownWaitMs),
      });
    },
    awaited({ bounds, scopes }) {
      if (size === 0) return undefined;
      return scopes.find((_, at) => lines.has(bounds[at]?.key ?? ""));
    },
    freed,
    disband(elsewhere) {
      for (const waiter of standing()) if (takeOut(waiter)) waiter.resolve(elsewhere(waiter.demand, waiter.waiting));
    },
    configure(changed, scopes) {
      settings = changed;
      const byKey = new Map(scopes.map((scope) => [scopeKey(scope), scope]));
      for (const waiter of standing()) wantAnew(waiter, byKey);
      for (const key of lines.keys()) freed(key);
    },
    size: () => size,
  };
}

function giveUp(lease: Lease): void {
  lease.settle(0);
  lease.release();
}
