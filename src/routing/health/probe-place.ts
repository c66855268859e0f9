/** One that never ends must not keep all others away; longer than a request usually takes. */
const lostMs = 10 * 60_000;

/** The one place for a request that tries whether what failed works again. */
export class ProbePlace {
  private holder: object | undefined;
  private since = 0;

  isTaken(now: number): boolean {
    return this.holder !== undefined && Math.abs(now - this.since) < lostMs;
  }

  take(holder: object, now: number): boolean {
    if (this.isTaken(now)) return false;
    this.holder = holder;
    this.since = now;
    return true;
  }

  /** Does nothing for whom it does not belong to, or no longer. */
  leave(holder: object): void {
    if (this.holder === holder) this.holder = undefined;
  }

  clear(): void {
    this.holder = undefined;
  }
}
