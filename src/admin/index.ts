import type { KeyBook } from "../keys/key-book.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { Store } from "../storage/store.ts";
import type { AuditLog } from "../storage/audit-log.ts";
import { type AuditTrail, createAuditTrail } from "./audit-trail.ts";
import { type BeginBudgets, createBeginBudgets } from "./begin-budgets.ts";
import { createAdminDocuments } from "./documents.ts";
import { followOwners } from "./follow-owners.ts";
import { createKeyNames, type KeyNames } from "./key-names.ts";
import { createKeys, type Keys } from "./keys.ts";
import { createOwnKeys, type OwnKeys } from "./own-key.ts";
import { createTeams, type Teams } from "./teams.ts";

/** What may be changed while the gateway runs. It needs a database. */
export interface Admin {
  readonly keys: Keys;
  readonly keyNames: KeyNames;
  readonly teams: Teams;
  readonly own: OwnKeys;
  /** Whether all is known that the database has: until then what is known would look like all there is. */
  isLoaded(): boolean;
  /** Virtual keys there are. */
  keyCount(): number;
  /** For whoever else writes keys and teams down. */
  readonly beginBudgets: BeginBudgets;
  /** What was changed is told here. */
  readonly trail: AuditTrail;
  /** What was told. */
  readonly audit: Pick<AuditLog, "list">;
  /** Writes what is still to be written to the audit log. Never rejects. */
  flush(): Promise<void>;
}

export interface AdminOptions {
  readonly store: Pick<Store, "documents" | "audit"> & { readonly requests: Pick<Store["requests"], "keyTotals"> };
  readonly book: KeyBook;
  readonly budgets: Budgets;
  readonly log: { warn(message: string): void };
  readonly now?: () => number;
}

export function createAdmin({ store, book, budgets, log, now = Date.now }: AdminOptions): Admin {
  const trail = createAuditTrail({ audit: store.audit, log, now });
  const documents = createAdminDocuments({
    documents: store.documents,
    onChange: (change) => followOwners(change, { book, budgets }),
  });
  const beginBudgets = createBeginBudgets({ book, budgets, requests: store.requests });
  const tools = { documents, trail, now, book, budgets, beginBudgets };
  const keys = createKeys(tools);
  const teams = createTeams(tools);
  const own = createOwnKeys({ keys, teams, budgets, requests: store.requests });
  return {
    keys,
    keyNames: createKeyNames({ book, audit: store.audit }),
    teams,
    own,
    isLoaded: () => book.isLoaded,
    keyCount: () => book.size,
    beginBudgets,
    trail,
    audit: store.audit,
    flush: () => trail.flush(),
  };
}
