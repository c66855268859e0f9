import { createId } from "../lib/ids.ts";
import type { SpendingEnd } from "./spending-end.ts";

/** Ends of requests that are too many to be kept one by one, and of which nobody was ever told. */
export interface SpendingSums {
  add(end: SpendingEnd): void;
  /** What they came to, as ends of their own; nothing is left. */
  take(): SpendingEnd[];
}

interface Part {
  readonly amount: number;
  /** Of the youngest in it. */
  readonly letInAt: number;
}

/** One account's running window, by the minutes in which requests were let in. */
interface Sum {
  readonly start: number;
  readonly parts: Map<number, Part>;
}

const minuteMs = 60_000;
/** The oldest parts of one sum become one. */
const mostParts = 60;

function together(left: Part | undefined, right: Part): Part {
  if (left === undefined) return right;
  const amount = Math.min(Number.MAX_SAFE_INTEGER, left.amount + right.amount);
  return { amount, letInAt: Math.max(left.letInAt, right.letInAt) };
}

function joinOldest(parts: Map<number, Part>): void {
  const [first, second] = [...parts.keys()].sort((left, right) => left - right);
  const oldest = first === undefined ? undefined : parts.get(first);
  if (first === undefined || second === undefined || oldest === undefined) return;
  parts.delete(first);
  parts.set(second, together(parts.get(second), oldest));
}

/**
 * By account, as that is where amounts are added. By minute too: an account that was made anew meanwhile began with what was
 * stored, and only what was let in after that is added to it.
 */
export function createSpendingSums(): SpendingSums {
  const byAccount = new Map<string, Sum>();

  /** `undefined` = this window is over. */
  function sumOf(account: string, start: number): Sum | undefined {
    const known = byAccount.get(account);
    if (known !== undefined && known.start >= start) return known.start === start ? known : undefined;
    const sum = { start, parts: new Map<number, Part>() };
    byAccount.set(account, sum);
    return sum;
  }

  return {
    add({ accounts, starts, amount, letInAt }) {
      // Nobody knows which window it would be in by the time it is told.
      if (amount === 0 || starts === undefined) return;
      const minute = Math.floor(letInAt / minuteMs);
      for (const [at, account] of accounts.entries()) {
        const parts = sumOf(account, starts[at] ?? 0)?.parts;
        if (parts === undefined) continue;
        parts.set(minute, together(parts.get(minute), { amount, letInAt }));
        if (parts.size > mostParts) joinOldest(parts);
      }
    },
    take() {
      const ends = [...byAccount].flatMap(([account, { start, parts }]) =>
        [...parts.values()].map((part) => ({
          lease: createId("b"),
          accounts: [account],
          starts: [start],
          ...part,
        })),
      );
      byAccount.clear();
      return ends;
    },
  };
}
