import type { z } from "zod";
import { shownUsd } from "../lib/shown-usd.ts";
import type { BudgetOwner } from "../limits/budget-ledger.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { spending } from "./contract/fields.ts";
import { isoTime } from "./stored-fields.ts";

type Spending = z.infer<typeof spending>;

/** How far somebody's budgets are used; nothing where there are none. */
export function spendingOf(budgets: Pick<Budgets, "view">, owner: BudgetOwner | undefined): { spending?: Spending } {
  if (owner === undefined) return {};
  const spending = budgets.view(owner).map(({ usd, window, timeZone, spentUsd, reservedUsd, resetsAt }) => ({
    usd,
    window,
    ...(timeZone === undefined ? {} : { timeZone }),
    spentUsd: shownUsd(spentUsd),
    reservedUsd: shownUsd(reservedUsd),
    resetsAt: isoTime(resetsAt),
  }));
  return { spending };
}
