import type { KeyBudget } from "../keys/virtual-key.ts";
import type { BudgetOwner } from "../limits/budget-ledger.ts";
import type { Budgets } from "../limits/budgets.ts";
import { outOfReach } from "./out-of-reach.ts";

export interface BudgetsToBegin {
  readonly owner: Pick<BudgetOwner, "kind" | "id">;
  readonly had: readonly KeyBudget[] | undefined;
  readonly wanted: readonly KeyBudget[];
  /** US dollars since an instant. */
  readonly spentSince: (start: number) => Promise<number>;
}

/**
 * Budgets begin with what was spent in their windows: nobody gets a new one by having his taken off and put on again. Rejects
 * with GatewayError (503) when the store is out of reach.
 */
export async function beginBudgets(budgets: Pick<Budgets, "begin">, options: BudgetsToBegin): Promise<void> {
  const { owner, had = [], wanted, spentSince } = options;
  const isNew = ({ window, timeZone = "UTC" }: KeyBudget): boolean =>
    !had.some((budget) => budget.window === window && (budget.timeZone ?? "UTC") === timeZone);
  try {
    await budgets.begin({ ...owner, budgets: wanted.filter(isNew) }, spentSince);
  } catch (error) {
    throw outOfReach(error);
  }
}
