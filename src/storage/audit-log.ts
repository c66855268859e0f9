/** One change that somebody made, as it is told afterwards. Who writes it leaves secrets out. */
export interface AuditEntry {
  /** Ours, `aud_` + 24 characters. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Who: a user, a token's label. At most 200 characters, as are `action` and `subject`. */
  readonly actor: string;
  /** What was done: `key.create`. */
  readonly action: string;
  /** To what: `key/key_…`. */
  readonly subject: string;
  /** Values as JSON has them, at most 256 KiB each; `undefined` = there was none. */
  readonly before: unknown;
  readonly after: unknown;
  /** Address, session and the like; a small JSON value. */
  readonly detail: unknown;
}

export type NewAuditEntry = Pick<AuditEntry, "actor" | "action" | "subject"> &
  Partial<Pick<AuditEntry, "id" | "at" | "before" | "after" | "detail">>;

export interface AuditQuery {
  /** 1 to 500. */
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
}

export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly AuditEntry[];
  readonly cursor: string | undefined;
}

/** Rejects with a GatewayError, as documents do. */
export interface AuditLog {
  /** An entry whose id is there already is left as it is, so that one may be sent again. */
  append(entry: NewAuditEntry): Promise<AuditEntry>;
  list(query: AuditQuery): Promise<AuditPage>;
  /** By id: what documents of a kind were called when they were deleted, as far as the log goes back. */
  deletedNames(kind: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Deletes the first ones of before an instant, a few hundred at most; how many those were. */
  deleteBefore(instant: number): Promise<number>;
}
