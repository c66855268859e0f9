import type { Database } from "bun:sqlite";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import { recordOf } from "../request-row.ts";
import type { SqlRow } from "../sql/steps.ts";

/** Rows are written as requests end. */
const lastSql = "SELECT * FROM requests ORDER BY rowid DESC LIMIT 1";

/** The request that ended last. */
export function readLastRequest(database: Database): RequestRecord | undefined {
  const row = database.query<SqlRow, []>(lastSql).get();
  return row === null ? undefined : recordOf(row);
}
