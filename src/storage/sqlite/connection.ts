import { Database } from "bun:sqlite";
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import type { StatisticsQuery, StatisticsRow } from "../store.ts";
import { requestColumns } from "./columns.ts";
import { isForeign, migrate, refuseNewerSchema } from "./migrations.ts";
import { ForeignDatabaseError } from "./open-failure.ts";
import { readRequest } from "./read-request.ts";
import { readStatistics } from "./statistics.ts";

/** One open database file with its schema up to date. */
export interface Connection {
  insert(records: readonly RequestRecord[]): void;
  find(id: string): RequestRecord | undefined;
  statistics(query: StatisticsQuery): StatisticsRow[];
  /** False when somebody moved or removed the file: what is written would be lost. */
  isInPlace(): boolean;
  close(): void;
}

/** While waiting for a lock SQLite holds up the whole event loop, so it may wait long only at start. */
const startBusyMs = 5000;
const runBusyMs = 50;

const names = Object.keys(requestColumns);
const values = Object.values(requestColumns);
// Not INSERT OR IGNORE: that would also skip rows that break a NOT NULL in silence.
const insertSql = `INSERT INTO requests (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")}) ON CONFLICT (id) DO NOTHING`;

export function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}

/** SQLite does not wait for the lock of this switch, whatever busy_timeout says: a second process that starts now holds it. */
function switchToWal(database: Database): void {
  const giveUpAt = performance.now() + startBusyMs;
  for (;;) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      Bun.sleepSync(10);
    }
  }
}

function configure(database: Database, path: string): void {
  database.run(`PRAGMA busy_timeout = ${startBusyMs}`);
  // Before anything is changed: journal_mode would already rewrite the header.
  refuseNewerSchema(database, path);
  if (isForeign(database)) throw new ForeignDatabaseError();
  switchToWal(database);
  database.run("PRAGMA synchronous = NORMAL");
  database.run("PRAGMA foreign_keys = ON");
  database.run("PRAGMA journal_size_limit = 67108864");
  migrate(database, path);
  database.run(`PRAGMA busy_timeout = ${runBusyMs}`);
}

/** Opens for writing; makes folder, file and schema where they are missing. */
export function openDatabase(path: string): Database {
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path, { create: true, readwrite: true });
  try {
    configure(database, path);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

export function openConnection(path: string): Connection {
  const database = openDatabase(path);
  const inode = inodeOf(path);
  const statement = database.prepare(insertSql);
  const insertAll = database.transaction((records: readonly RequestRecord[]) => {
    for (const record of records) statement.run(...values.map((valueOf) => valueOf(record)));
  });
  return {
    insert: (records) => insertAll.immediate(records),
    find: (id) => readRequest(database, id),
    statistics: (query) => readStatistics(database, query),
    isInPlace: () => inodeOf(path) === inode,
    close() {
      // Windows keeps the file locked while a statement is alive.
      statement.finalize();
      try {
        database.run("PRAGMA wal_checkpoint(TRUNCATE)");
      } finally {
        database.close();
      }
    },
  };
}
