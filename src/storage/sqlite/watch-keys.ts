import type { DocumentStore } from "../document-store.ts";
import { keyKind, lossKind } from "../loss.ts";

function isOfKeys({ kind }: { kind: string }): boolean {
  return kind === keyKind || kind === lossKind;
}

/**
 * The same documents; after each look at them it is told whether they spoke of keys. A file that was taken away cannot always
 * be asked any more: with another one in its place SQLite mixes up their write-ahead logs.
 */
export function watchedForKeys(documents: DocumentStore, onLook: (areKeys: boolean) => void): DocumentStore {
  return {
    ...documents,
    async put(document) {
      const stored = await documents.put(document);
      if (isOfKeys(document)) onLook(true);
      return stored;
    },
    async changesSince(version) {
      const found = await documents.changesSince(version);
      onLook(found.changes.some(isOfKeys));
      return found;
    },
  };
}
