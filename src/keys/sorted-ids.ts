/** Ids in order, for pages; made for ids that grow with time and are seldom removed. */
export interface SortedIds {
  /** Of one that was not there, or was removed. */
  add(id: string): void;
  remove(id: string): void;
  /** Puts them in order now, and not when somebody waits for it. */
  sort(): void;
  /** Ids before `cursor` (all where it is none), the last ones first; some may be gone. */
  before(cursor: string | undefined): Iterable<string>;
}

export interface SortedIdsOptions {
  has: (id: string) => boolean;
}

/** Ids of the same millisecond come in any order: those are put in their place at once. */
const mostSteps = 64;

export function createSortedIds({ has }: SortedIdsOptions): SortedIds {
  let ids: string[] = [];
  let isSorted = true;
  /** They keep their places until they are half of all. */
  const removed = new Set<string>();

  function tidy(): void {
    if (removed.size > ids.length / 2) {
      ids = ids.filter(has);
      removed.clear();
    }
    if (!isSorted) ids.sort();
    isSorted = true;
  }

  /** How many ids come before one. */
  function placeOf(id: string): number {
    let low = 0;
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ids[middle] ?? "") < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add(id) {
      if (removed.delete(id)) return;
      let at = ids.length;
      const nearest = Math.max(0, at - mostSteps);
      while (at > nearest && (ids[at - 1] ?? "") > id) at -= 1;
      if (at === nearest && at > 0 && (ids[at - 1] ?? "") > id) isSorted = false;
      if (at === ids.length) ids.push(id);
      else ids.splice(at, 0, id);
    },
    sort: tidy,
    remove: (id) => void removed.add(id),
    *before(cursor) {
      tidy();
      for (let at = (cursor === undefined ? ids.length : placeOf(cursor)) - 1; at >= 0; at -= 1) {
        const id = ids[at];
        if (id !== undefined && has(id)) yield id;
      }
    },
  };
}
