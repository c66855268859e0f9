import type { Lease, LimitRefusal, Scope, Waiting } from "./limiter.ts";
import { type InLine, Line } from "./line.ts";
import type { SharedDemand } from "./shared-demand.ts";

/** A request that waits for places which several gateways give. */
export interface SharedWaiter extends InLine {
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

/** Who stands where: each in the line of one scope. Everybody behind is told its new position. */
export interface SharedWaiters {
  /** In the line of the scope that it waits for now. */
  stand(waiter: SharedWaiter): void;
  /** In the line of another of its scopes, with its rank. */
  move(waiter: SharedWaiter, to: Pick<SharedWaiter, "demand" | "at">): void;
  /** `false` = it has gone before. */
  takeOut(waiter: SharedWaiter): boolean;
  first(key: string): SharedWaiter | undefined;
  /** Keys of scopes that somebody waits for. */
  keys(): Iterable<string>;
  has(key: string): boolean;
  /** In the order they came. */
  all(): SharedWaiter[];
  size(): number;
}

export function keyAt({ demand, at }: SharedWaiter): string {
  return demand.bounds[at]?.key ?? "";
}

export function scopeAt({ demand, at }: Pick<SharedWaiter, "demand" | "at">): Scope {
  const scope = demand.scopes[at];
  if (scope === undefined) throw new Error("A request waits for a scope that it does not have");
  return scope;
}

export function createSharedWaiters(): SharedWaiters {
  const lines = new Map<string, Line<SharedWaiter>>();
  let size = 0;

  function enter(waiter: SharedWaiter): void {
    const key = keyAt(waiter);
    let line = lines.get(key);
    if (line === undefined) lines.set(key, (line = new Line()));
    line.add(waiter);
    tell(line);
  }

  function leave(waiter: SharedWaiter): void {
    const key = keyAt(waiter);
    const line = lines.get(key);
    line?.remove(waiter);
    if (line?.waiters.length === 0) lines.delete(key);
    else if (line !== undefined) tell(line);
  }

  function tell(line: Line<SharedWaiter>): void {
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

  function takeOut(waiter: SharedWaiter): boolean {
    if (waiter.isOver) return false;
    waiter.isOver = true;
    waiter.callOffDeadline();
    leave(waiter);
    size -= 1;
    return true;
  }

  return {
    stand(waiter) {
      size += 1;
      enter(waiter);
    },
    move(waiter, { demand, at }) {
      leave(waiter);
      waiter.demand = demand;
      waiter.at = at;
      enter(waiter);
    },
    takeOut,
    first: (key) => lines.get(key)?.waiters[0],
    keys: () => lines.keys(),
    has: (key) => lines.has(key),
    all() {
      const all = [...lines.values()].flatMap(({ waiters }) => [...waiters]);
      return all.sort((left, right) => left.sequence - right.sequence);
    },
    size: () => size,
  };
}
