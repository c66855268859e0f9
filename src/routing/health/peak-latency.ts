const decayMs = 10_000;
/** How much one sample moves what is usual. */
const weight = 0.2;
/** Later it says nothing any more, and a slow target is given another chance. */
const forgottenMs = 10 * 60_000;

/** A moving average that rises to a peak at once, and falls from it to what is usual within some ten seconds. */
export class PeakLatency {
  private usual = 0;
  private peak = 0;
  private at: number | undefined;

  observe(milliseconds: number, now: number): void {
    if (!Number.isFinite(milliseconds) || milliseconds < 0) return;
    const current = this.read(now);
    this.usual = current === undefined ? milliseconds : this.usual + weight * (milliseconds - this.usual);
    this.peak = Math.max(milliseconds, current ?? 0);
    this.at = now;
  }

  /** Milliseconds; `undefined` = nothing was seen lately. */
  read(now: number): number | undefined {
    if (this.at === undefined) return undefined;
    const age = Math.max(0, now - this.at);
    if (age > forgottenMs) return undefined;
    return this.usual + (this.peak - this.usual) * Math.exp(-age / decayMs);
  }
}
