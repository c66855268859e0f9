import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { GatewayError } from "../../errors.ts";
import { errorText } from "../../lib/error-text.ts";
import { accessDatabase } from "../databases.ts";
import { databaseName, databaseOf } from "../engines.ts";
import { addRowsSteps, deleteSomeSteps, firstFilledSteps, replaceDocumentsSteps } from "../sql/table-rows.ts";
import { accessSqlite, migrateSqlite } from "../sqlite/access.ts";
import { checkSqliteCopy, copySqlite, isSqliteFile } from "../sqlite/copy.ts";
import type { TableAccess } from "../table-access.ts";
import { type TableName, tableNames, type TableRow, tables } from "../tables.ts";
import { BackupError } from "./backup-error.ts";
import { readPortable } from "./portable.ts";
import { allRows, countRow, type NamedRow, noRows, type RowCounts } from "./rows.ts";

export interface RestoreOptions {
  url: string;
  file: string;
  /** What is in the database is deleted first. */
  force?: boolean;
}

type Rows = AsyncIterable<NamedRow>;

const batchRows = 250;

/** Rows of a SQLite file that nobody writes. */
async function* rowsOfSqlite(path: string): AsyncGenerator<NamedRow> {
  const access = accessSqlite(path);
  try {
    yield* allRows((steps) => access.read(() => steps));
  } finally {
    await access.close();
  }
}

async function clear(access: TableAccess): Promise<void> {
  for (const name of tableNames) {
    if (name === "documents") continue;
    while (await access.write(() => deleteSomeSteps(tables[name]))) {
      // One part after the other: nobody else waits long.
    }
  }
}

/** Adds all rows; how many there were. Documents come all at once, at the end: who follows their changes sees them whole. */
async function fill(access: TableAccess, rows: Rows): Promise<RowCounts> {
  const { dialect } = access;
  const counts = noRows();
  const documents: TableRow[] = [];
  let batch: TableRow[] = [];
  let of: TableName = "requests";

  async function flush(): Promise<void> {
    const table = tables[of];
    const added = batch;
    batch = [];
    if (added.length > 0) await access.write(() => addRowsSteps(table, { rows: added, dialect }));
  }

  for await (const { name, row } of rows) {
    countRow(counts, { name, row });
    if (name === "documents") {
      documents.push(row);
      continue;
    }
    if (name !== of || batch.length === batchRows) await flush();
    of = name;
    batch.push(row);
  }
  await flush();
  await access.write(() => replaceDocumentsSteps(documents, { dialect, now: Date.now() }));
  return counts;
}

/** Reads all of it once: nothing is deleted for a backup that then turns out to be half of one. Which kind it is. */
async function check(file: string): Promise<"sqlite" | "portable"> {
  if (!existsSync(file)) throw new BackupError(`There is no file ${file}.`);
  try {
    if (await isSqliteFile(file)) {
      checkSqliteCopy(file);
      return "sqlite";
    }
    const rows = readPortable(file);
    while ((await rows.next()).done !== true) {
      // Throws where something is wrong.
    }
    return "portable";
  } catch (error) {
    throw new BackupError(`The backup ${file} cannot be used: ${errorText(error)}.`, error);
  }
}

async function fillDatabase({ url, force = false }: RestoreOptions, rows: () => Rows): Promise<RowCounts> {
  const access = accessDatabase(url);
  try {
    const filled = await access.read(firstFilledSteps);
    if (filled !== undefined && !force)
      throw new BackupError(
        `The database ${databaseName(url)} is not empty: it has ${filled}. ` +
          "Stop the gateways that use it and add --force to delete what is in it, or name an empty one with --db.",
      );
    if (filled !== undefined) await clear(access);
    return await fill(access, rows());
  } finally {
    await access.close();
  }
}

/** Where there is no database yet, a copy of the file is it. */
function becomeCopy(file: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.part`;
  rmSync(part, { force: true });
  copySqlite(file, part);
  renameSync(part, path);
  migrateSqlite(path);
}

async function restoreSqliteFile(options: RestoreOptions): Promise<RowCounts | undefined> {
  const { url, file } = options;
  const database = databaseOf(url);
  if ("path" in database && !existsSync(database.path)) {
    becomeCopy(file, database.path);
    return undefined;
  }
  // The backup may be of an older release, and stays as it is; where the database has its place there is room.
  const beside = "path" in database ? dirname(database.path) : tmpdir();
  const folder = mkdtempSync(join(beside, ".restore-"));
  try {
    const copy = join(folder, "backup.db");
    copySqlite(file, copy);
    return await fillDatabase(options, () => rowsOfSqlite(copy));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Brings a database back from a backup of any kind; a server may be filled from a file's backup and the other way round.
 * Rows by table; `undefined` = the file became the database. Throws GatewayError with a message for people; a database that
 * was to be filled and is not empty stays as it is, unless `force`.
 */
export async function restoreDatabase(options: RestoreOptions): Promise<RowCounts | undefined> {
  const { url, file } = options;
  const kind = await check(file);
  try {
    if (kind === "sqlite") return await restoreSqliteFile(options);
    return await fillDatabase(options, () => readPortable(file));
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const message = `The database ${databaseName(url)} was not restored, or not whole: ${errorText(error)}. Try again, with --force.`;
    throw new BackupError(message, error);
  }
}
