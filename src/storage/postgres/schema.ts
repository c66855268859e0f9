import { migrationMs, type Schema } from "../server/migrate.ts";

/**
 * Ids and paths compare by their bytes (`COLLATE "C"`), as they do in the ranges that are asked for. JSON is kept as text:
 * it comes back as it was.
 */
const first: readonly string[] = [
  `CREATE TABLE requests (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    operation TEXT NOT NULL,
    protocol TEXT NOT NULL,
    task TEXT,
    key_id TEXT NOT NULL,
    client_address TEXT,
    user_agent TEXT,
    model_asked TEXT NOT NULL,
    model_served TEXT,
    provider TEXT,
    stream SMALLINT NOT NULL,
    status INTEGER NOT NULL,
    end_reason TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    attempts INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    tokens_input BIGINT,
    tokens_cache_read BIGINT,
    tokens_cache_write BIGINT,
    tokens_output BIGINT,
    tokens_reasoning BIGINT,
    usage_source TEXT NOT NULL,
    cost_usd DOUBLE PRECISION,
    upstream_id TEXT,
    finish_reason TEXT,
    latency_ms DOUBLE PRECISION,
    ttft_ms DOUBLE PRECISION,
    overhead_ms DOUBLE PRECISION,
    dropped TEXT,
    user_text TEXT,
    assistant_text TEXT,
    credential TEXT,
    lane TEXT,
    trail TEXT,
    cost_source TEXT,
    price TEXT
  )`,
  "CREATE INDEX requests_time ON requests (started_at, id)",
  `CREATE TABLE usage_totals (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    key_id TEXT,
    model TEXT,
    provider TEXT,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    tokens_input BIGINT NOT NULL,
    tokens_cache_read BIGINT NOT NULL,
    tokens_cache_write BIGINT NOT NULL,
    tokens_output BIGINT NOT NULL,
    tokens_reasoning BIGINT NOT NULL,
    cost_usd DOUBLE PRECISION,
    bytes BIGINT NOT NULL,
    latencies TEXT NOT NULL,
    ttfts TEXT NOT NULL
  )`,
  `CREATE TABLE documents (
    path TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    value TEXT
  )`,
  "CREATE UNIQUE INDEX documents_version ON documents (version)",
  `CREATE TABLE audit_log (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before_value TEXT,
    after_value TEXT,
    detail TEXT
  )`,
  "CREATE INDEX audit_log_time ON audit_log (at, id)",
  `CREATE TABLE responses (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    previous_id TEXT,
    key_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    input TEXT NOT NULL,
    output TEXT NOT NULL,
    response TEXT NOT NULL
  )`,
  "CREATE INDEX responses_age ON responses (created_at, bytes)",
  "CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)",
  "INSERT INTO counters (name, value) VALUES ('documents', 0)",
];

const second: readonly string[] = ["CREATE INDEX audit_log_subject ON audit_log (subject, at, id)"];

/** Any number; nobody else has a reason to take this one. */
const lockSql = "SELECT pg_advisory_xact_lock(8242566151730851)";

export const postgresSchema: Schema = {
  steps: [first, second],
  tablesSql: `SELECT table_name::text AS name FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`,
  // The schema changes in the transaction that holds the lock: all of it or nothing.
  exclusively: (pool, work) =>
    pool.hold(async (run) => {
      await run({ sql: "BEGIN", values: [] });
      try {
        await run({ sql: lockSql, values: [] });
        const answer = await work(run);
        await run({ sql: "COMMIT", values: [] });
        return answer;
      } catch (error) {
        await run({ sql: "ROLLBACK", values: [] }).catch(() => undefined);
        throw error;
      }
    }, migrationMs),
  snapshotSql: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
  serverSql:
    "SELECT 'PostgreSQL ' || current_setting('server_version') AS name, pg_database_size(current_database()) AS bytes",
  isDone: () => false,
};
