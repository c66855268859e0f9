import type { KeyBook } from "../keys/key-book.ts";
import type { VirtualKey } from "../keys/virtual-key.ts";
import type { RequestStore } from "../storage/store.ts";
import { hourMs } from "../storage/usage/views.ts";

/** Totals are by the hour: of one that begins within an hour the rest of that is left out, so that nothing foreign counts. */
export function wholeHourFrom(instant: number): number {
  return Math.ceil(instant / hourMs) * hourMs;
}

type Requests = Pick<RequestStore, "keyTotals">;

/** US dollars that a key spent since an instant, with all of the hour that it lies in. Rejects as the store does. */
export async function spentByKey(requests: Requests, id: string, start: number): Promise<number> {
  return (await requests.keyTotals(id, start)).costUsd ?? 0;
}

/** A key of a team, and since when it belongs to it. */
export type Member = Pick<VirtualKey, "id" | "teamSince">;

/** The same of the keys of a team, from the hour on after which each belongs to it. Requests have their turn between two keys. */
export async function spentByTeam(requests: Requests, keys: readonly Member[], start: number): Promise<number> {
  let usd = 0;
  for (const { id, teamSince = 0 } of keys) {
    usd += await spentByKey(requests, id, Math.max(start, wholeHourFrom(teamSince)));
    await new Promise(setImmediate);
  }
  return usd;
}

/** Those that belong to a team now. */
export function keysOfTeam(book: Pick<KeyBook, "keys">, id: string): VirtualKey[] {
  return [...book.keys()].filter(({ teamId }) => teamId === id);
}
