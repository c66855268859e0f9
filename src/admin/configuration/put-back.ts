import { isConflict } from "../../storage/conflict.ts";
import type { AdminDocuments } from "../documents.ts";
import type { StoredEntry } from "./overlay-book.ts";
import type { Named } from "./written-entry.ts";

/** A change that was written. */
export interface Written extends Named {
  /** What stood there before. */
  readonly before: StoredEntry;
  /** What it has been since; 0 = it was removed. */
  readonly version: number;
}

async function putOneBack({ kind, name, before, version }: Written, documents: AdminDocuments): Promise<void> {
  if (before.version === 0) return documents.remove(kind, name, version);
  try {
    await documents.put({ kind, id: name, value: before.value, expectedVersion: version });
  } catch (error) {
    // A third one has changed it since: that stays.
    if (!isConflict(error)) throw error;
  }
}

/** Takes changes back, the last one first, where nobody has changed them since. Rejects with GatewayError: 503. */
export async function putBack(written: readonly Written[], documents: AdminDocuments): Promise<void> {
  for (const change of written.toReversed()) await putOneBack(change, documents);
}
