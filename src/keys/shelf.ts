import { createSortedIds } from "./sorted-ids.ts";

interface Versioned {
  readonly id: string;
  readonly version: number;
}

interface State extends Versioned {
  /** See `DocumentChange`. */
  readonly isRewound?: true;
}

/** Values by id, with what was removed lately: an older state that comes late must not bring it back. */
export interface Shelf<Value extends Versioned> {
  readonly size: number;
  get(id: string): Value | undefined;
  /** Whether a state is newer than what is known of its id. */
  isNews(state: State): boolean;
  set(value: Value): void;
  remove(state: Versioned): void;
  wasRemoved(id: string): boolean;
  /** Puts them in order now, and not when somebody waits for it. */
  sort(): void;
  /** By id, the newest first, from behind `cursor` on. */
  before(cursor?: string): Iterable<Value>;
}

/** Removals that are remembered: a look that began before one brings the state before it seconds later at most. */
const mostRemoved = 10_000;

export function createShelf<Value extends Versioned>(): Shelf<Value> {
  const values = new Map<string, Value>();
  const removed = new Map<string, number>();
  const ids = createSortedIds({ has: (id) => values.has(id) });
  return {
    get size() {
      return values.size;
    },
    get: (id) => values.get(id),
    isNews: ({ id, version, isRewound }) =>
      isRewound === true || version > (values.get(id)?.version ?? removed.get(id) ?? Number.NEGATIVE_INFINITY),
    set(value) {
      if (!values.has(value.id)) ids.add(value.id);
      values.set(value.id, value);
      removed.delete(value.id);
    },
    remove({ id, version }) {
      if (values.delete(id)) ids.remove(id);
      removed.set(id, version);
      if (removed.size <= mostRemoved) return;
      for (const oldest of removed.keys()) {
        removed.delete(oldest);
        return;
      }
    },
    wasRemoved: (id) => removed.has(id),
    sort: () => ids.sort(),
    *before(cursor) {
      for (const id of ids.before(cursor)) {
        const value = values.get(id);
        if (value !== undefined) yield value;
      }
    },
  };
}
