import { openStore } from "../../../src/storage/engines.ts";
import type { Store } from "../../../src/storage/store.ts";
import type { RequestRecord } from "../../../src/telemetry/request-record.ts";
import { makeRecord } from "../../support/make-record.ts";
import type { DatabaseServer } from "../../support/database-servers.ts";

/** An engine that the suite tries. */
export interface TriedEngine {
  readonly name: string;
  /** A `storage.url` of a new empty database. */
  createDatabase(): Promise<string>;
  /** Asks the database past the store. */
  query(url: string, sql: string): Promise<Record<string, unknown>[]>;
  /** Where there is one. */
  readonly server: DatabaseServer | undefined;
}

export interface OpenedStore extends AsyncDisposable {
  readonly url: string;
  readonly store: Store;
  readonly warnings: string[];
}

/** The store of a database, open until the end of the block. */
export async function openAt(
  url: string,
  options: { timeoutMs?: number; now?: () => number } = {},
): Promise<OpenedStore> {
  const warnings: string[] = [];
  const store = openStore({ url, onWarning: (message) => void warnings.push(message), ...options });
  return { url, store, warnings, [Symbol.asyncDispose]: async () => store.close() };
}

export async function openNew(engine: TriedEngine): Promise<OpenedStore> {
  return openAt(await engine.createDatabase());
}

export function makeRecords(
  count: number,
  changes: (index: number) => Partial<RequestRecord> = () => ({}),
): RequestRecord[] {
  return Array.from({ length: count }, (_, index) => makeRecord(changes(index)));
}

export async function insertInBatches(store: Store, records: readonly RequestRecord[]): Promise<void> {
  for (let at = 0; at < records.length; at += 250) await store.requests.insert(records.slice(at, at + 250));
}

/** How many requests the totals say there are, and how many there are. */
export async function countsOf(
  engine: TriedEngine,
  url: string,
): Promise<{ rows: number; ids: number; totals: number }> {
  const [requests = {}] = await engine.query(url, "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM requests");
  const [totals = {}] = await engine.query(
    url,
    "SELECT sum(requests) AS n FROM usage_totals WHERE id >= 'hour/' AND id < 'hour0'",
  );
  return { rows: Number(requests["n"]), ids: Number(requests["ids"]), totals: Number(totals["n"] ?? 0) };
}
