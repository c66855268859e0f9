import type { RequestRecord } from "../../telemetry/request-record.ts";
import type { Store } from "../store.ts";
import { type Connection, openConnection } from "./connection.ts";
import { openFailure } from "./open-failure.ts";
import { sqliteDocuments } from "./documents.ts";
import { isDamage, quarantine, wasOurs } from "./quarantine.ts";
import { sqliteRequests } from "./requests.ts";
import { openSqliteResponseStore } from "./responses.ts";

export interface SqliteStoreOptions {
  path: string;
  /** Something was wrong and has been dealt with; the owner should know. */
  onWarning: (message: string) => void;
  now?: () => number;
}

/** What is wrong with the record, and not with the file. */
const refusedCode = /^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG)/;

function isRefused(error: unknown): boolean {
  return error instanceof Error && "code" in error && refusedCode.test(String(error.code));
}

function openOrReplace(options: SqliteStoreOptions): Connection {
  const { path, onWarning } = options;
  try {
    return openConnection(options);
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  try {
    // Another worker may have met the same damage and put a new file in place by now.
    return openConnection(options);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const moved = quarantine(path);
    onWarning(`${path} is damaged or no SQLite database: moved to ${moved}, a new one was started`);
    return openConnection(options);
  }
}

/** A wrong path is a mistake of the configuration: nothing that is not ours is moved, and the owner hears of it at once. */
function openAtStart(options: SqliteStoreOptions): Connection {
  const { path } = options;
  try {
    return openConnection(options);
  } catch (error) {
    if (!isDamage(error) || !wasOurs(path)) throw openFailure(path, error);
  }
  try {
    return openOrReplace(options);
  } catch (error) {
    throw openFailure(path, error);
  }
}

/**
 * Requests in one SQLite file (WAL). Calls are synchronous and short; a damaged file is put aside and replaced.
 * Throws a GatewayError with a message for people when the file cannot be had.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const { path, onWarning, now = Date.now } = options;
  let connection: Connection | undefined = openAtStart(options);
  let isWritten = true;

  function letGo(): void {
    try {
      connection?.close();
    } catch {
      // Nothing can be saved from a file that is damaged or gone.
    }
    connection = undefined;
  }

  function current(): Connection {
    if (connection !== undefined && !connection.isInPlace()) {
      letGo();
      onWarning(`${path} was moved or removed while in use: a new one was started`);
    }
    connection ??= openOrReplace(options);
    return connection;
  }

  function insert(records: readonly RequestRecord[]): void {
    try {
      current().insert(records);
      return;
    } catch (error) {
      if (!isDamage(error)) throw error;
      letGo();
    }
    try {
      current().insert(records);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // The header is sound, so opening alone did not show the damage.
      letGo();
      onWarning(`${path} is damaged: moved to ${quarantine(path)}, a new one was started`);
      current().insert(records);
    }
  }

  function watchedInsert(records: readonly RequestRecord[]): void {
    isWritten = false;
    try {
      insert(records);
      isWritten = true;
    } catch (error) {
      isWritten = isRefused(error);
      throw error;
    }
  }

  return {
    requests: sqliteRequests({ current, insert: watchedInsert, now }),
    ...sqliteDocuments({ current, now }),
    responses: (responses) => openSqliteResponseStore({ ...responses, path }),
    ready: () => Promise.resolve(true),
    isUp: () => isWritten,
    close: letGo,
  };
}
