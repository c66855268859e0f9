/** A JSON value that is kept by its kind and id: a key, a team, a change of the configuration. */
export interface StoredDocument {
  readonly kind: string;
  readonly id: string;
  /** Of all documents together each change has a number of its own, larger than those before it. */
  readonly version: number;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  readonly value: unknown;
}

/** That a document was removed, for those who follow changes. */
export interface RemovedDocument extends Omit<StoredDocument, "value"> {
  readonly isRemoved: true;
}

export type DocumentChange = (StoredDocument | RemovedDocument) & {
  /** The database was set back: this is how it is now, whatever version was seen before. */
  readonly isRewound?: true;
};

export interface DocumentChanges {
  /** In the order of their versions; of each document only its last change. */
  readonly changes: readonly DocumentChange[];
  /** What to ask with the next time. */
  readonly version: number;
  /** Of the last change there was. A database with a lower one than was seen before is one that was set back. */
  readonly newest: number;
}

export interface ForgottenRemovals {
  readonly deleted: number;
  /** What to go on with. */
  readonly version: number;
  /** There is nothing more to look at now. */
  readonly isLast: boolean;
}

export interface PutDocument {
  /** 1 to 40 of a-z, 0-9 and `-`. */
  readonly kind: string;
  /** 1 to 200 characters, without control characters and without blanks at its ends. */
  readonly id: string;
  /** At most 256 KiB as JSON. */
  readonly value: unknown;
  /** The version the change was made of: with another one there, it is a conflict. 0 = there must be none; none = whatever is there. */
  readonly expectedVersion?: number | undefined;
}

export interface UpdateDocuments {
  readonly kind: string;
  /** Each once. */
  readonly ids: readonly string[];
  /**
   * The value that takes the place of what is there; `undefined` = that stays. Asked anew where the transaction has to be made
   * again, so it changes nothing itself.
   */
  readonly become: (id: string, found: StoredDocument | undefined) => unknown;
}

/**
 * A small area for what is changed while the gateway runs. Every change is one transaction; versions are given in the order
 * in which changes become visible, so that who asks for those since a version misses none.
 *
 * All calls reject with a GatewayError: 400 for a kind, id or value that cannot be kept, 409 for a conflict, 503 (retryable)
 * when the store is out of reach. A change whose answer was lost may have been made: ask with `get`.
 */
export interface DocumentStore {
  get(kind: string, id: string): Promise<StoredDocument | undefined>;
  /** Resolves to the document as it is now. */
  put(document: PutDocument): Promise<StoredDocument>;
  /**
   * Changes several documents in one transaction; between what is found and what is written nobody changes any, so there is no
   * conflict. Resolves to those that there are now, by id. Everybody else who changes a document waits meanwhile.
   */
  update(change: UpdateDocuments): Promise<ReadonlyMap<string, StoredDocument>>;
  /** Whether there was one. */
  remove(document: Pick<PutDocument, "kind" | "id" | "expectedVersion">): Promise<boolean>;
  /** All of a kind, by id. */
  list(kind: string): Promise<StoredDocument[]>;
  /** Changes after a version, removals too; at most 1,000 at a time. 0 = from the beginning. */
  changesSince(version: number): Promise<DocumentChanges>;
  /**
   * Deletes what is left of documents that were removed before an instant, of the next 1,000 changes after a version, but of
   * one key: that there were keys is never forgotten. Whoever
   * follows changes and has not looked for longer than that must begin anew.
   */
  forgetRemoved(since: { version: number; before: number }): Promise<ForgottenRemovals>;
}
