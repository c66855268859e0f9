import type { KeyBook } from "../keys/key-book.ts";
import type { Team, VirtualKey } from "../keys/virtual-key.ts";
import { budgetOwner } from "../limits/budget-owner.ts";
import type { Budgets } from "../limits/budgets.ts";
import { errorText } from "../lib/error-text.ts";
import type { RequestStore } from "../storage/store.ts";
import { spentByKey, spentByTeam, wholeHourFrom } from "./spent-since.ts";

export interface AfterCrash {
  readonly book: Pick<KeyBook, "keys" | "team">;
  readonly budgets: Pick<Budgets, "raise">;
  readonly requests: Pick<RequestStore, "keyTotals">;
  readonly log: { warn(message: string): void };
}

async function countKey(key: VirtualKey, { budgets, requests }: AfterCrash): Promise<void> {
  const owner = budgetOwner("key", key);
  if (owner === undefined) return;
  await budgets.raise(owner, (start) => spentByKey(requests, key.id, wholeHourFrom(start)));
  // Requests have their turn between two keys.
  await new Promise(setImmediate);
}

async function countTeam(team: Team, keys: readonly VirtualKey[], { budgets, requests }: AfterCrash): Promise<void> {
  const owner = budgetOwner("team", team);
  if (owner === undefined) return;
  await budgets.raise(owner, (start) => spentByTeam(requests, keys, wholeHourFrom(start)));
}

/** Keys of teams that have budgets, by team. */
function membersIn({ book }: AfterCrash): Map<Team, VirtualKey[]> {
  const members = new Map<Team, VirtualKey[]>();
  for (const key of book.keys()) {
    const team = key.teamId === undefined ? undefined : book.team(key.teamId);
    if (team?.budgets === undefined) continue;
    const known = members.get(team);
    if (known === undefined) members.set(team, [key]);
    else known.push(key);
  }
  return members;
}

/**
 * Records are written sooner than what is spent: after a crash they know of requests that the budgets of their keys and teams
 * do not. Only for a process that is by itself: of others it is not known what they have still to write. Never rejects.
 */
export async function countAfterCrash(options: AfterCrash): Promise<void> {
  try {
    for (const key of options.book.keys()) await countKey(key, options);
    for (const [team, keys] of membersIn(options)) await countTeam(team, keys, options);
  } catch (error) {
    options.log.warn(`What keys spent just before a crash may be missing from their budgets: ${errorText(error)}`);
  }
}
