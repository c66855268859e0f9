import type { Database } from "bun:sqlite";
import { recordOf } from "../request-row.ts";
import type { SqlRow } from "../sql/steps.ts";
import { tables } from "../tables.ts";
import { createUsageLedger } from "../usage/ledger.ts";
import { sqliteDialect } from "./dialect.ts";

/**
 * - `usage_totals`: see `usage/views.ts`; the ids stand in the order of the questions that read them.
 * - `documents`: `path` is `kind/id`; one without a value was removed.
 * - `counters`: the version that the last change of a document got.
 */
export const createUsage = `CREATE TABLE usage_totals (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    key_id TEXT,
    model TEXT,
    provider TEXT,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    tokens_input INTEGER NOT NULL,
    tokens_cache_read INTEGER NOT NULL,
    tokens_cache_write INTEGER NOT NULL,
    tokens_output INTEGER NOT NULL,
    tokens_reasoning INTEGER NOT NULL,
    cost_usd REAL,
    bytes INTEGER NOT NULL,
    latencies TEXT NOT NULL,
    ttfts TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE documents (
    path TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    value TEXT
  );
  CREATE UNIQUE INDEX documents_version ON documents (version);
  CREATE TABLE audit_log (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before_value TEXT,
    after_value TEXT,
    detail TEXT
  );
  CREATE INDEX audit_log_time ON audit_log (at, id);
  CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL);
  INSERT INTO counters (name, value) VALUES ('documents', 0);`;

/** Rows that are counted before the totals are written again. */
const batchRows = 5000;

/** So many requests take seconds. */
export const many = 200_000;

export function requestsIn(database: Database): number {
  return database.query<{ requests: number }, []>("SELECT count(*) AS requests FROM requests").get()?.requests ?? 0;
}

/** Counts the requests that were there before the totals were; in the transaction that makes the tables. */
export function countStoredRequests(database: Database, onWarning: (message: string) => void): void {
  const there = requestsIn(database);
  if (there > many)
    onWarning(`Counting ${there} requests of the database once; this takes about a minute for 5 million`);
  const ledger = createUsageLedger();
  let rows: SqlRow[] = [];

  function write(): void {
    const totals = ledger.count(rows.map((row) => recordOf(row)));
    for (const { sql, values } of sqliteDialect.put(tables.usage, totals)) database.query(sql).run(...values);
    rows = [];
  }

  // In the order of time few totals are worked on together.
  for (const row of database.query<SqlRow, []>("SELECT * FROM requests ORDER BY started_at").iterate()) {
    rows.push(row);
    if (rows.length === batchRows) write();
  }
  write();
}
