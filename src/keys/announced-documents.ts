import type { DocumentStore } from "../storage/document-store.ts";

/** The same documents; whoever follows them is told of every change at once. Kinds in `quiet` change all the time. */
export function announcedDocuments(
  documents: DocumentStore,
  { announce, quiet }: { announce: (kind: string) => void; quiet: readonly string[] },
): DocumentStore {
  const tell = (kind: string): void => {
    if (!quiet.includes(kind)) announce(kind);
  };
  return {
    get: (kind, id) => documents.get(kind, id),
    list: (kind) => documents.list(kind),
    changesSince: (version) => documents.changesSince(version),
    forgetRemoved: (since) => documents.forgetRemoved(since),
    async put(document) {
      const stored = await documents.put(document);
      tell(document.kind);
      return stored;
    },
    async update(change) {
      const documentsNow = await documents.update(change);
      tell(change.kind);
      return documentsNow;
    },
    async remove(document) {
      const wasThere = await documents.remove(document);
      tell(document.kind);
      return wasThere;
    },
  };
}
