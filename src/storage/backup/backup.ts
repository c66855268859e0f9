import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { errorText } from "../../lib/error-text.ts";
import { accessDatabase } from "../databases.ts";
import { databaseOf } from "../engines.ts";
import { copySqlite } from "../sqlite/copy.ts";
import { openReason } from "../sqlite/open-failure.ts";
import { BackupError } from "./backup-error.ts";
import { writePortable } from "./portable.ts";
import type { RowCounts } from "./rows.ts";

export interface BackupOptions {
  url: string;
  file: string;
  /** A file that is there already is written over. */
  force?: boolean;
}

export interface BackupReport {
  readonly kind: "sqlite" | "portable";
  /** Of a portable one. */
  readonly rows: RowCounts | undefined;
}

/** A name that ends in `.gz` asks for a backup that any engine reads. */
function isPortableName(file: string): boolean {
  return /\.gz$/i.test(file);
}

async function write(url: string, { to, isPortable }: { to: string; isPortable: boolean }): Promise<BackupReport> {
  const database = databaseOf(url);
  if (!isPortable && "path" in database) {
    copySqlite(database.path, to);
    return { kind: "sqlite", rows: undefined };
  }
  const access = accessDatabase(url);
  try {
    return { kind: "portable", rows: await writePortable(access, to) };
  } finally {
    await access.close();
  }
}

/** An empty file that its owner alone may read: where none can be made, the database is not asked in vain. */
function begin(part: string, file: string): void {
  try {
    if (existsSync(part)) rmSync(part);
    closeSync(openSync(part, "wx", 0o600));
  } catch (error) {
    const folder = dirname(file);
    const reason = existsSync(folder) ? openReason(file, error) : `there is no folder ${folder}`;
    throw new BackupError(`The backup ${file} cannot be written: ${reason}.`, error);
  }
}

/**
 * Saves a database while gateways go on using it: as a SQLite file, or as a portable one of any engine. Throws GatewayError
 * with a message for people; then there is no new file.
 */
export async function backupDatabase({ url, file, force = false }: BackupOptions): Promise<BackupReport> {
  const database = databaseOf(url);
  if (existsSync(file) && !force)
    throw new BackupError(`The file ${file} is there already. Name another one, or add --force to write over it.`);
  if ("path" in database && !existsSync(database.path))
    throw new BackupError(`There is no database ${database.path} to save.`);
  if (!isPortableName(file) && "server" in database)
    throw new BackupError(
      `A backup of a server is a portable one: give it a name that ends in .ndjson.gz, such as ${file}.ndjson.gz.`,
    );
  // Beside it, so that a backup that was cut off never stands under its name.
  const part = `${file}.part`;
  begin(part, file);
  try {
    const report = await write(url, { to: part, isPortable: isPortableName(file) });
    renameSync(part, file);
    return report;
  } catch (error) {
    rmSync(part, { force: true });
    throw new BackupError(`The backup ${file} cannot be written: ${errorText(error)}`, error);
  }
}
