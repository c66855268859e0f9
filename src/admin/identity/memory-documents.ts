import { GatewayError } from "../../errors.ts";
import type { DocumentStore, PutDocument, StoredDocument } from "../../storage/document-store.ts";

type Named = Pick<PutDocument, "kind" | "id" | "expectedVersion">;

function conflict({ kind, id }: Named): GatewayError {
  const message = `Somebody else has changed ${kind} ${id}.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

/** Documents of a gateway that has no database: they are gone with the process. */
export function createMemoryDocuments(
  now: () => number = Date.now,
): Pick<DocumentStore, "get" | "list" | "put" | "remove"> {
  const stored = new Map<string, StoredDocument>();
  let version = 0;

  function isOther({ kind, id, expectedVersion }: Named): boolean {
    return expectedVersion !== undefined && expectedVersion !== (stored.get(`${kind}/${id}`)?.version ?? 0);
  }

  return {
    get: (kind, id) => Promise.resolve(stored.get(`${kind}/${id}`)),
    list: (kind) => Promise.resolve([...stored.values()].filter((document) => document.kind === kind)),
    put(document) {
      const { kind, id } = document;
      if (isOther(document)) return Promise.reject(conflict(document));
      version += 1;
      const value: unknown = structuredClone(document.value);
      const next = { kind, id, version, updatedAt: now(), value };
      stored.set(`${kind}/${id}`, next);
      return Promise.resolve(next);
    },
    remove: (document) =>
      isOther(document)
        ? Promise.reject(conflict(document))
        : Promise.resolve(stored.delete(`${document.kind}/${document.id}`)),
  };
}
