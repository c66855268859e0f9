import type { TimeSpan } from "../lib/calendar-window.ts";
import { type AccountBook, createAccountBook } from "./account-book.ts";
import type { BudgetAccount, BudgetLimit } from "./budget-account.ts";
import { type BudgetLease, freeBudgetLease } from "./budget-lease.ts";
import { type BudgetDemand, createOpenLeases } from "./open-leases.ts";

/** Somebody whose spending is bounded. */
export interface BudgetOwner {
  readonly kind: "key" | "team";
  /** Unique over both kinds, without colons. Shown in messages: never a secret. */
  readonly id: string;
  /** Best one object for as long as they do not change: their accounts are found by it. */
  readonly budgets: readonly BudgetLimit[];
}

export interface BudgetRefusal {
  readonly owner: BudgetOwner;
  readonly budget: BudgetLimit;
  readonly spentUsd: number;
  readonly reservedUsd: number;
  /** What the request may cost. */
  readonly wantedUsd: number;
  /** Epoch milliseconds: the window's end. */
  readonly resetsAt: number;
  /** Only the part of it is used up that one of several gateways may spend while they cannot count together. */
  readonly isShare?: boolean;
}

/** One budget's running window. */
export interface BudgetWindow extends TimeSpan {
  readonly owner: BudgetOwner;
  readonly budget: BudgetLimit;
  /** Of its account. */
  readonly id: string;
  /** What is spent and reserved of it, as far as is known here. */
  readonly usd: number;
}

/** How far one budget is used. */
export interface BudgetView extends BudgetLimit {
  readonly spentUsd: number;
  readonly reservedUsd: number;
  readonly resetsAt: number;
}

/**
 * Spending against budgets, in memory and without a clock. A request counts in the windows in which it was admitted. What
 * was reserved and is never settled counts as spent once its time is over.
 */
export interface BudgetLedger extends AccountBook {
  /** Reserves of all budgets or of none; where several are in the way, the one that lasts longest is told. */
  reserve(owners: readonly BudgetOwner[], demand: BudgetDemand): BudgetLease | BudgetRefusal;
  /** Reserves, room or not: it was let in elsewhere. */
  hold(owners: readonly BudgetOwner[], demand: BudgetDemand): BudgetLease;
  windows(owners: readonly BudgetOwner[], time: number): BudgetWindow[];
  view(owner: BudgetOwner, time: number): BudgetView[];
  /**
   * As much as this is spent of a window at least, if it still runs. Besides what is reserved: here (`own`), or by anybody as
   * far as is known (`reserved`).
   */
  raise(window: BudgetWindow, to: { usd: number; time: number; besides: "own" | "reserved" }): void;
  /** Reservations whose time is over count as spent. */
  expire(time: number): void;
}

/** Sums of fractions are not exact: a billionth of a dollar. */
export const tolerance = 1e-9;

export function isBudgetRefusal(outcome: BudgetLease | BudgetRefusal): outcome is BudgetRefusal {
  return "resetsAt" in outcome;
}

/** Of several refusals the one that lasts longest is told. */
export function longer(left: BudgetRefusal | undefined, right: BudgetRefusal): BudgetRefusal {
  return left === undefined || right.resetsAt > left.resetsAt ? right : left;
}

function windowsOf(owner: BudgetOwner, accounts: readonly BudgetAccount[], time: number): BudgetWindow[] {
  return owner.budgets.flatMap((budget, at) => {
    const account = accounts[at];
    if (account === undefined) return [];
    const window = account.at(time);
    return [{ owner, budget, id: account.id, ...window.span, usd: window.total(time) }];
  });
}

function viewOf(owner: BudgetOwner, accounts: readonly BudgetAccount[], time: number): BudgetView[] {
  return owner.budgets.map((budget, at) => {
    const window = accounts[at]?.at(time);
    if (window === undefined) throw new Error(`A budget of ${owner.id} has no account`);
    const used = { spentUsd: window.spentByAll(), reservedUsd: window.reservedByAll(time) };
    return { ...budget, ...used, resetsAt: window.span.end };
  });
}

export function createBudgetLedger(): BudgetLedger {
  const book = createAccountBook();
  const leases = createOpenLeases((account) => book.markDirty(account));

  /** The budget of an owner that is in the way for longest; the accounts of those that are not are added to `found`. */
  function objection(
    owner: BudgetOwner,
    { usd, time }: BudgetDemand,
    found: BudgetAccount[],
  ): BudgetRefusal | undefined {
    let refusal: BudgetRefusal | undefined;
    const accounts = book.accountsOf(owner, time);
    for (const [at, budget] of owner.budgets.entries()) {
      const account = accounts[at];
      if (account === undefined) continue;
      const window = account.at(time);
      if (!found.includes(account)) found.push(account);
      if (window.total(time) + usd <= budget.usd + tolerance) continue;
      const used = { spentUsd: window.spentByAll(), reservedUsd: window.reservedByAll(time) };
      refusal = longer(refusal, { owner, budget, ...used, wantedUsd: usd, resetsAt: window.span.end });
    }
    return refusal;
  }

  return {
    ...book,
    reserve(owners, demand) {
      const found: BudgetAccount[] = [];
      let refusal: BudgetRefusal | undefined;
      leases.expire(demand.time);
      for (const owner of owners) {
        const own = objection(owner, demand, found);
        if (own !== undefined) refusal = longer(refusal, own);
      }
      if (refusal !== undefined) return refusal;
      return found.length === 0 ? freeBudgetLease : leases.open(found, demand);
    },
    hold(owners, demand) {
      leases.expire(demand.time);
      const accounts = new Set(owners.flatMap((owner) => book.accountsOf(owner, demand.time)));
      return accounts.size === 0 ? freeBudgetLease : leases.open([...accounts], demand);
    },
    windows: (owners, time) => owners.flatMap((owner) => windowsOf(owner, book.accountsOf(owner, time), time)),
    view: (owner, time) => viewOf(owner, book.accountsOf(owner, time), time),
    raise({ id, start }, { usd, time, besides }) {
      const account = book.account(id);
      const window = account?.at(time);
      if (account === undefined || window?.span.start !== start) return;
      const known = besides === "own" ? window.total(time) - window.own.usd : window.spentByAll();
      const missing = usd - known;
      if (missing <= tolerance) return;
      window.spent += missing;
      book.markDirty(account);
    },
    expire: (time) => leases.expire(time),
  };
}
