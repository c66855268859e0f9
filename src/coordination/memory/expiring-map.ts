/** Entries looked at with each new one: more than come, or those whose time is over would pile up. */
const looksForEachNew = 2;

/** Values with an end, by a clock that is given. Those whose time is over go bit by bit. */
export class ExpiringMap<Value> {
  private readonly entries = new Map<string, { value: Value; until: number }>();
  private walk = this.entries.entries();

  get size(): number {
    return this.entries.size;
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.entries.get(key);
    return entry === undefined || entry.until <= now ? undefined : entry.value;
  }

  set(key: string, value: Value, { now, until }: { now: number; until: number }): void {
    if (!this.entries.has(key)) this.forgetSome(now);
    this.entries.set(key, { value, until });
  }

  delete(key: string): void {
    this.entries.delete(key);
  }

  *alive(now: number): Generator<[string, Value], undefined> {
    for (const [key, { value, until }] of this.entries) if (until > now) yield [key, value];
  }

  private forgetSome(now: number): void {
    for (let look = 0; look < looksForEachNew; look += 1) {
      const entry = this.walk.next().value;
      if (entry === undefined) {
        this.walk = this.entries.entries();
        return;
      }
      if (entry[1].until <= now) this.entries.delete(entry[0]);
    }
  }
}
