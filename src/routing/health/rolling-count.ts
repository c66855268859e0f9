/**
 * How often something happened lately. Fixed buckets of equal length: nothing is allocated for an event. The oldest bucket
 * falls out as a whole, so that what is counted reaches back between one bucket less than the span and the whole of it.
 */
export class RollingCount {
  private readonly buckets: Uint32Array;
  private bucketMs: number;
  private newest = 0;
  private total = 0;

  constructor(buckets: number, spanMs: number) {
    this.buckets = new Uint32Array(buckets);
    this.bucketMs = Math.max(1, spanMs / buckets);
  }

  /** Another span begins empty: buckets of another length cannot be taken over. */
  setSpan(spanMs: number): void {
    const bucketMs = Math.max(1, spanMs / this.buckets.length);
    if (bucketMs === this.bucketMs) return;
    this.bucketMs = bucketMs;
    this.clear();
  }

  add(now: number): void {
    this.advance(now);
    const index = this.newest % this.buckets.length;
    this.buckets[index] = (this.buckets[index] ?? 0) + 1;
    this.total += 1;
  }

  sum(now: number): number {
    if (this.total !== 0) this.advance(now);
    return this.total;
  }

  clear(): void {
    this.buckets.fill(0);
    this.total = 0;
  }

  private advance(now: number): void {
    const bucket = Math.floor(now / this.bucketMs);
    const { length } = this.buckets;
    const steps = bucket - this.newest;
    if (steps === 0) return;
    // A clock that was set back a little goes on in the newest bucket; one that was set back far begins anew.
    if (steps < 0 && -steps < length) return;
    if (steps < 0 || steps >= length) this.clear();
    else for (let step = 1; step <= steps; step += 1) this.empty((this.newest + step) % length);
    this.newest = bucket;
  }

  private empty(index: number): void {
    this.total -= this.buckets[index] ?? 0;
    this.buckets[index] = 0;
  }
}
