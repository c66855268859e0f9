import { invalidRequest } from "../errors.ts";
import type { KeyBook } from "../keys/key-book.ts";
import { keyIdPrefix, keyKind } from "../keys/virtual-key.ts";
import type { AuditLog } from "../storage/audit-log.ts";

/** What keys are called, for whoever sees their ids. */
export interface KeyNames {
  /**
   * By id; what is no virtual key, or not known any more, is left out. `withDeleted` asks the audit log for those that are
   * gone, which is for admins. Rejects with GatewayError when the store is out of reach.
   */
  of(ids: readonly string[], options: { readonly withDeleted: boolean }): Promise<ReadonlyMap<string, string>>;
  /** The id that records have for a key that somebody tells by its id or by its name. Throws GatewayError (400) where several have that name. */
  idOf(idOrName: string): string;
}

export interface KeyNamesOptions {
  readonly book: Pick<KeyBook, "key" | "keys">;
  readonly audit: Pick<AuditLog, "deletedNames">;
}

/** Those who call without a virtual key, as records name them: no name of a key takes their place. */
const others: ReadonlySet<string> = new Set(["anonymous", "admin"]);
const mostShown = 10;

function isAmbiguous(name: string, ids: readonly string[]): never {
  const shown = `${ids.slice(0, mostShown).join(", ")}${ids.length > mostShown ? " …" : ""}`;
  throw invalidRequest(`${ids.length} keys are called '${name}': name one by its id (${shown}).`, "key");
}

export function createKeyNames({ book, audit }: KeyNamesOptions): KeyNames {
  return {
    async of(ids, { withDeleted }) {
      const names = new Map<string, string>();
      for (const id of ids) {
        const name = book.key(id)?.name;
        if (name !== undefined) names.set(id, name);
      }
      const gone = withDeleted ? ids.filter((id) => id.startsWith(keyIdPrefix) && !names.has(id)) : [];
      return gone.length === 0 ? names : new Map([...names, ...(await audit.deletedNames(keyKind, gone))]);
    },
    idOf(idOrName) {
      if (others.has(idOrName) || book.key(idOrName) !== undefined) return idOrName;
      const ids = [...book.keys()].flatMap(({ id, name }) => (name === idOrName ? id : []));
      return ids.length > 1 ? isAmbiguous(idOrName, ids) : (ids[0] ?? idOrName);
    },
  };
}
