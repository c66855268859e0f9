/** What lies in a bag knows its place there; -1 while it does not. */
export interface Bagged {
  slot: number;
}

export interface Bag<T extends Bagged> {
  readonly items: readonly T[];
  add(item: T): void;
  /** Another item may take its place: go through `items` from the end when removing on the way. */
  remove(item: T): void;
}

/**
 * An unordered collection for things that come and go thousands of times a second. A Set would drop its table every now
 * and then, and a dropped table that the garbage collector has not noticed keeps all it held alive: measured, every
 * request of the last second survived that way.
 */
export function createBag<T extends Bagged>(): Bag<T> {
  const items: T[] = [];
  return {
    items,
    add(item) {
      item.slot = items.length;
      items.push(item);
    },
    remove(item) {
      const { slot } = item;
      if (slot < 0) return;
      item.slot = -1;
      const last = items.pop();
      if (last === undefined || last === item) return;
      items[slot] = last;
      last.slot = slot;
    },
  };
}
