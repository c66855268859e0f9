import type { RequestRecord } from "./request-record.ts";

/**
 * A place where finished records go. The record writer calls `write` with a batch off the hot path and never
 * two batches at once. A sink that throws loses that batch (counted); it must keep working for the next one.
 */
export interface RecordSink {
  readonly name: string;
  /** A batch that it refuses leaves nothing behind: what is wrong with one record costs that one alone. */
  readonly isAllOrNothing?: boolean;
  write(records: readonly RequestRecord[]): void | Promise<void>;
  close(): void | Promise<void>;
}
