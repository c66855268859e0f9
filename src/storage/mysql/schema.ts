import { ServerFailure } from "../server/failure.ts";
import { migrationMs, type Schema } from "../server/migrate.ts";
import { numberIn } from "../sql/steps.ts";

/** Texts compare by their bytes, and hold every character. */
const options = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

const first: readonly string[] = [
  `CREATE TABLE requests (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    operation VARCHAR(255) NOT NULL,
    protocol VARCHAR(255) NOT NULL,
    task VARCHAR(255),
    key_id VARCHAR(255) NOT NULL,
    client_address VARCHAR(255),
    user_agent MEDIUMTEXT,
    model_asked VARCHAR(255) NOT NULL,
    model_served VARCHAR(255),
    provider VARCHAR(255),
    stream SMALLINT NOT NULL,
    status INTEGER NOT NULL,
    end_reason VARCHAR(255) NOT NULL,
    error_code VARCHAR(255),
    error_message MEDIUMTEXT,
    attempts INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    tokens_input BIGINT,
    tokens_cache_read BIGINT,
    tokens_cache_write BIGINT,
    tokens_output BIGINT,
    tokens_reasoning BIGINT,
    usage_source VARCHAR(255) NOT NULL,
    cost_usd DOUBLE,
    upstream_id VARCHAR(255),
    finish_reason VARCHAR(255),
    latency_ms DOUBLE,
    ttft_ms DOUBLE,
    overhead_ms DOUBLE,
    dropped MEDIUMTEXT,
    user_text MEDIUMTEXT,
    assistant_text MEDIUMTEXT,
    credential VARCHAR(255),
    lane VARCHAR(255),
    trail MEDIUMTEXT,
    cost_source VARCHAR(255),
    price MEDIUMTEXT
  ) ${options}`,
  "CREATE INDEX requests_time ON requests (started_at, id)",
  `CREATE TABLE usage_totals (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    key_id VARCHAR(255),
    model VARCHAR(255),
    provider VARCHAR(255),
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    tokens_input BIGINT NOT NULL,
    tokens_cache_read BIGINT NOT NULL,
    tokens_cache_write BIGINT NOT NULL,
    tokens_output BIGINT NOT NULL,
    tokens_reasoning BIGINT NOT NULL,
    cost_usd DOUBLE,
    bytes BIGINT NOT NULL,
    latencies MEDIUMTEXT NOT NULL,
    ttfts MEDIUMTEXT NOT NULL
  ) ${options}`,
  `CREATE TABLE documents (
    path VARCHAR(255) NOT NULL PRIMARY KEY,
    kind VARCHAR(255) NOT NULL,
    id VARCHAR(255) NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    value MEDIUMTEXT
  ) ${options}`,
  "CREATE UNIQUE INDEX documents_version ON documents (version)",
  `CREATE TABLE audit_log (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor VARCHAR(255) NOT NULL,
    action VARCHAR(255) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    before_value MEDIUMTEXT,
    after_value MEDIUMTEXT,
    detail MEDIUMTEXT
  ) ${options}`,
  "CREATE INDEX audit_log_time ON audit_log (at, id)",
  `CREATE TABLE responses (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    previous_id VARCHAR(255),
    key_id VARCHAR(255) NOT NULL,
    created_at BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    input MEDIUMTEXT NOT NULL,
    output MEDIUMTEXT NOT NULL,
    response MEDIUMTEXT NOT NULL
  ) ${options}`,
  "CREATE INDEX responses_age ON responses (created_at, bytes)",
  `CREATE TABLE counters (name VARCHAR(40) NOT NULL PRIMARY KEY, value BIGINT NOT NULL) ${options}`,
  "INSERT INTO counters (name, value) VALUES ('documents', 0)",
];

const second: readonly string[] = ["CREATE INDEX audit_log_subject ON audit_log (subject, at, id)"];

/** A name for this database alone: locks belong to the whole server. */
const lockName = "CONCAT('orcestator.', LEFT(SHA1(DATABASE()), 40))";

/** There is a table, a column, a key, a row of this name already. */
const doneCodes = new Set([1050, 1060, 1061, 1062]);

export const mysqlSchema: Schema = {
  steps: [first, second],
  tablesSql: `SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name`,
  // Every statement that changes the schema is a transaction of its own: one that was cut off goes on where it was.
  exclusively: (pool, work) =>
    pool.hold(async (run) => {
      const seconds = Math.floor(migrationMs / 1000);
      const { rows } = await run({ sql: `SELECT GET_LOCK(${lockName}, ${seconds}) AS granted`, values: [] });
      if (numberIn(rows[0], "granted") !== 1)
        throw new ServerFailure("Another process is changing the database's schema.", { retryable: true });
      try {
        return await work(run);
      } finally {
        await run({ sql: `SELECT RELEASE_LOCK(${lockName})`, values: [] }).catch(() => undefined);
      }
    }, migrationMs),
  snapshotSql: "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
  serverSql: `SELECT CONCAT('MySQL ', VERSION()) AS name, COALESCE(SUM(data_length + index_length), 0) AS bytes
    FROM information_schema.tables WHERE table_schema = DATABASE()`,
  isDone: (error) => error instanceof Error && "errno" in error && doneCodes.has(Number(error.errno)),
};
