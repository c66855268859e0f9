import type { KeyBook } from "../keys/key-book.ts";
import type { Team, VirtualKey } from "../keys/virtual-key.ts";
import { callLater } from "../lib/call-later.ts";
import { errorText } from "../lib/error-text.ts";
import type { BudgetOwner } from "../limits/budget-ledger.ts";
import { budgetOwner } from "../limits/budget-owner.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { RequestStore } from "../storage/store.ts";
import { keysOfTeam, spentByKey, spentByTeam, wholeHourFrom } from "./spent-since.ts";

/**
 * Compares budgets with the records of their owners' requests, and counts what only those know: requests that were under way
 * when a budget was put on, or that a process did not write to the budget before it was killed. While an owner goes on
 * spending, as much may still be missing as is spent until it is heard of: it is looked for several times. Nothing here rejects.
 */
export interface Recount {
  /** Of all owners, at a start: nobody else has anything left to tell. */
  atStart(): Promise<void>;
  /** Of all owners, once those that live have told what they charged. */
  afterCrash(): void;
  /** Of one owner, for as long as a request may be under way that its new budget has not seen. */
  afterChange(owner: Pick<BudgetOwner, "kind" | "id">): void;
  stop(): void;
}

export interface RecountOptions {
  readonly book: Pick<KeyBook, "keys" | "key" | "team">;
  readonly budgets: Pick<Budgets, "raise" | "windows">;
  readonly requests: Pick<RequestStore, "keyTotals">;
  readonly log: { warn(message: string): void };
  /** What others have charged is heard of here within that time; 0 = there are no others. */
  readonly heardMs?: number | undefined;
  /** Calls once, unless the function it returns calls it off. */
  readonly after?: (milliseconds: number, work: () => void) => () => void;
}

/** It is stored at most half a second after it was charged, and looked for every two. */
const usualHeardMs = 5000;
/** A request takes ten minutes at most, as a rule; the times between grow, for most are over soon. */
const lookAfterMs = [1000, 3000, 10_000, 60_000, 300_000, 900_000] as const;

/** Somebody with budgets, and what the records say that was spent since an instant, in US dollars. */
interface Counted {
  readonly owner: BudgetOwner;
  readonly spentSince: (start: number) => Promise<number>;
}

export function createRecount(options: RecountOptions): Recount {
  const { book, budgets, requests, log, heardMs = usualHeardMs, after = callLater } = options;
  const waiting = new Set<() => void>();

  function later(milliseconds: number, work: () => void): void {
    const callOff = after(milliseconds, () => {
      waiting.delete(callOff);
      work();
    });
    waiting.add(callOff);
  }

  function* countedKey(key: VirtualKey | undefined): Iterable<Counted> {
    const owner = budgetOwner("key", key);
    if (owner === undefined) return;
    yield { owner, spentSince: (start) => spentByKey(requests, owner.id, wholeHourFrom(start)) };
  }

  function* countedTeam(team: Team | undefined, keys: () => readonly VirtualKey[]): Iterable<Counted> {
    const owner = budgetOwner("team", team);
    if (owner === undefined) return;
    yield { owner, spentSince: (start) => spentByTeam(requests, keys(), wholeHourFrom(start)) };
  }

  /** Keys of teams that have budgets, by team. */
  function members(): Map<Team, VirtualKey[]> {
    const found = new Map<Team, VirtualKey[]>();
    for (const key of book.keys()) {
      const team = key.teamId === undefined ? undefined : book.team(key.teamId);
      if (team?.budgets === undefined) continue;
      const known = found.get(team);
      if (known === undefined) found.set(team, [key]);
      else known.push(key);
    }
    return found;
  }

  function* everybody(): Iterable<Counted> {
    for (const key of book.keys()) yield* countedKey(key);
    for (const [team, keys] of members()) yield* countedTeam(team, () => keys);
  }

  /** What the records say now; whoever calls what it resolves to takes it for what is spent at least. */
  async function read(all: Iterable<Counted>): Promise<() => Promise<void>> {
    const found: { owner: BudgetOwner; spent: ReadonlyMap<number, number> }[] = [];
    for (const { owner, spentSince } of all) {
      const spent = new Map<number, number>();
      for (const { start } of budgets.windows([owner])) spent.set(start, spent.get(start) ?? (await spentSince(start)));
      found.push({ owner, spent });
      // Requests have their turn between two owners.
      await new Promise(setImmediate);
    }
    return async () => {
      // A window that has begun meanwhile counts for itself.
      for (const { owner, spent } of found)
        await budgets.raise(owner, (start) => Promise.resolve(spent.get(start) ?? 0));
    };
  }

  async function told(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn(`What keys have spent may be missing from their budgets: ${errorText(error)}`);
    }
  }

  /** What is charged, but not heard of here yet, is in the records too: it must not be taken for what is missing. */
  function readThenWait(all: () => Iterable<Counted>): void {
    void told(async () => {
      const raise = await read(all());
      if (heardMs === 0) await raise();
      else later(heardMs, () => void told(raise));
    });
  }

  function lookFor(all: () => Iterable<Counted>): void {
    for (const milliseconds of lookAfterMs) later(milliseconds, () => readThenWait(all));
  }

  return {
    atStart: () => told(async () => (await read(everybody()))()),
    afterCrash: () => lookFor(everybody),
    afterChange({ kind, id }) {
      const counted = (): Iterable<Counted> =>
        kind === "key" ? countedKey(book.key(id)) : countedTeam(book.team(id), () => keysOfTeam(book, id));
      lookFor(counted);
    },
    stop() {
      for (const callOff of waiting) callOff();
      waiting.clear();
    },
  };
}
