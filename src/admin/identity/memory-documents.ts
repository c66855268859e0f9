import { GatewayError } from "../../errors.ts";
import type { DocumentStore, PutDocument, StoredDocument } from "../../storage/document-store.ts";

function conflict({ kind, id }: PutDocument): GatewayError {
  const message = `Somebody else has changed ${kind} ${id}.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

/** Documents of a gateway that has no database: they are gone with the process. */
export function createMemoryDocuments(
  now: () => number = Date.now,
): Pick<DocumentStore, "get" | "list" | "put" | "remove"> {
  const stored = new Map<string, StoredDocument>();
  let version = 0;
  return {
    get: (kind, id) => Promise.resolve(stored.get(`${kind}/${id}`)),
    list: (kind) => Promise.resolve([...stored.values()].filter((document) => document.kind === kind)),
    put(document) {
      const { kind, id, expectedVersion } = document;
      const found = stored.get(`${kind}/${id}`);
      if (expectedVersion !== undefined && expectedVersion !== (found?.version ?? 0))
        return Promise.reject(conflict(document));
      version += 1;
      const value: unknown = structuredClone(document.value);
      const next = { kind, id, version, updatedAt: now(), value };
      stored.set(`${kind}/${id}`, next);
      return Promise.resolve(next);
    },
    remove: ({ kind, id }) => Promise.resolve(stored.delete(`${kind}/${id}`)),
  };
}
