import type { Coordinator } from "../coordination/coordinator.ts";
import type { BudgetWindow } from "./budget-ledger.ts";
import { unitsOf } from "./money-units.ts";

export interface SpentWindow extends BudgetWindow {
  /** US dollars, by requests that are over. */
  readonly spentUsd: number;
}

/** Tells those who charge budgets together that at least so much is spent. Never rejects. */
export type RaiseTogether = (windows: readonly SpentWindow[]) => Promise<void>;

export function createRaiseTogether(coordinator: Pick<Coordinator, "decide">): RaiseTogether {
  return async (windows) => {
    const accounts = windows.map(({ id: key, start, end, usd, spentUsd }) => {
      return { key, start, end, seed: unitsOf(usd), spent: unitsOf(spentUsd) };
    });
    try {
      await coordinator.decide("budgets.raise", { accounts });
    } catch {
      // What is stored holds until they can be reached, and an account that they have forgotten begins with it.
    }
  };
}
