import { isSealed, type SecretBox, sealedWith } from "../keys/secret-box.ts";
import type { DocumentStore, StoredDocument } from "../storage/document-store.ts";
import { isConflict } from "../storage/conflict.ts";

export interface Resealed {
  /** Documents that were changed. */
  readonly documents: number;
  readonly secrets: number;
}

export interface ResealOptions {
  readonly documents: Pick<DocumentStore, "changesSince" | "get" | "put">;
  /** Opens whatever is sealed. */
  readonly opener: Pick<SecretBox, "open">;
  /** Seals it anew. */
  readonly sealer: Pick<SecretBox, "keyId" | "seal">;
}

/** A value with every sealed text in it sealed anew; the same object where there is none to seal. Throws what `open` throws. */
function resealed(value: unknown, again: (text: string) => string): unknown {
  if (typeof value === "string") return isSealed(value) ? again(value) : value;
  if (Array.isArray(value)) {
    const items = value.map((item) => resealed(item, again));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const changed = entries.map(([name, item]) => [name, resealed(item, again)] as const);
  return changed.some(([, item], index) => item !== entries[index]?.[1]) ? Object.fromEntries(changed) : value;
}

/**
 * Seals every secret in all documents with another key. What has it already stays, so that it may run again after it was
 * cut short, and beside gateways that write meanwhile. Rejects with GatewayError where a secret cannot be opened.
 */
export async function resealDocuments({ documents, opener, sealer }: ResealOptions): Promise<Resealed> {
  let count = 0;
  let secrets = 0;

  /** How many secrets of a document were sealed anew; one that somebody changed meanwhile is read again. */
  async function reseal(document: StoredDocument): Promise<number> {
    let sealed = 0;
    const value = resealed(document.value, (text) => {
      if (sealedWith(text) === sealer.keyId) return text;
      sealed += 1;
      return sealer.seal(opener.open(text));
    });
    if (sealed === 0) return 0;
    const { kind, id, version: expectedVersion } = document;
    try {
      await documents.put({ kind, id, value, expectedVersion });
      return sealed;
    } catch (error) {
      if (!isConflict(error)) throw error;
      const now = await documents.get(kind, id);
      return now === undefined ? 0 : reseal(now);
    }
  }

  // What is written here comes again at the end, and is left alone then.
  for (let version = 0; ;) {
    const page = await documents.changesSince(version);
    for (const change of page.changes) {
      const sealed = "value" in change ? await reseal(change) : 0;
      secrets += sealed;
      if (sealed > 0) count += 1;
    }
    if (page.version <= version || page.changes.length === 0) return { documents: count, secrets };
    version = page.version;
  }
}
