import { RollingCount } from "./rolling-count.ts";

const seconds = 10;

interface Allowance {
  readonly retryShare: number;
  readonly minRetries: number;
}

/** Keeps retries from multiplying the load of a target that fails: a share of its requests of the last ten seconds. */
export class RetryBudget {
  private readonly requests = new RollingCount(seconds, seconds * 1000);
  private readonly retries = new RollingCount(seconds, seconds * 1000);

  requested(now: number): void {
    this.requests.add(now);
  }

  /** Takes one retry, or says that none is left. */
  take(now: number, { retryShare, minRetries }: Allowance): boolean {
    const allowed = Math.max(minRetries, retryShare * this.requests.sum(now));
    if (this.retries.sum(now) + 1 > allowed) return false;
    this.retries.add(now);
    return true;
  }
}
