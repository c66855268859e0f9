export const windowMs = 60_000;

/** What was used within a minute that began with the first use. */
export class Meter {
  /** Tells minutes apart: an estimate is corrected only in the one it was taken from. */
  serial = 0;
  private used = 0;
  /** Of a minute that is over it is not remembered: a clock that is set back must not bring it back. */
  private openedAt = Number.NEGATIVE_INFINITY;

  isRunning(time: number): boolean {
    // Nor may it make a minute longer.
    if (time < this.openedAt) this.openedAt = time;
    if (time - this.openedAt < windowMs) return true;
    this.openedAt = Number.NEGATIVE_INFINITY;
    return false;
  }

  usedAt(time: number): number {
    return this.isRunning(time) ? this.used : 0;
  }

  /** Milliseconds until nothing of what is used now counts any more. */
  restMs(time: number): number {
    return this.isRunning(time) ? this.openedAt + windowMs - time : windowMs;
  }

  add(amount: number, time: number): void {
    if (!this.isRunning(time)) {
      this.openedAt = time;
      this.used = 0;
      this.serial += 1;
    }
    this.used += amount;
  }

  /**
   * What was really used takes the place of an estimate of the minute `serial`. When that is over, what exceeds it counts in
   * the running one (which it begins where there is none): else requests longer than a minute would never pay.
   */
  correct(difference: number, { serial, time }: { serial: number | undefined; time: number }): void {
    if (difference > 0 || (serial === this.serial && this.isRunning(time))) this.add(difference, time);
  }
}
