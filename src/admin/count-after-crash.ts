import type { KeyBook } from "../keys/key-book.ts";
import type { Budgets } from "../limits/budgets.ts";
import { errorText } from "../lib/error-text.ts";
import type { RequestStore } from "../storage/store.ts";
import { hourMs } from "../storage/usage/views.ts";

export interface AfterCrash {
  readonly book: Pick<KeyBook, "keys">;
  readonly budgets: Pick<Budgets, "raise">;
  readonly requests: Pick<RequestStore, "keyTotals">;
  readonly log: { warn(message: string): void };
}

/**
 * Records are written sooner than what is spent: after a crash they know of requests that the budgets of their keys do not.
 * Only for a process that is by itself: of others it is not known what they have still to write. Never rejects.
 */
export async function countAfterCrash({ book, budgets, requests, log }: AfterCrash): Promise<void> {
  try {
    for (const { id, budgets: own } of book.keys()) {
      if (own === undefined || own.length === 0) continue;
      // Totals are by the hour: of a window that begins within one, the rest of that hour is not looked at.
      const spentSince = async (start: number): Promise<number> =>
        (await requests.keyTotals(id, Math.ceil(start / hourMs) * hourMs)).costUsd ?? 0;
      await budgets.raise({ kind: "key", id, budgets: own }, spentSince);
      // Requests have their turn between two keys.
      await new Promise(setImmediate);
    }
  } catch (error) {
    log.warn(`What keys spent just before a crash may be missing from their budgets: ${errorText(error)}`);
  }
}
