import { createToken, type NewToken } from "../../src/keys/token.ts";
import type { VirtualKey } from "../../src/keys/virtual-key.ts";
import type { DocumentChange, StoredDocument } from "../../src/storage/document-store.ts";

/** A key's document, as the admin API writes it. */
export function keyDocument(id: string, version: number, value: Partial<VirtualKey> = {}): StoredDocument {
  const own = { name: id, hash: createToken().hash, last4: "abcd", createdAt: 1, enabled: true };
  return { kind: "key", id, version, updatedAt: 1, value: { ...own, ...value } };
}

export function teamDocument(id: string, version: number, value: object = {}): StoredDocument {
  return { kind: "team", id, version, updatedAt: 1, value: { name: id, createdAt: 1, ...value } };
}

export function removal(kind: string, id: string, version: number): DocumentChange {
  return { kind, id, version, updatedAt: 1, isRemoved: true };
}

/** What of a token is kept. */
export function tokenFields({ hash, last4 }: NewToken): Pick<VirtualKey, "hash" | "last4"> {
  return { hash, last4 };
}
