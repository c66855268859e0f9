import type { Database } from "bun:sqlite";
import { GatewayError } from "../../errors.ts";
import { ForeignDatabaseError } from "./open-failure.ts";
import { countStoredRequests, createUsage, many, requestsIn } from "./usage-schema.ts";

const dropStatistics = "DROP INDEX IF EXISTS requests_statistics;";

/** In the transaction that drops what it takes the place of. */
function indexByTime(database: Database, onWarning: (message: string) => void): void {
  const there = requestsIn(database);
  if (there > many) onWarning(`Sorting ${there} requests of the database by time once; this takes seconds`);
  database.run("CREATE INDEX IF NOT EXISTS requests_time ON requests (started_at)");
}

/**
 * Version N of the schema is what the first N entries make. An entry that has shipped is never changed, only followed.
 *
 * - `started_at` is epoch milliseconds; durations are milliseconds and may have a fraction.
 * - Money is REAL: upstreams report doubles that are often far below a micro-dollar, and rounding each request to an
 *   integer unit would lose more than summing doubles does (SQLite sums them with compensation).
 * - `requests_time` takes the place of `requests_statistics`, which held all that statistics read: since there are totals they
 *   count at most the requests of an hour one by one, and every record paid for it (docs/decisions/019).
 * - `trail` is JSON of at most 16 KiB (`telemetry/trail.ts`), and empty where there was nothing to decide.
 * - `cost_source` is `upstream`, `computed` or nothing; a cost of the time before that column was always the upstream's.
 * - `price` is what the request was charged by (`telemetry/pack-price.ts`), in US dollars for a million tokens.
 * - `responses_size` is the sum of `responses.bytes`, kept by triggers: several processes write, and each must know when the
 *   whole is too large without adding it up.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE requests (
    id TEXT NOT NULL UNIQUE,
    started_at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    protocol TEXT NOT NULL,
    task TEXT,
    key_id TEXT NOT NULL,
    client_address TEXT,
    user_agent TEXT,
    model_asked TEXT NOT NULL,
    model_served TEXT,
    provider TEXT,
    stream INTEGER NOT NULL,
    status INTEGER NOT NULL,
    end_reason TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    attempts INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    tokens_input INTEGER,
    tokens_cache_read INTEGER,
    tokens_cache_write INTEGER,
    tokens_output INTEGER,
    tokens_reasoning INTEGER,
    usage_source TEXT NOT NULL,
    cost_usd REAL,
    upstream_id TEXT,
    finish_reason TEXT,
    latency_ms REAL,
    ttft_ms REAL,
    overhead_ms REAL,
    user_text TEXT,
    assistant_text TEXT
  );
  CREATE INDEX requests_statistics ON requests (
    started_at, model_served, model_asked, key_id, provider, end_reason, latency_ms, ttft_ms, cost_usd,
    tokens_input, tokens_cache_read, tokens_cache_write, tokens_output, tokens_reasoning
  );`,
  `CREATE TABLE responses (
    id TEXT NOT NULL UNIQUE,
    previous_id TEXT,
    key_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    input TEXT NOT NULL,
    output TEXT NOT NULL,
    response TEXT NOT NULL
  );
  CREATE INDEX responses_age ON responses (created_at, bytes);
  CREATE TABLE responses_size (bytes INTEGER NOT NULL);
  INSERT INTO responses_size (bytes) VALUES (0);
  CREATE TRIGGER responses_added AFTER INSERT ON responses BEGIN
    UPDATE responses_size SET bytes = bytes + new.bytes;
  END;
  CREATE TRIGGER responses_removed AFTER DELETE ON responses BEGIN
    UPDATE responses_size SET bytes = bytes - old.bytes;
  END;`,
  `ALTER TABLE requests ADD COLUMN dropped TEXT;`,
  `ALTER TABLE requests ADD COLUMN credential TEXT;
  ALTER TABLE requests ADD COLUMN lane TEXT;
  ALTER TABLE requests ADD COLUMN trail TEXT;`,
  `ALTER TABLE requests ADD COLUMN cost_source TEXT;
  ALTER TABLE requests ADD COLUMN price TEXT;`,
  createUsage,
  "CREATE INDEX audit_log_subject ON audit_log (subject, at, id);",
  dropStatistics,
];

/** What a step needs besides its statements, in their transaction. */
const afterStep: ReadonlyMap<string, (database: Database, onWarning: (message: string) => void) => void> = new Map([
  [createUsage, countStoredRequests],
  [dropStatistics, indexByTime],
]);

export function schemaVersionOf(database: Database): number {
  const row = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
  return row?.user_version ?? 0;
}

/** Throws when the database was written by a later release: guessing what its columns mean could destroy it. */
function refuseNewerSchema(database: Database, path: string): void {
  const version = schemaVersionOf(database);
  if (version <= migrations.length) return;
  throw new GatewayError({
    code: "internal_error",
    status: 500,
    message:
      `The database ${path} has schema version ${version}, this release knows up to ${migrations.length}. ` +
      `Run the newer release that wrote it, or name another file in storage.url (OR_DB_PATH).`,
  });
}

/** Whether somebody else's tables are in it: adding ours would damage two programs' data at once. */
function isForeign(database: Database): boolean {
  const tables = database.query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  return tables.length > 0 && tables.every(({ name }) => name !== "requests");
}

/** Throws when it is a newer release's, or another program's. */
export function checkOwnership(database: Database, path: string): void {
  refuseNewerSchema(database, path);
  if (isForeign(database)) throw new ForeignDatabaseError();
}

/** Throws when the database is not (or not yet) one of this release; for readers, who must not migrate it. */
export function requireCurrentSchema(database: Database, path: string): void {
  refuseNewerSchema(database, path);
  const version = schemaVersionOf(database);
  if (version === migrations.length) return;
  throw new GatewayError({
    code: "internal_error",
    status: 500,
    message:
      `The database ${path} has schema version ${version}, this release reads ${migrations.length}. ` +
      "`orcestator serve` brings it up to date when it starts.",
  });
}

/** Brings the schema up to date, one transaction a step; safe when several processes start at once. */
export function migrate(
  database: Database,
  { path, onWarning }: { path: string; onWarning: (message: string) => void },
): void {
  for (const [index, statements] of migrations.entries()) {
    const step = database.transaction(() => {
      if (schemaVersionOf(database) !== index) return;
      database.run(statements);
      afterStep.get(statements)?.(database, onWarning);
      database.run(`PRAGMA user_version = ${index + 1}`);
    });
    step.immediate();
  }
  refuseNewerSchema(database, path);
}
