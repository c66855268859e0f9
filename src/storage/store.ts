import type { RequestRecord } from "../telemetry/request-record.ts";
import type { AuditLog } from "./audit-log.ts";
import type { DocumentStore } from "./document-store.ts";
import type { ResponseStore, ResponseStoreOptions } from "./responses/response-store.ts";

export const groupings = ["model", "day", "hour", "key", "provider"] as const;
export type Grouping = (typeof groupings)[number];

export interface StatisticsQuery {
  /** Epoch milliseconds; requests started at or after it. Full hours cost least: what is between them is counted one by one. */
  since: number;
  by: Grouping | undefined;
  /** Only requests of this key. */
  key?: string | undefined;
}

/**
 * One row of `stats`. Counts over the requests of a group; `undefined` = nothing known, never 0 for unknown. Of models the 500
 * busiest are told apart, and all else counts as `other`, as names do that nothing was ever asked by. Percentiles
 * are values that were measured while there are few requests, and within 5 % of those where there are many; a part of a busy
 * hour has those of the whole hour.
 */
export interface StatisticsRow {
  group: string;
  requests: number;
  errors: number;
  promptTokens: number;
  completionTokens: number;
  costUsd: number | undefined;
  latencyMs: { p50: number; p95: number; p99: number } | undefined;
  ttftMs: { p50: number; p95: number; p99: number } | undefined;
}

/** What one key was used for. */
export interface KeyTotals extends Pick<
  StatisticsRow,
  "requests" | "errors" | "promptTokens" | "completionTokens" | "costUsd"
> {
  /** Start of the first hour that is counted, epoch milliseconds. */
  readonly since: number;
}

export interface RequestFilter {
  /** Epoch milliseconds; requests started at or after it. */
  since?: number | undefined;
  /** The name asked for, or the one that served. */
  model?: string | undefined;
  status?: number | undefined;
  key?: string | undefined;
  provider?: string | undefined;
}

export interface RequestQuery extends RequestFilter {
  /** 1 to 500. */
  limit: number;
  /** Where the page before ended. */
  cursor?: string | undefined;
}

/**
 * Requests, those that started last first. A page looks at so many requests at most, so it may hold fewer than asked for,
 * or none, while there is more behind it.
 */
export interface RequestPage {
  readonly requests: readonly RequestRecord[];
  /** Of the next page; `undefined` = this was the last. */
  readonly cursor: string | undefined;
}

/** What the requests that are kept take, about: as they were written, not as the engine stores them. */
export interface RequestsSize {
  readonly requests: number;
  readonly bytes: number;
  /** Start of the first one; `undefined` = there is none. */
  readonly oldest: number | undefined;
}

/** What a store that answers at once gives as it is, and one behind a network as a promise. */
export type Maybe<Answer> = Answer | Promise<Answer>;

export interface RequestStore {
  /** All or nothing, in one transaction. A record whose id is already there is left as it is. */
  insert(records: readonly RequestRecord[]): Maybe<void>;
  find(id: string): Maybe<RequestRecord | undefined>;
  /** The request that ended last, as far as that is known. */
  last(): Maybe<RequestRecord | undefined>;
  statistics(query: StatisticsQuery): Maybe<StatisticsRow[]>;
  /** Of one key, from the start of the hour that an instant lies in: cheap enough for whoever holds the key to ask for. */
  keyTotals(key: string, since: number): Maybe<KeyTotals>;
  /** Throws GatewayError (400) when the cursor is none of this store. */
  list(query: RequestQuery): Maybe<RequestPage>;
  /** Deletes the first ones that started before an instant, a few hundred at most; how many those were. Statistics stay. */
  deleteBefore(instant: number): Maybe<number>;
  /**
   * Deletes the first totals of hours and days that ended before an instant, a few hundred at most; how many those were. The
   * totals of requests that are still there stay.
   */
  deleteTotalsBefore(instant: number): Maybe<number>;
  size(): Maybe<RequestsSize>;
  /** The instant before which requests must go for the rest to take no more than about `maxBytes`; `undefined` = none. */
  boundaryOf(maxBytes: number): Maybe<number | undefined>;
}

/**
 * Where requests, documents and the audit log are kept. Engine differences are capabilities of the object, never a test of
 * its name. A server that is down makes calls reject with a GatewayError that is `retryable`.
 */
export interface Store {
  readonly requests: RequestStore;
  readonly documents: DocumentStore;
  readonly audit: AuditLog;
  /** Where answers of /v1/responses are kept, in the same database; it is closed by itself, before the store. */
  responses(options: ResponseStoreOptions): ResponseStore;
  /**
   * Whether the database can be used now; waits for it so many milliseconds at most, and goes on trying with every use.
   * Rejects with a GatewayError for what time does not mend: another program's tables, a newer release's schema.
   */
  ready(waitMs: number): Promise<boolean>;
  /** As far as the last use tells: a server could be used, records could be written to a file. */
  isUp(): boolean;
  close(): Maybe<void>;
}
