import type { KeyBook } from "../keys/key-book.ts";
import { keyKind, teamKind } from "../keys/virtual-key.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { DocumentChange } from "../storage/document-store.ts";

export interface FollowOwners {
  readonly book: Pick<KeyBook, "apply" | "key" | "team">;
  readonly budgets: Pick<Budgets, "forget" | "welcome">;
}

/** Takes a change of any document into the book; with a key or a team goes what it spent, also where another gateway deleted it. */
export function followOwners(change: DocumentChange, { book, budgets }: FollowOwners): void {
  const { kind, id } = change;
  book.apply(change);
  if (kind !== keyKind && kind !== teamKind) return;
  // The book knows which of two changes is the later one.
  const isThere = (kind === keyKind ? book.key(id) : book.team(id)) !== undefined;
  if (isThere) budgets.welcome(id);
  else if ("isRemoved" in change) void budgets.forget(id);
}
