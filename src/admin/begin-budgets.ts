import type { KeyBook } from "../keys/key-book.ts";
import type { KeyBudget } from "../keys/virtual-key.ts";
import type { BudgetOwner } from "../limits/budget-ledger.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { RequestStore } from "../storage/store.ts";
import { outOfReach } from "./out-of-reach.ts";
import { keysOfTeam, type Member, spentByKey, spentByTeam } from "./spent-since.ts";

export interface BudgetsToBegin {
  readonly owner: Pick<BudgetOwner, "kind" | "id">;
  readonly had: readonly KeyBudget[] | undefined;
  readonly wanted: readonly KeyBudget[];
  /** Of a team that is not known with all its keys yet; else those that belong to it now. */
  readonly members?: readonly Member[];
  /** It is not there yet: if it was before, what it spent was forgotten with it. */
  readonly isBack?: boolean;
}

/**
 * Budgets begin with what was spent in their windows: nobody gets a new one by having his taken off and put on again. To be
 * done before they are written down. Rejects with GatewayError (503) when the store is out of reach.
 */
export type BeginBudgets = (toBegin: BudgetsToBegin) => Promise<void>;

export interface BeginBudgetsOptions {
  readonly book: Pick<KeyBook, "keys">;
  readonly budgets: Pick<Budgets, "begin" | "welcome">;
  readonly requests: Pick<RequestStore, "keyTotals">;
}

export function createBeginBudgets({ book, budgets, requests }: BeginBudgetsOptions): BeginBudgets {
  return async ({ owner, had = [], wanted, members, isBack = false }) => {
    const { kind, id } = owner;
    const isNew = ({ window, timeZone = "UTC" }: KeyBudget): boolean =>
      !had.some((budget) => budget.window === window && (budget.timeZone ?? "UTC") === timeZone);
    const spentSince = (start: number): Promise<number> =>
      kind === "key" ? spentByKey(requests, id, start) : spentByTeam(requests, members ?? keysOfTeam(book, id), start);
    if (isBack) budgets.welcome(id);
    try {
      await budgets.begin({ ...owner, budgets: wanted.filter(isNew) }, spentSince);
    } catch (error) {
      throw outOfReach(error);
    }
  };
}
