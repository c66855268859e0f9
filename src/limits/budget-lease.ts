import type { BudgetAccount, SpendingWindow } from "./budget-account.ts";

/** Money set aside for one request. */
export interface BudgetLease {
  /**
   * What it came to, in US dollars, takes the place of the estimate; `undefined` = not known: the estimate stays. Only the
   * first call counts, and it counts also when the lease's time is over.
   */
  settle(usd: number | undefined): void;
}

/** For requests that no budget bounds. */
export const freeBudgetLease: BudgetLease = { settle: () => undefined };

interface Reserved {
  readonly accounts: readonly BudgetAccount[];
  /** Those in which the request was admitted. */
  readonly windows: readonly SpendingWindow[];
  readonly usd: number;
  readonly expiresAt: number;
  /** Told whenever its accounts have changed. */
  readonly onChange: (lease: SpendingLease) => void;
}

function isAmount(usd: number | undefined): usd is number {
  return usd !== undefined && Number.isFinite(usd) && usd >= 0;
}

export class SpendingLease implements BudgetLease {
  slot = -1;
  readonly accounts: readonly BudgetAccount[];
  readonly expiresAt: number;
  private readonly reserved: Reserved;
  private isSettled = false;
  private isExpired = false;

  constructor(reserved: Reserved) {
    this.reserved = reserved;
    this.accounts = reserved.accounts;
    this.expiresAt = reserved.expiresAt;
  }

  settle(usd: number | undefined): void {
    if (this.isSettled) return;
    this.isSettled = true;
    const actual = isAmount(usd) ? usd : this.reserved.usd;
    if (this.isExpired) this.charge(actual - this.reserved.usd);
    else this.close(actual);
  }

  /** Nobody knows what became of it: it may have been spent. */
  expire(): void {
    this.isExpired = true;
    this.close(this.reserved.usd);
  }

  private close(usd: number): void {
    for (const window of this.reserved.windows) window.letGo(this.reserved.usd);
    this.charge(usd);
  }

  private charge(usd: number): void {
    for (const window of this.reserved.windows) window.spent = Math.max(0, window.spent + usd);
    this.reserved.onChange(this);
  }
}
