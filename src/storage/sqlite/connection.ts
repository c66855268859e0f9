import { Database } from "bun:sqlite";
import { errorCode } from "../../lib/error-code.ts";
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import type { Steps } from "../sql/steps.ts";
import { createSqliteInsert } from "./insert.ts";
import { checkOwnership, migrate } from "./migrations.ts";
import { readLastRequest } from "./read-request.ts";
import { readAtOnce, writeAtOnce } from "./run-steps.ts";

/** One open database file with its schema up to date. */
export interface Connection {
  /** Adds the records that are not there yet, and counts those in the totals. */
  insert(records: readonly RequestRecord[]): void;
  last(): RequestRecord | undefined;
  read<Answer>(steps: Steps<Answer>): Answer;
  write<Answer>(steps: Steps<Answer>): Answer;
  /** False when somebody moved or removed the file: what is written would be lost. */
  isInPlace(): boolean;
  close(): void;
}

/** Does something with whichever connection is open; again with another one, where its file turns out to be damaged. */
export type Use = <Answer>(action: (connection: Connection) => Answer) => Answer;

/** While waiting for a lock SQLite holds up the whole event loop, so it may wait long only at start. */
const startBusyMs = 5000;
const runBusyMs = 50;

/** `undefined` = there is no such file, nor perhaps its folder. */
export function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
  } catch (error) {
    if (errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

export function isBusy(error: unknown): boolean {
  return errorCode(error).startsWith("SQLITE_BUSY");
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

/** Pages that wait in the WAL, 16 MB: copied less often than after the usual 4 MB, a record costs a sixth less to write. */
const checkpointPages = 4000;

function configure(database: Database, { path, onWarning = () => undefined }: OpenOptions): void {
  database.run(`PRAGMA busy_timeout = ${startBusyMs}`);
  // Before anything is changed: journal_mode would already rewrite the header.
  checkOwnership(database, path);
  switchToWal(database);
  database.run("PRAGMA synchronous = NORMAL");
  database.run("PRAGMA foreign_keys = ON");
  database.run(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  database.run("PRAGMA journal_size_limit = 67108864");
  migrate(database, { path, onWarning });
  database.run(`PRAGMA busy_timeout = ${runBusyMs}`);
}

export interface OpenOptions {
  path: string;
  /** What takes long should be known to the owner. */
  onWarning?: (message: string) => void;
}

/** Keys and conversations are in it. SQLite would let everybody read a file that it makes; those beside it get its mode. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (!isThere(error)) throw error;
  }
}

function isThere(error: unknown): boolean {
  return errorCode(error) === "EEXIST";
}

/** Opens for writing; makes folder, file and schema where they are missing. */
export function openDatabase(options: OpenOptions): Database {
  const { path } = options;
  mkdirSync(dirname(path), { recursive: true });
  makePrivate(path);
  const database = new Database(path, { create: true, readwrite: true });
  try {
    configure(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

export function openConnection(options: OpenOptions): Connection {
  const { path } = options;
  const database = openDatabase(options);
  const inode = inodeOf(path);
  const inserting = createSqliteInsert(database);
  return {
    insert: (records) => inserting.insert(records),
    last: () => readLastRequest(database),
    read: (steps) => readAtOnce(database, steps),
    write: (steps) => writeAtOnce(database, steps),
    isInPlace: () => inodeOf(path) === inode,
    close() {
      // Windows keeps the file locked while a statement is alive.
      inserting.finalize();
      try {
        database.run("PRAGMA wal_checkpoint(TRUNCATE)");
      } finally {
        database.close();
      }
    },
  };
}
