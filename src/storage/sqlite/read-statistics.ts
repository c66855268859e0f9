import { Database } from "bun:sqlite";
import type { StatisticsQuery, StatisticsRow } from "../store.ts";
import { requireCurrentSchema } from "./migrations.ts";
import { readStatistics } from "./statistics.ts";

/** Statistics of a file that a running gateway may be writing: it is never created, changed or put aside. */
export function readSqliteStatistics(path: string, queries: readonly StatisticsQuery[]): StatisticsRow[][] {
  // A read-only connection could not clear away the -wal and -shm files that opening makes.
  const database = new Database(path, { readwrite: true, create: false });
  try {
    database.run("PRAGMA query_only = ON");
    database.run("PRAGMA busy_timeout = 5000");
    requireCurrentSchema(database, path);
    return queries.map((query) => readStatistics(database, query));
  } finally {
    database.close();
  }
}
