import { constants, Database } from "bun:sqlite";
import { accessSync, constants as access, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import { type Names, namesSteps } from "../sql/names.ts";
import { type ReportedCostRow, reportedCostsSteps } from "../sql/reported-costs.ts";
import { findSteps } from "../sql/requests.ts";
import { statisticsSteps } from "../sql/statistics.ts";
import type { StatisticsQuery, StatisticsRow } from "../store.ts";
import { requireCurrentSchema } from "./migrations.ts";
import { readLastRequest } from "./read-request.ts";
import { readAtOnce } from "./run-steps.ts";

function isWritable(path: string): boolean {
  try {
    accessSync(path, access.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether records wait in the write-ahead log beside the file, as they do while a gateway runs. */
function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function openForReading(path: string): Database {
  // A read-only connection could not clear away the -wal and -shm files that opening makes.
  if (isWritable(path) && isWritable(dirname(path))) return new Database(path, { readwrite: true, create: false });
  if (hasLog(path)) return new Database(path, { readonly: true });
  // Without a log the file is whole; opened in any other way it would need -wal and -shm files beside it.
  const url = `${pathToFileURL(resolve(path)).href}?immutable=1`;
  return new Database(url, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
}

/** Reads a file that a running gateway may be writing: it is never created, changed or put aside. */
export function readAnyFile<Answer>(path: string, read: (database: Database) => Answer): Answer {
  const database = openForReading(path);
  try {
    database.run("PRAGMA query_only = ON");
    database.run("PRAGMA busy_timeout = 5000");
    return read(database);
  } finally {
    database.close();
  }
}

/** The same of a file with this release's schema. */
function readFile<Answer>(path: string, read: (database: Database) => Answer): Answer {
  return readAnyFile(path, (database) => {
    requireCurrentSchema(database, path);
    return read(database);
  });
}

export function readSqliteStatistics(path: string, queries: readonly StatisticsQuery[]): StatisticsRow[][] {
  return readFile(path, (database) => queries.map((query) => readAtOnce(database, statisticsSteps(query, Date.now()))));
}

export function readSqliteNames(path: string, kind: string, ids: readonly string[]): Names {
  return readFile(path, (database) => readAtOnce(database, namesSteps(kind, ids)));
}

export function readSqliteReportedCosts(path: string, since: number): ReportedCostRow[] {
  return readFile(path, (database) => readAtOnce(database, reportedCostsSteps(since)));
}

/** The request of an id, or the one that ended last. */
export function readSqliteRequest(path: string, which: { id: string } | "last"): RequestRecord | undefined {
  return readFile(path, (database) =>
    which === "last" ? readLastRequest(database) : readAtOnce(database, findSteps(which.id)),
  );
}
