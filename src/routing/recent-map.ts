export interface RecentMap<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  /** Entries that are remembered. */
  size(): number;
}

/**
 * Remembers at least the `kept` entries that were used last, and at most twice as many. Two maps, of which the older one
 * is dropped whole: a hit costs no change to a map, and nothing is ever searched for what has to go.
 */
export function createRecentMap<Value>(kept: number): RecentMap<Value> {
  let recent = new Map<string, Value>();
  let older = new Map<string, Value>();

  function set(key: string, value: Value): void {
    if (recent.size >= kept && !recent.has(key)) {
      older = recent;
      recent = new Map();
    }
    older.delete(key);
    recent.set(key, value);
  }

  return {
    set,
    get(key) {
      const value = recent.get(key);
      if (value !== undefined) return value;
      const old = older.get(key);
      if (old !== undefined) set(key, old);
      return old;
    },
    size: () => recent.size + older.size,
  };
}
