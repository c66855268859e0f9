import { type BudgetRefusal, type BudgetWindow, longer, tolerance } from "./budget-ledger.ts";

/** A part of one window's money. */
interface Part {
  readonly start: number;
  /** US dollars. */
  readonly most: number;
  used: number;
}

/** What was taken of parts, until it is known what it came to; called once. */
export type TakenParts = (usd: number) => void;

/**
 * While gateways cannot count together, none of them spends more than its part of what was left of a budget when they lost each
 * other: all of it, divided by their number.
 */
export interface BudgetShares {
  /** Takes of all windows or of none; where several are in the way, the one that lasts longest is told. */
  take(windows: readonly BudgetWindow[], usd: number): TakenParts | BudgetRefusal;
  /** They count together again. */
  forget(): void;
}

function refusalOf({ owner, budget, usd, end }: BudgetWindow, wantedUsd: number): BudgetRefusal {
  return { owner, budget, spentUsd: usd, reservedUsd: 0, wantedUsd, resetsAt: end, isShare: true };
}

/** `replicas`: how many gateways there are. */
export function createBudgetShares(replicas: () => number): BudgetShares {
  const parts = new Map<string, Part>();

  function partOf({ id, start, budget, usd }: BudgetWindow): Part {
    const known = parts.get(id);
    if (known?.start === start) return known;
    const part = { start, most: Math.max(0, budget.usd - usd) / Math.max(1, replicas()), used: 0 };
    parts.set(id, part);
    return part;
  }

  return {
    take(windows, usd) {
      let refusal: BudgetRefusal | undefined;
      for (const window of windows) {
        const part = partOf(window);
        if (part.used + usd > part.most + tolerance) refusal = longer(refusal, refusalOf(window, usd));
      }
      if (refusal !== undefined) return refusal;
      const found = windows.map(partOf);
      for (const part of found) part.used += usd;
      return (cameTo) => {
        for (const part of found) part.used += cameTo - usd;
      };
    },
    forget: () => parts.clear(),
  };
}
