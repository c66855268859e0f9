import { GatewayError } from "../errors.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { databaseOf } from "./engines.ts";
import { accessServer, inspectServer } from "./server/access.ts";
import type { Server } from "./server/store.ts";
import { checkSchema, migrateServer, schemaStateSteps } from "./server/migrate.ts";
import type { Pool } from "./server/pool.ts";
import { type Names, namesSteps } from "./sql/names.ts";
import { type ReportedCostRow, reportedCostsSteps } from "./sql/reported-costs.ts";
import { findSteps, lastSteps } from "./sql/requests.ts";
import { statisticsSteps } from "./sql/statistics.ts";
import { accessSqlite, inspectSqlite, migrateSqlite } from "./sqlite/access.ts";
import {
  readSqliteNames,
  readSqliteReportedCosts,
  readSqliteRequest,
  readSqliteStatistics,
} from "./sqlite/read-file.ts";
import type { StatisticsQuery, StatisticsRow } from "./store.ts";
import type { DatabaseReport, TableAccess } from "./table-access.ts";

/** A person waits for the answer, and rather some seconds than in vain. */
const patientMs = 30_000;

async function onServer<Answer>(server: Server, work: (server: Server) => Promise<Answer>): Promise<Answer> {
  try {
    return await work(server);
  } finally {
    await Promise.all([server.reads.close(), server.writes.close()]);
  }
}

/**
 * What is in the database that a URL names, which is not changed; `undefined` where there is no file. Throws GatewayError
 * when it cannot be reached, or is not ours.
 */
export async function inspectDatabase(url: string): Promise<DatabaseReport | undefined> {
  const database = databaseOf(url);
  return "path" in database ? inspectSqlite(database.path) : onServer(database.server, inspectServer);
}

async function readServer<Answer>({ reads, schema, address }: Server, read: () => Promise<Answer>): Promise<Answer> {
  const state = await reads.read(() => schemaStateSteps(schema));
  checkSchema(state, { steps: schema.steps, address });
  if (state.version === schema.steps.length) return read();
  const has = state.version === 0 ? "no schema yet" : `schema version ${state.version}`;
  const message = `The database ${address} has ${has}, this release reads ${schema.steps.length}. \`orcestator serve\` brings it up to date when it starts.`;
  throw new GatewayError({ code: "internal_error", status: 500, message });
}

/** Statistics, without changing anything. Throws GatewayError, or of a file what SQLite says, when it cannot be read. */
export async function readStatistics(url: string, queries: readonly StatisticsQuery[]): Promise<StatisticsRow[][]> {
  const database = databaseOf(url);
  if ("path" in database) return readSqliteStatistics(database.path, queries);
  const read = (reads: Pool) =>
    Promise.all(queries.map((query) => reads.read(() => statisticsSteps(query, Date.now()), patientMs)));
  return onServer(database.server, (server) => readServer(server, () => read(server.reads)));
}

/** What documents of these ids are called, or were when they were deleted. Throws as `readStatistics` does. */
export async function readNames(url: string, kind: string, ids: readonly string[]): Promise<Names> {
  const database = databaseOf(url);
  if ("path" in database) return readSqliteNames(database.path, kind, ids);
  return onServer(database.server, (server) =>
    readServer(server, () => server.reads.read(() => namesSteps(kind, ids), patientMs)),
  );
}

/** What upstreams reported since then, without changing anything. Throws as `readStatistics` does. */
export async function readReportedCosts(url: string, since: number): Promise<ReportedCostRow[]> {
  const database = databaseOf(url);
  if ("path" in database) return readSqliteReportedCosts(database.path, since);
  return onServer(database.server, (server) =>
    readServer(server, () => server.reads.read(() => reportedCostsSteps(since), patientMs)),
  );
}

/** The request of an id, or the one that ended last, without changing anything. Throws as `readStatistics` does. */
export async function readStoredRequest(
  url: string,
  which: { id: string } | "last",
): Promise<RequestRecord | undefined> {
  const database = databaseOf(url);
  if ("path" in database) return readSqliteRequest(database.path, which);
  const steps = which === "last" ? lastSteps : () => findSteps(which.id);
  return onServer(database.server, (server) => readServer(server, () => server.reads.read(steps)));
}

/** Brings its schema up to date; throws GatewayError when that cannot be done. */
export async function migrateDatabase(url: string): Promise<void> {
  const database = databaseOf(url);
  if ("path" in database) {
    migrateSqlite(database.path);
    return;
  }
  await onServer(database.server, ({ writes, schema, address }) => migrateServer(writes, { schema, address }));
}

/** Its tables, for who looks after it. */
export function accessDatabase(url: string): TableAccess {
  const database = databaseOf(url);
  return "path" in database ? accessSqlite(database.path) : accessServer(database.server);
}
