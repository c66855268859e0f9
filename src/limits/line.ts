import type { Demand, Lease, LimitRefusal, Waiting } from "./limiter.ts";
import type { ScopeState } from "./scope-state.ts";

/** Who stands in a line. */
export interface InLine {
  readonly priority: number;
  /** Order of arrival. */
  readonly sequence: number;
  readonly onPosition: Waiting["onPosition"];
  /** The position it was told last. */
  told: number;
}

/** A request that waits. It stands in the line of one scope that is full. */
export interface Waiter extends InLine {
  readonly states: readonly ScopeState[];
  readonly demand: Demand;
  readonly since: number;
  /** Where it stands; `undefined` = it waits no more. */
  at: ScopeState | undefined;
  callOffDeadline: (() => void) | undefined;
  resolve: (outcome: Lease | LimitRefusal) => void;
  reject: (reason: unknown) => void;
}

/** Where a request that comes now stands, as far as it is its own doing. */
export function rankOf({ priority }: Pick<Demand, "priority">, waiting: Waiting, sequence: number) {
  return {
    priority: Number.isFinite(priority) ? priority : 0,
    sequence,
    onPosition: waiting.onPosition?.bind(waiting),
    told: 0,
  };
}

/** Negative = `left` goes first. */
export function compareWaiters(left: InLine, right: InLine): number {
  return right.priority - left.priority || left.sequence - right.sequence;
}

/** Those that wait for a place of one scope, the next one first. */
export class Line<Standing extends InLine = Waiter> {
  readonly waiters: Standing[] = [];
  /** Positions have changed and are to be told. */
  isStale = false;
  private listeners = 0;

  add(waiter: Standing): void {
    this.waiters.splice(this.indexOf(waiter), 0, waiter);
    waiter.told = 0;
    if (waiter.onPosition !== undefined) this.listeners += 1;
  }

  remove(waiter: Standing): void {
    const expected = this.indexOf(waiter);
    // One that stayed behind for want of its place would take all places for itself later.
    const index = this.waiters[expected] === waiter ? expected : this.waiters.indexOf(waiter);
    if (index === -1) return;
    this.waiters.splice(index, 1);
    if (waiter.onPosition !== undefined) this.listeners -= 1;
  }

  /** Its place, or the one it would have; 0 = next. */
  indexOf(waiter: Standing): number {
    let low = 0;
    let high = this.waiters.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.waiters[middle];
      if (other !== undefined && compareWaiters(other, waiter) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Those whose position is another one than they were told, with it. Listeners may change the line meanwhile. */
  tell(listener: (waiter: Standing, position: number) => void): void {
    if (this.listeners === 0) return;
    for (let index = 0; index < this.waiters.length; index += 1) {
      const waiter = this.waiters[index];
      if (waiter?.onPosition === undefined || waiter.told === index + 1) continue;
      waiter.told = index + 1;
      listener(waiter, index + 1);
    }
  }
}
