import { errorText } from "../lib/error-text.ts";
import type { DocumentStore } from "../storage/document-store.ts";
import { spendingKind } from "./budget-document.ts";

/** Removes what is stored of owners that are gone. */
export interface SpendingRemoval {
  /** One after the other: many owners may go at once. Settles when they are gone, and what was to go before. Never rejects. */
  remove(ownerId: string, ids: readonly string[]): Promise<void>;
  /** An owner is there again: what is not removed yet stays. */
  keep(ownerId: string): void;
  /** Everything that was to be removed is. */
  done(): Promise<void>;
}

export interface SpendingRemovalOptions {
  readonly documents: Pick<DocumentStore, "remove">;
  readonly log: { warn(message: string): void };
  /** Settles when nothing is being written that would be back. */
  readonly written: () => Promise<void> | undefined;
}

export function createSpendingRemoval({ documents, log, written }: SpendingRemovalOptions): SpendingRemoval {
  /** Ids of documents that are to go, by their owner. */
  const leaving = new Map<string, Set<string>>();
  let removing = Promise.resolve();

  async function removeOne(id: string): Promise<void> {
    try {
      await documents.remove({ kind: spendingKind, id });
    } catch (error) {
      log.warn(`What ${id} spent stays in the store: ${errorText(error)}`);
    }
  }

  async function removeOf(ownerId: string): Promise<void> {
    const ids = leaving.get(ownerId) ?? new Set();
    for (const id of ids) {
      await written();
      if (leaving.get(ownerId) !== ids) return;
      ids.delete(id);
      await removeOne(id);
    }
    if (leaving.get(ownerId) === ids) leaving.delete(ownerId);
  }

  return {
    remove(ownerId, ids) {
      if (ids.length === 0) return removing;
      const known = leaving.get(ownerId);
      if (known === undefined) leaving.set(ownerId, new Set(ids));
      else for (const id of ids) known.add(id);
      removing = removing.then(() => removeOf(ownerId));
      return removing;
    },
    keep: (ownerId) => void leaving.delete(ownerId),
    done: () => removing,
  };
}
