import type { Database } from "bun:sqlite";
import { GatewayError } from "../../errors.ts";
import { errorText } from "../../lib/error-text.ts";
import {
  bytesOf,
  keptResponse,
  textsOf,
  type KeptResponse,
  type ResponseEntry,
  type NearResponseStore,
  type ResponseStoreOptions,
  type ResponseTexts,
} from "../responses/response-store.ts";
import { inodeOf, isBusy, openDatabase } from "./connection.ts";

export interface SqliteResponseStoreOptions extends ResponseStoreOptions {
  path: string;
}

/** Unless `maxBytes` says something else. */
const defaultBytes = 1024 * 1024 * 1024;
const defaultTtlMs = 30 * 24 * 60 * 60 * 1000;

/** Deleting holds up the event loop: what is left over waits for the next call. */
const chunkRows = 50;
const mostChunks = 10;

interface Row extends ResponseTexts {
  id: string;
  previous_id: string | null;
  key_id: string;
  created_at: number;
  bytes: number;
}

interface OldRow {
  id: number;
  created_at: number;
  bytes: number;
}

type Insert = [string, string | null, string, number, number, string, string, string];

const insertSql = `INSERT INTO responses (id, previous_id, key_id, created_at, bytes, input, output, response)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`;
const findSql = "SELECT * FROM responses WHERE id = ? AND created_at >= ?";
const oldestSql = `SELECT rowid AS id, created_at, bytes FROM responses ORDER BY created_at LIMIT ${chunkRows}`;

function rowOf({ id, previousId, keyId, createdAt }: ResponseEntry, texts: ResponseTexts): Insert {
  const { input, output, response } = texts;
  return [id, previousId ?? null, keyId, createdAt, bytesOf(texts), input, output, response];
}

function entryOf(row: Row): KeptResponse {
  const { id, previous_id: previousId, key_id: keyId, created_at: createdAt, bytes } = row;
  return keptResponse({ id, previousId: previousId ?? undefined, keyId, createdAt, bytes }, row);
}

/** What an open database does for the store. */
function openResponses(path: string) {
  const database: Database = openDatabase({ path });
  const inode = inodeOf(path);
  const insert = database.prepare<undefined, Insert>(insertSql);
  const find = database.prepare<Row, [string, number]>(findSql);
  const remove = database.prepare<undefined, [string]>("DELETE FROM responses WHERE id = ?");
  const removeRow = database.prepare<undefined, [number]>("DELETE FROM responses WHERE rowid = ?");
  const oldest = database.prepare<OldRow, []>(oldestSql);
  const size = database.prepare<{ bytes: number }, []>("SELECT bytes FROM responses_size");
  const first = database.prepare<{ created_at: number | null }, []>(
    "SELECT min(created_at) AS created_at FROM responses",
  );

  /** Removes the oldest that are too old or too much; whether there may be more of them. */
  const removeChunk = database.transaction((before: number, maxBytes: number) => {
    let excess = (size.get()?.bytes ?? 0) - maxBytes;
    const rows = oldest.all();
    for (const { id, created_at: createdAt, bytes } of rows) {
      if (createdAt >= before && excess <= 0) return false;
      removeRow.run(id);
      excess -= bytes;
    }
    return rows.length === chunkRows;
  });

  return {
    find: (id: string, since: number) => find.get(id, since) ?? undefined,
    save: (row: Insert) => void insert.run(...row),
    remove: (id: string) => void remove.run(id),
    trim(before: number, maxBytes: number): void {
      const isSmall = (size.get()?.bytes ?? 0) <= maxBytes;
      if (isSmall && (first.get()?.created_at ?? before) >= before) return;
      for (let chunk = 0; chunk < mostChunks; chunk += 1) {
        if (!removeChunk.immediate(before, maxBytes)) return;
      }
    },
    isInPlace: () => inodeOf(path) === inode,
    close() {
      // Windows keeps the file locked while a statement is alive.
      for (const statement of [insert, find, remove, removeRow, oldest, size, first]) statement.finalize();
      database.close();
    },
  };
}

/**
 * Responses in the SQLite file of the records, opened when the first one comes. A file that is damaged or gone is left to the
 * store of the records, which puts it aside and starts a new one.
 */
export function openSqliteResponseStore({
  path,
  maxBytes = defaultBytes,
  ttlMs = defaultTtlMs,
  now = Date.now,
  onWarning = () => undefined,
}: SqliteResponseStoreOptions): NearResponseStore {
  let open: ReturnType<typeof openResponses> | undefined;

  function letGo(): void {
    try {
      open?.close();
    } catch {
      // Nothing can be saved from a file that is damaged or gone.
    }
    open = undefined;
  }

  function current(): ReturnType<typeof openResponses> {
    if (open !== undefined && !open.isInPlace()) letGo();
    open ??= openResponses(path);
    return open;
  }

  /** Runs `action`; of what went wrong only the owner hears. */
  function attempt<T>(what: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error)) letGo();
      onWarning(`A response cannot be ${what} ${path}: ${errorText(error)}`);
      return undefined;
    }
  }

  return {
    save(entry) {
      const texts = textsOf(entry);
      if (texts === undefined || bytesOf(texts) > maxBytes) return;
      attempt("written to", () => {
        current().save(rowOf(entry, texts));
        current().trim(now() - ttlMs, maxBytes);
      });
    },
    find(id) {
      const row = attempt("read from", () => current().find(id, now() - ttlMs));
      return row === undefined ? undefined : entryOf(row);
    },
    delete(id) {
      try {
        current().remove(id);
      } catch (error) {
        letGo();
        const message = `The response could not be deleted: ${errorText(error)}. Try again.`;
        throw new GatewayError({ code: "internal_error", status: 503, message, cause: error });
      }
    },
    close: letGo,
  };
}
