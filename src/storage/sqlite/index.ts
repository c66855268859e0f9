import type { RequestRecord } from "../../telemetry/request-record.ts";
import { errorCode } from "../../lib/error-code.ts";
import { hadKeysSteps } from "../sql/loss.ts";
import type { Store } from "../store.ts";
import { type Connection, inodeOf, openConnection } from "./connection.ts";
import { sqliteDocuments } from "./documents.ts";
import { openFailure } from "./open-failure.ts";
import { isDamage, wasOurs } from "./quarantine.ts";
import { sqliteRequests } from "./requests.ts";
import { openSqliteResponseStore } from "./responses.ts";
import { openAfterGone, replaceDamaged, type StartAnewOptions } from "./start-anew.ts";
import { watchedForKeys } from "./watch-keys.ts";

export interface SqliteStoreOptions {
  path: string;
  /** Something was wrong and has been dealt with; the owner should know. */
  onWarning: (message: string) => void;
  now?: () => number;
}

/** What is wrong with the record, and not with the file. */
const refusedCode = /^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG)/;

function isRefused(error: unknown): boolean {
  return refusedCode.test(errorCode(error));
}

function openOrReplace(options: StartAnewOptions): Connection {
  const { path } = options;
  try {
    return openConnection(options);
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  const inode = inodeOf(path);
  try {
    // Another worker may have met the same damage and put a new file in place by now.
    return openConnection(options);
  } catch (error) {
    if (!isDamage(error)) throw error;
    replaceDamaged(options, { inode, what: "is damaged or no SQLite database" });
    return openConnection(options);
  }
}

/** A wrong path is a mistake of the configuration: nothing that is not ours is moved, and the owner hears of it at once. */
function openAtStart(options: StartAnewOptions): Connection {
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

/** Whether a file that was taken away knows of keys; where it cannot be asked, it may. */
function mayKnowKeys(connection: Connection): boolean {
  try {
    return connection.read(hadKeysSteps());
  } catch {
    return true;
  }
}

/**
 * Requests in one SQLite file (WAL). Calls are synchronous and short; a damaged file is put aside and replaced by one that
 * tells of the loss.
 * Throws a GatewayError with a message for people when the file cannot be had.
 */
export function openSqliteStore({ now = Date.now, ...rest }: SqliteStoreOptions): Store {
  const options: StartAnewOptions = { ...rest, now };
  const { path } = options;
  let connection: Connection | undefined = openAtStart(options);
  /** The file was taken away while it was in use, and none is open in its place yet. */
  let gone: { readonly hadKeys: boolean } | undefined;
  /** Whether it knows of keys; `undefined` = nobody has looked yet. */
  let hasKeys: boolean | undefined;
  let isWritten = true;

  function letGo(): void {
    try {
      connection?.close();
    } catch {
      // Nothing can be saved from a file that is damaged or gone.
    }
    connection = undefined;
  }

  function open(): Connection {
    const openHere = () => openOrReplace(options);
    return gone === undefined ? openHere() : openAfterGone({ ...options, ...gone, open: openHere });
  }

  function current(): Connection {
    if (connection !== undefined && !connection.isInPlace()) {
      gone = { hadKeys: hasKeys ?? mayKnowKeys(connection) };
      letGo();
    }
    connection ??= open();
    gone = undefined;
    return connection;
  }

  /** Lets go of a file that is damaged; whether nobody has put another one in its place. */
  function leaveDamaged(error: unknown): boolean {
    if (!isDamage(error)) throw error;
    const isHere = connection?.isInPlace() !== false;
    letGo();
    return isHere;
  }

  /** Does it with a sound file: one that turns out to be damaged is put aside. */
  function use<Answer>(action: (connection: Connection) => Answer): Answer {
    try {
      return action(current());
    } catch (error) {
      leaveDamaged(error);
    }
    const inode = inodeOf(path);
    try {
      return action(current());
    } catch (error) {
      // The header is sound, so opening alone did not show the damage.
      if (leaveDamaged(error)) replaceDamaged(options, { inode, what: "is damaged" });
      return action(current());
    }
  }

  function insert(records: readonly RequestRecord[]): void {
    isWritten = false;
    try {
      use((file) => file.insert(records));
      isWritten = true;
    } catch (error) {
      isWritten = isRefused(error);
      throw error;
    }
  }

  const { documents, audit } = sqliteDocuments({ use, now });

  return {
    requests: sqliteRequests({ use, insert, now }),
    documents: watchedForKeys(documents, (areKeys) => (hasKeys = areKeys || hasKeys === true)),
    audit,
    responses: (responses) => openSqliteResponseStore({ ...responses, path }),
    ready: () => Promise.resolve(true),
    isUp: () => isWritten,
    close: letGo,
  };
}
