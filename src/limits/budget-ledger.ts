import { createBag } from "../lib/bag.ts";
import { calendarWindowAt, type TimeSpan } from "../lib/calendar-window.ts";
import { accountIdOf, type AccountName, readAccountName } from "./account-name.ts";
import { BudgetAccount, type BudgetLimit, type ForeignSpending } from "./budget-account.ts";
import { type BudgetLease, freeBudgetLease, SpendingLease } from "./budget-lease.ts";

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

export interface BudgetDemand {
  /** Estimate of what the request costs at most. */
  readonly usd: number;
  /** Epoch milliseconds. */
  readonly time: number;
  /** After so long it is not at work any more, whatever became of it. */
  readonly ttlMs: number;
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
export interface BudgetLedger {
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
  /** Accounts that have changed since they were last taken. */
  takeDirty(): readonly BudgetAccount[];
  markDirty(account: BudgetAccount): void;
  /** What others have charged to an account; one that nobody has asked for yet is opened. */
  setForeign(id: string, foreign: ForeignSpending): void;
  account(id: string): BudgetAccount | undefined;
  /** Forgets an owner's accounts; their ids. What is charged to this owner from then on is never to be written. */
  forget(ownerId: string): string[];
  /** An owner that was forgotten is there again. */
  welcome(ownerId: string): void;
  isForgotten(ownerId: string): boolean;
}

/** Sums of fractions are not exact: a billionth of a dollar. */
export const tolerance = 1e-9;
/** Owners that are remembered not to be there any more: others may still write what they spent last. */
const mostGone = 10_000;

export function isBudgetRefusal(outcome: BudgetLease | BudgetRefusal): outcome is BudgetRefusal {
  return "resetsAt" in outcome;
}

/** Of several refusals the one that lasts longest is told. */
export function longer(left: BudgetRefusal | undefined, right: BudgetRefusal): BudgetRefusal {
  return left === undefined || right.resetsAt > left.resetsAt ? right : left;
}

export function createBudgetLedger(): BudgetLedger {
  const byOwner = new Map<string, BudgetAccount[]>();
  const byBudgets = new WeakMap<readonly BudgetLimit[], readonly BudgetAccount[]>();
  const open = createBag<SpendingLease>();
  const gone = new Set<string>();
  let dirty: BudgetAccount[] = [];
  /** No lease is over before. */
  let nextExpiry = Number.POSITIVE_INFINITY;

  function markDirty(account: BudgetAccount): void {
    if (account.isDirty || account.isForgotten) return;
    account.isDirty = true;
    dirty.push(account);
  }

  function find({ owner, window, timeZone }: AccountName): BudgetAccount | undefined {
    return byOwner.get(owner)?.find((account) => account.window === window && account.timeZone === timeZone);
  }

  function add(name: AccountName, span: TimeSpan): BudgetAccount {
    const { owner, window, timeZone } = name;
    const account = new BudgetAccount({ id: accountIdOf(name), window, timeZone, span });
    const others = byOwner.get(owner);
    if (gone.has(owner)) account.isForgotten = true;
    else if (others === undefined) byOwner.set(owner, [account]);
    else others.push(account);
    return account;
  }

  /**
   * Nobody gets a new budget by moving to another time zone: what is spent goes along. As foreign: every gateway takes it along, and
   * only the first one to write may charge it.
   */
  function opened(name: AccountName, time: number): BudgetAccount {
    const moved = byOwner.get(name.owner)?.filter(({ window }) => window === name.window) ?? [];
    const account = add(name, calendarWindowAt(time, name.window, name.timeZone));
    const usd = Math.max(0, ...moved.map((other) => other.at(time).total(time)));
    if (usd === 0) return account;
    account.at(time).foreign = { usd, reserved: [] };
    markDirty(account);
    return account;
  }

  function accountsOf({ id, budgets }: BudgetOwner, time: number): readonly BudgetAccount[] {
    const known = byBudgets.get(budgets);
    if (known !== undefined) return known;
    const found = budgets.map(({ window, timeZone = "UTC" }) => {
      const name = { owner: id, window, timeZone };
      return find(name) ?? opened(name, time);
    });
    byBudgets.set(budgets, found);
    return found;
  }

  function onChange(lease: SpendingLease): void {
    open.remove(lease);
    lease.accounts.forEach(markDirty);
  }

  function expire(time: number): void {
    if (time < nextExpiry) return;
    let nearest = Number.POSITIVE_INFINITY;
    for (let at = open.items.length - 1; at >= 0; at -= 1) {
      const lease = open.items[at];
      if (lease === undefined) continue;
      if (lease.expiresAt <= time) lease.expire();
      else nearest = Math.min(nearest, lease.expiresAt);
    }
    nextExpiry = nearest;
  }

  /** The budget of an owner that is in the way for longest; the accounts of those that are not are added to `found`. */
  function objection(
    owner: BudgetOwner,
    { usd, time }: BudgetDemand,
    found: BudgetAccount[],
  ): BudgetRefusal | undefined {
    let refusal: BudgetRefusal | undefined;
    const accounts = accountsOf(owner, time);
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

  function hold(accounts: readonly BudgetAccount[], { usd, time, ttlMs }: BudgetDemand): BudgetLease {
    const windows = accounts.map((account) => account.at(time));
    const expiresAt = time + ttlMs;
    for (const window of windows) window.hold(usd, expiresAt);
    accounts.forEach(markDirty);
    const lease = new SpendingLease({ accounts, windows, usd, expiresAt, onChange });
    open.add(lease);
    nextExpiry = Math.min(nextExpiry, lease.expiresAt);
    return lease;
  }

  return {
    reserve(owners, demand) {
      const found: BudgetAccount[] = [];
      let refusal: BudgetRefusal | undefined;
      expire(demand.time);
      for (const owner of owners) {
        const own = objection(owner, demand, found);
        if (own !== undefined) refusal = longer(refusal, own);
      }
      if (refusal !== undefined) return refusal;
      return found.length === 0 ? freeBudgetLease : hold(found, demand);
    },
    hold(owners, demand) {
      expire(demand.time);
      const accounts = new Set(owners.flatMap((owner) => accountsOf(owner, demand.time)));
      return accounts.size === 0 ? freeBudgetLease : hold([...accounts], demand);
    },
    windows(owners, time) {
      return owners.flatMap((owner) => {
        const accounts = accountsOf(owner, time);
        return owner.budgets.flatMap((budget, at) => {
          const account = accounts[at];
          if (account === undefined) return [];
          const window = account.at(time);
          return [{ owner, budget, id: account.id, ...window.span, usd: window.total(time) }];
        });
      });
    },
    view(owner, time) {
      const accounts = accountsOf(owner, time);
      return owner.budgets.map((budget, at) => {
        const window = accounts[at]?.at(time);
        if (window === undefined) throw new Error(`A budget of ${owner.id} has no account`);
        const used = { spentUsd: window.spentByAll(), reservedUsd: window.reservedByAll(time) };
        return { ...budget, ...used, resetsAt: window.span.end };
      });
    },
    raise({ id, start }, { usd, time, besides }) {
      const name = readAccountName(id);
      const account = name && find(name);
      const window = account?.at(time);
      if (account === undefined || window?.span.start !== start) return;
      const known = besides === "own" ? window.total(time) - window.own.usd : window.spentByAll();
      const missing = usd - known;
      if (missing <= tolerance) return;
      window.spent += missing;
      markDirty(account);
    },
    expire,
    takeDirty() {
      const taken = dirty;
      dirty = [];
      for (const account of taken) account.isDirty = false;
      return taken.filter(({ isForgotten }) => !isForgotten);
    },
    markDirty,
    setForeign(id, foreign) {
      const name = readAccountName(id);
      if (name === undefined) return;
      (find(name) ?? add(name, foreign)).setForeign(foreign);
    },
    account(id) {
      const name = readAccountName(id);
      return name && find(name);
    },
    forget(ownerId) {
      gone.add(ownerId);
      if (gone.size > mostGone) for (const oldest of gone.values().take(1)) gone.delete(oldest);
      const accounts = byOwner.get(ownerId) ?? [];
      byOwner.delete(ownerId);
      for (const account of accounts) account.isForgotten = true;
      return accounts.map(({ id }) => id);
    },
    welcome: (ownerId) => void gone.delete(ownerId),
    isForgotten: (ownerId) => gone.has(ownerId),
  };
}
