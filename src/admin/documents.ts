import { isDeepStrictEqual } from "node:util";
import { GatewayError } from "../errors.ts";
import type { DocumentChange, DocumentStore, PutDocument, StoredDocument } from "../storage/document-store.ts";
import { againOnConflict } from "./again-on-conflict.ts";

/** Documents as the admin API changes them: what is written or seen is known here at once. Rejects as the store does. */
export interface AdminDocuments {
  get(kind: string, id: string): Promise<StoredDocument | undefined>;
  /** All of a kind, by id, as the store has them now. */
  list(kind: string): Promise<StoredDocument[]>;
  put(document: PutDocument): Promise<StoredDocument>;
  /** With `onlyVersion` only that one: where there is another by now, it stays. */
  remove(kind: string, id: string, onlyVersion?: number): Promise<void>;
}

export interface AdminDocumentsOptions {
  documents: Pick<DocumentStore, "get" | "list" | "put" | "remove">;
  /** Told of every change that was made or met here. */
  onChange: (change: DocumentChange) => void;
}

function isLostAnswer(error: unknown): boolean {
  return error instanceof GatewayError && error.retryable;
}

export function createAdminDocuments({ documents, onChange }: AdminDocumentsOptions): AdminDocuments {
  /** A change whose answer was lost may have been made. */
  async function putOrFind(document: PutDocument): Promise<StoredDocument> {
    try {
      return await documents.put(document);
    } catch (error) {
      if (!isLostAnswer(error)) throw error;
      const found = await documents.get(document.kind, document.id).catch(() => undefined);
      const sent: unknown = JSON.parse(JSON.stringify(document.value));
      if (found === undefined || !isDeepStrictEqual(found.value, sent)) throw error;
      return found;
    }
  }

  /** Version of what was removed; `undefined` = there was nothing. */
  async function removeOrMiss(kind: string, id: string, onlyVersion?: number): Promise<number | undefined> {
    const found = await documents.get(kind, id);
    if (found === undefined || found.version !== (onlyVersion ?? found.version)) return undefined;
    try {
      await documents.remove({ kind, id, expectedVersion: found.version });
    } catch (error) {
      if (!isLostAnswer(error)) throw error;
      if ((await documents.get(kind, id)) !== undefined) throw error;
    }
    return found.version;
  }

  return {
    async get(kind, id) {
      const found = await documents.get(kind, id);
      if (found !== undefined) onChange(found);
      return found;
    },
    async list(kind) {
      const found = await documents.list(kind);
      for (const document of found) onChange(document);
      return found;
    },
    async put(document) {
      const stored = await putOrFind(document);
      onChange(stored);
      return stored;
    },
    async remove(kind, id, onlyVersion) {
      const removed = await againOnConflict(() => removeOrMiss(kind, id, onlyVersion));
      if (removed === undefined) return;
      // An import may bring the id back: only what was removed, and what was before it, does not count any more.
      onChange({ kind, id, version: removed + 0.5, updatedAt: Date.now(), isRemoved: true });
    },
  };
}
