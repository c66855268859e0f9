import { calendarWindowAt, type TimeSpan } from "../lib/calendar-window.ts";
import { accountIdOf, type AccountName, readAccountName } from "./account-name.ts";
import { BudgetAccount, type BudgetLimit, type ForeignSpending } from "./budget-account.ts";

/** Accounts of budgets, by their owners. */
export interface AccountBook {
  /** One for each budget, in the same order; they are found by the list of budgets as long as that is the same one. */
  accountsOf(
    owner: { readonly id: string; readonly budgets: readonly BudgetLimit[] },
    time: number,
  ): readonly BudgetAccount[];
  account(id: string): BudgetAccount | undefined;
  /** What others have charged to an account; one that nobody has asked for yet is opened. */
  setForeign(id: string, foreign: ForeignSpending): void;
  markDirty(account: BudgetAccount): void;
  /** Accounts that have changed since they were last taken. */
  takeDirty(): readonly BudgetAccount[];
  /** Forgets an owner's accounts; their ids. What is charged to this owner from then on is never to be written. */
  forget(ownerId: string): string[];
  /** An owner that was forgotten is there again. */
  welcome(ownerId: string): void;
  isForgotten(ownerId: string): boolean;
}

/** Owners that are remembered not to be there any more: others may still write what they spent last. */
const mostGone = 10_000;

export function createAccountBook(): AccountBook {
  const byOwner = new Map<string, BudgetAccount[]>();
  const byBudgets = new WeakMap<readonly BudgetLimit[], readonly BudgetAccount[]>();
  const gone = new Set<string>();
  let dirty: BudgetAccount[] = [];

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

  return {
    accountsOf({ id, budgets }, time) {
      const known = byBudgets.get(budgets);
      if (known !== undefined) return known;
      const found = budgets.map(({ window, timeZone = "UTC" }) => {
        const name = { owner: id, window, timeZone };
        return find(name) ?? opened(name, time);
      });
      byBudgets.set(budgets, found);
      return found;
    },
    account(id) {
      const name = readAccountName(id);
      return name && find(name);
    },
    setForeign(id, foreign) {
      const name = readAccountName(id);
      if (name === undefined) return;
      (find(name) ?? add(name, foreign)).setForeign(foreign);
    },
    markDirty,
    takeDirty() {
      const taken = dirty;
      dirty = [];
      for (const account of taken) account.isDirty = false;
      return taken.filter(({ isForgotten }) => !isForgotten);
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
