import type { DocumentChange } from "../storage/document-store.ts";
import { lossKind } from "../storage/loss.ts";
import { createShelf } from "./shelf.ts";
import { hashOf, isTokenShaped } from "./token.ts";
import { keyKind, readKey, readTeam, type Team, teamKind, type VirtualKey } from "./virtual-key.ts";

/** All virtual keys and teams in memory: a request never waits for the store, and a store that is gone shuts nobody out. */
export interface KeyBook {
  /** Whether all that the store has was seen once. Until then nobody can say that a key is not known. */
  readonly isLoaded: boolean;
  /** Keys, those that are disabled or expired too. */
  readonly size: number;
  /** Whether there was ever a key, be they all deleted or lost by now; of a database that was lost nobody knows. */
  readonly wereIssued: boolean;
  /** The database took the place of one that was damaged or removed, and no key was issued since. */
  readonly areLost: boolean;
  /** The key of a token, in whatever state it is; `undefined` = there is none. */
  find(token: string): VirtualKey | undefined;
  key(id: string): VirtualKey | undefined;
  team(id: string): Team | undefined;
  /** By id, the newest first, from behind `cursor` on. */
  keys(cursor?: string): Iterable<VirtualKey>;
  teams(cursor?: string): Iterable<Team>;
  /** A change of any document, as the store tells it; older ones than are known do nothing. */
  apply(change: DocumentChange): void;
  /** Everything that the store had was applied. */
  loaded(): void;
}

export interface KeyBookOptions {
  /** A document that holds no key or team: it is left out. */
  onProblem: (message: string) => void;
  now?: () => number;
}

/** More are not issued: each takes about 1 KB of memory. */
export const mostKeys = 1_000_000;

export function createKeyBook({ onProblem, now = Date.now }: KeyBookOptions): KeyBook {
  const byHash = new Map<string, VirtualKey>();
  const keys = createShelf<VirtualKey>();
  const teams = createShelf<Team>();
  let isLoaded = false;
  let wereIssued = false;
  let areLost = false;
  let lossVersion = 0;

  function forgetHashes(id: string): void {
    const key = keys.get(id);
    if (key === undefined) return;
    byHash.delete(key.hash);
    if (key.previous !== undefined) byHash.delete(key.previous.hash);
  }

  function applyKey(change: DocumentChange): void {
    // The store remembers those that were removed.
    wereIssued = true;
    areLost = false;
    const key = "value" in change ? readKey(change) : undefined;
    if ("value" in change && key === undefined)
      onProblem(`The stored key ${change.id} cannot be read: it is not taken.`);
    forgetHashes(change.id);
    if (key === undefined) return keys.remove(change);
    keys.set(key);
    byHash.set(key.hash, key);
    if (key.previous !== undefined && key.previous.until > now()) byHash.set(key.previous.hash, key);
  }

  function applyTeam(change: DocumentChange): void {
    const team = "value" in change ? readTeam(change) : undefined;
    if ("value" in change && team === undefined)
      onProblem(`The stored team ${change.id} cannot be read: it is left out.`);
    if (team === undefined) teams.remove(change);
    else teams.set(team);
  }

  function applyLoss(change: DocumentChange): void {
    lossVersion = change.version;
    areLost = "value" in change;
    wereIssued ||= areLost;
  }

  return {
    get isLoaded() {
      return isLoaded;
    },
    get size() {
      return keys.size;
    },
    get wereIssued() {
      return wereIssued;
    },
    get areLost() {
      return areLost;
    },
    find(token) {
      if (!isTokenShaped(token)) return undefined;
      const hash = hashOf(token);
      const key = byHash.get(hash);
      if (key === undefined || key.hash === hash) return key;
      return key.previous !== undefined && key.previous.until > now() ? key : undefined;
    },
    key: (id) => keys.get(id),
    team: (id) => teams.get(id),
    keys: (cursor) => keys.before(cursor),
    teams: (cursor) => teams.before(cursor),
    apply(change) {
      if (change.kind === keyKind && keys.isNews(change)) applyKey(change);
      if (change.kind === lossKind && (change.version > lossVersion || change.isRewound === true)) applyLoss(change);
      if (change.kind === teamKind && teams.isNews(change)) applyTeam(change);
    },
    loaded() {
      keys.sort();
      teams.sort();
      isLoaded = true;
    },
  };
}
