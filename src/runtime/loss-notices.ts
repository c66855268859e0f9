import type { KeyBook } from "../keys/key-book.ts";

/** What the owner should know of keys that are lost with their database, one line each. */
export function lossNotices(book: Pick<KeyBook, "areLost"> | undefined, { reopen }: { reopen: boolean }): string[] {
  if (book?.areLost !== true || reopen) return [];
  return [
    "The database was damaged or removed, and a new one was started. Keys that were issued before are not in it, and it lets nobody in without one: " +
      "restore a backup ('orcestator restore'), issue keys anew, or set keys.reopen to true.",
  ];
}
