import { createBag } from "../lib/bag.ts";
import type { BudgetAccount } from "./budget-account.ts";
import { type BudgetLease, SpendingLease } from "./budget-lease.ts";

export interface BudgetDemand {
  /** Estimate of what the request costs at most. */
  readonly usd: number;
  /** Epoch milliseconds. */
  readonly time: number;
  /** After so long it is not at work any more, whatever became of it. */
  readonly ttlMs: number;
}

/** Money set aside for requests at work. */
export interface OpenLeases {
  /** Sets it aside in all of these accounts. */
  open(accounts: readonly BudgetAccount[], demand: BudgetDemand): BudgetLease;
  /** What was reserved and whose time is over counts as spent. */
  expire(time: number): void;
}

/** `markDirty` is told of accounts that have changed. */
export function createOpenLeases(markDirty: (account: BudgetAccount) => void): OpenLeases {
  const leases = createBag<SpendingLease>();
  /** No lease is over before. */
  let nextExpiry = Number.POSITIVE_INFINITY;

  function onChange(lease: SpendingLease): void {
    leases.remove(lease);
    lease.accounts.forEach(markDirty);
  }

  return {
    open(accounts, { usd, time, ttlMs }) {
      const windows = accounts.map((account) => account.at(time));
      const expiresAt = time + ttlMs;
      for (const window of windows) window.hold(usd, expiresAt);
      accounts.forEach(markDirty);
      const lease = new SpendingLease({ accounts, windows, usd, expiresAt, onChange });
      leases.add(lease);
      nextExpiry = Math.min(nextExpiry, expiresAt);
      return lease;
    },
    expire(time) {
      if (time < nextExpiry) return;
      let nearest = Number.POSITIVE_INFINITY;
      for (let at = leases.items.length - 1; at >= 0; at -= 1) {
        const lease = leases.items[at];
        if (lease === undefined) continue;
        if (lease.expiresAt <= time) lease.expire();
        else nearest = Math.min(nearest, lease.expiresAt);
      }
      nextExpiry = nearest;
    },
  };
}
