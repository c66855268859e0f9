/** Who has a place of a scope, and until when. All are given and renewed for the same time, so that the oldest is the first. */
export class Places {
  private readonly untilOf = new Map<string, number>();

  count(now: number): number {
    for (const [lease, until] of this.untilOf) {
      if (until > now) break;
      this.untilOf.delete(lease);
    }
    return this.untilOf.size;
  }

  give(lease: string, until: number): void {
    this.untilOf.delete(lease);
    this.untilOf.set(lease, until);
  }

  /** Whether it had one. */
  takeBack(lease: string): boolean {
    return this.untilOf.delete(lease);
  }
}
