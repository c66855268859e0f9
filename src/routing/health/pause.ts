/** A stretch of time, in epoch milliseconds, that a clock which is set back does not make longer. */
export class Pause {
  private end = 0;
  private lengthMs = 0;

  start(now: number, milliseconds: number): void {
    this.end = now + milliseconds;
    this.lengthMs = milliseconds;
  }

  isOver(now: number): boolean {
    return now >= this.until(now);
  }

  /** When it ends, or ended. */
  until(now: number): number {
    if (this.end - now > this.lengthMs) this.end = now + this.lengthMs;
    return this.end;
  }
}
