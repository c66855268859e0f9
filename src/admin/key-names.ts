import type { KeyBook } from "../keys/key-book.ts";
import { keyKind } from "../keys/virtual-key.ts";
import type { AuditLog } from "../storage/audit-log.ts";

/** What keys are called, for whoever sees their ids. */
export interface KeyNames {
  /**
   * By id; what is no virtual key, or not known any more, is left out. `withDeleted` asks the audit log for those that are
   * gone, which is for admins. Rejects with GatewayError when the store is out of reach.
   */
  of(ids: readonly string[], options: { readonly withDeleted: boolean }): Promise<ReadonlyMap<string, string>>;
}

export interface KeyNamesOptions {
  readonly book: Pick<KeyBook, "key">;
  readonly audit: Pick<AuditLog, "deletedNames">;
}

export function createKeyNames({ book, audit }: KeyNamesOptions): KeyNames {
  return {
    async of(ids, { withDeleted }) {
      const names = new Map<string, string>();
      for (const id of ids) {
        const name = book.key(id)?.name;
        if (name !== undefined) names.set(id, name);
      }
      const gone = withDeleted ? ids.filter((id) => !names.has(id)) : [];
      return gone.length === 0 ? names : new Map([...names, ...(await audit.deletedNames(keyKind, gone))]);
    },
  };
}
