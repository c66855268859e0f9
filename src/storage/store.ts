import type { RequestRecord } from "../telemetry/request-record.ts";

export const groupings = ["model", "day", "hour", "key", "provider"] as const;
export type Grouping = (typeof groupings)[number];

export interface StatisticsQuery {
  /** Epoch milliseconds; requests started at or after it. */
  since: number;
  by: Grouping | undefined;
}

/** One row of `stats`. Counts over the requests of a group; `undefined` = nothing known, never 0 for unknown. */
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

/** Where requests are kept. Engine differences are capabilities of the object, never a test of its name. */
export interface Store {
  readonly requests: {
    /** All or nothing, in one transaction. A record whose id is already there is left as it is. */
    insert(records: readonly RequestRecord[]): void | Promise<void>;
    find(id: string): RequestRecord | undefined | Promise<RequestRecord | undefined>;
    statistics(query: StatisticsQuery): StatisticsRow[] | Promise<StatisticsRow[]>;
  };
  close(): void | Promise<void>;
}
