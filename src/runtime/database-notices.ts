import type { Store } from "../storage/store.ts";

/** What the owner should know of the database, one line each. */
export function databaseNotices(database: Pick<Store, "isUp"> | undefined): string[] {
  if (database?.isUp() !== false) return [];
  // Anybody may ask for this: where it is, and what is wrong with it, is for the log.
  return ["The database cannot be used; the log says why. Meanwhile requests wait in memory to be written down."];
}
