import type { Coordinator } from "../coordination/coordinator.ts";
import type { AccountBounds, BudgetsReserved } from "../coordination/decisions.ts";
import { createId } from "../lib/ids.ts";
import { type BudgetLease, freeBudgetLease } from "./budget-lease.ts";
import { type BudgetOwner, type BudgetRefusal, type BudgetWindow, isBudgetRefusal, longer } from "./budget-ledger.ts";
import type { Budgets } from "./budgets.ts";
import { createBudgetShares, type TakenParts } from "./budget-shares.ts";
import { createClockWarning } from "./clock-warning.ts";
import { unitsInDollar, unitsOf } from "./money-units.ts";
import { uncountedError } from "./refusal-error.ts";
import type { SpendingEnd } from "./spending-end.ts";
import { createSpendingSums } from "./spending-sums.ts";
import { createUnsaid } from "./unsaid.ts";

/**
 * Sets money aside. A promise only where several gateways count together; it rejects, and the call throws, with GatewayError
 * (503) where they cannot and nothing may pass uncounted.
 */
export type ReserveMoney = (
  owners: readonly BudgetOwner[],
  estimate: { usd: number; ttlMs: number },
) => BudgetLease | BudgetRefusal | Promise<BudgetLease | BudgetRefusal>;

export interface SharedBudgets {
  readonly reserve: ReserveMoney;
  close(): void;
}

export interface SharedBudgetsOptions {
  readonly coordinator: Pick<Coordinator, "decide" | "state" | "onState">;
  /** What is spent here, and what was stored of all. */
  readonly budgets: Pick<Budgets, "reserve" | "hold" | "windows">;
  /** While nobody can be reached: `local` = a part of what is left, `closed` = no request of a key with a budget gets in. */
  readonly whenDown: "local" | "closed";
  /** How many gateways there are. */
  readonly replicas: () => number;
  readonly log: { warn(message: string): void };
  /** Milliseconds. */
  readonly now?: () => number;
  /** Epoch milliseconds. */
  readonly wallClock?: () => number;
  readonly every?: (milliseconds: number, work: () => void) => () => void;
}

/** `undefined` = nobody knows. */
function cameTo(usd: number | undefined): number | undefined {
  return usd !== undefined && Number.isFinite(usd) && usd >= 0 ? usd : undefined;
}

/** A lease of which a part was taken, until it is known what it came to. */
function withParts(own: BudgetLease, taken: TakenParts, estimatedUsd: number): BudgetLease {
  return {
    settle(usd) {
      own.settle(usd);
      taken(cameTo(usd) ?? estimatedUsd);
    },
  };
}

/** Leases that one telling takes along to be forgotten: each brings one more. */
const mostForgotten = 100;

function boundsOf({ id, budget, start, end, usd }: BudgetWindow): AccountBounds {
  return { key: id, most: unitsOf(budget.usd), start, end, seed: unitsOf(usd) };
}

/** Of several budgets on one account the smallest is the one that bounds. */
function smallest(windows: readonly BudgetWindow[]): BudgetWindow[] {
  const byId = new Map<string, BudgetWindow>();
  for (const window of windows) {
    const known = byId.get(window.id);
    if (known === undefined || window.budget.usd < known.budget.usd) byId.set(window.id, window);
  }
  return [...byId.values()];
}

function refusalOf(windows: readonly BudgetWindow[], { refused }: BudgetsReserved, usd: number): BudgetRefusal {
  const refusals = refused.flatMap(({ account, spent, reserved }) => {
    const window = windows[account];
    if (window === undefined) return [];
    const { owner, budget, end: resetsAt } = window;
    const amounts = { spentUsd: spent / unitsInDollar, reservedUsd: reserved / unitsInDollar, wantedUsd: usd };
    return [{ owner, budget, ...amounts, resetsAt }];
  });
  const longest = refusals.reduce<BudgetRefusal | undefined>(longer, undefined);
  if (longest === undefined) throw new Error("A budget that nobody asked for has no room");
  return longest;
}

/** Budgets that several gateways charge together; documents stay what lasts. */
export function createSharedBudgets(options: SharedBudgetsOptions): SharedBudgets {
  const {
    coordinator,
    budgets,
    whenDown,
    replicas,
    log,
    every,
    now = () => performance.now(),
    wallClock = Date.now,
  } = options;

  const warnOfClock = createClockWarning(
    log,
    (ahead) =>
      `This gateway's clock is ${ahead} ahead of the one that budgets are counted by (Redis's): set the wrong one right, and start the gateway again. Until then it does not count them with the others.`,
  );
  const shares = createBudgetShares(replicas);
  const unsaid = createUnsaid({ coordinator, say, sums: createSpendingSums(), log, every });
  /** Leases whose end was told once, and answered. */
  const answered: string[] = [];

  async function say({ letInAt, mayBeEarly = false, ...input }: SpendingEnd, isAgain: boolean): Promise<void> {
    const ageMs = Math.max(0, Math.ceil(now() - letInAt));
    const over = answered.splice(-mostForgotten);
    try {
      await coordinator.decide("budgets.settle", { ...input, ageMs, answered: over });
    } catch (error) {
      answered.push(...over);
      throw error;
    }
    // One that was told before may still be under way, and must then be known.
    if (!isAgain && !mayBeEarly) answered.push(input.lease);
  }

  /** Of a request that is let in now, as estimated. */
  function endOf(windows: readonly BudgetWindow[], usd: number): SpendingEnd {
    const accounts = windows.map(({ id }) => id);
    return {
      lease: createId("b"),
      accounts,
      starts: windows.map(({ start }) => start),
      amount: unitsOf(usd),
      letInAt: now(),
    };
  }

  /** `estimated`: its end where nobody knows what it came to. */
  function leaseOf(own: BudgetLease, estimated: SpendingEnd): BudgetLease {
    let isSettled = false;
    return {
      settle(usd) {
        if (isSettled) return;
        isSettled = true;
        own.settle(usd);
        const known = cameTo(usd);
        unsaid.say(known === undefined ? estimated : { ...estimated, amount: unitsOf(known) });
      },
    };
  }

  function alone(
    owners: readonly BudgetOwner[],
    estimate: { usd: number; ttlMs: number },
    why?: "wrong clock",
  ): BudgetLease | BudgetRefusal {
    if (whenDown === "closed") throw uncountedError();
    const windows = smallest(budgets.windows(owners));
    if (windows.length === 0) return freeBudgetLease;
    const taken = why === undefined ? shares.take(windows, estimate.usd) : () => undefined;
    if (typeof taken !== "function") return taken;
    const own = budgets.reserve(owners, estimate);
    if (isBudgetRefusal(own)) {
      taken(0);
      return own;
    }
    const end = endOf(windows, estimate.usd);
    return leaseOf(withParts(own, taken, estimate.usd), why === undefined ? end : { ...end, starts: undefined });
  }

  async function together(
    owners: readonly BudgetOwner[],
    windows: readonly BudgetWindow[],
    estimate: { usd: number; ttlMs: number },
  ): Promise<BudgetLease | BudgetRefusal> {
    const { usd, ttlMs } = estimate;
    const end = endOf(windows, usd);
    const { lease, amount } = end;
    const accounts = windows.map(boundsOf);
    let reserved: BudgetsReserved;
    try {
      reserved = await coordinator.decide("budgets.reserve", { lease, ttlMs, amount, accounts });
    } catch {
      unsaid.keep({ ...end, amount: 0, mayBeEarly: true });
      return alone(owners, estimate);
    }
    shares.forget();
    if (reserved.timeHere !== undefined) {
      warnOfClock(wallClock() - reserved.timeHere);
      return alone(owners, estimate, "wrong clock");
    }
    if (!reserved.isReserved) return refusalOf(windows, reserved, usd);
    return leaseOf(budgets.hold(owners, estimate), end);
  }

  return {
    reserve(owners, estimate) {
      if (!coordinator.state().isUp) return alone(owners, estimate);
      const windows = smallest(budgets.windows(owners));
      return windows.length === 0 ? freeBudgetLease : together(owners, windows, estimate);
    },
    close: () => unsaid.close(),
  };
}
