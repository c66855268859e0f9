import type { Database } from "bun:sqlite";
import { chmodSync } from "node:fs";
import { damageIn } from "./damage-in.ts";
import { checkOwnership } from "./migrations.ts";
import { openFailure, openReason } from "./open-failure.ts";
import { isDamage } from "./quarantine.ts";
import { readAnyFile } from "./read-file.ts";

/** The file that is written is to blame, not the one that is read. */
class CopyError extends Error {}

function writeCopy(database: Database, { from, to }: { from: string; to: string }): void {
  try {
    database.query("VACUUM INTO ?").run(to);
  } catch (error) {
    throw isDamage(error) ? openFailure(from, error) : new CopyError(openReason(to, error), { cause: error });
  }
}

/** Copies a database, as it is at one moment, into a new file that its owner alone may read. Others go on using it. */
export function copySqlite(from: string, to: string): void {
  try {
    readAnyFile(from, (database) => {
      checkOwnership(database, from);
      // The copy is another file: only this one must not be changed.
      database.run("PRAGMA query_only = OFF");
      writeCopy(database, { from, to });
    });
  } catch (error) {
    if (error instanceof CopyError) throw error;
    throw openFailure(from, error);
  }
  chmodSync(to, 0o600);
}

/** Throws an Error that says in a few words why a file is no whole database of ours. */
export function checkSqliteCopy(path: string): void {
  try {
    readAnyFile(path, (database) => {
      checkOwnership(database, path);
      if (damageIn(database) !== null) throw Object.assign(new Error("it is damaged"), { code: "SQLITE_CORRUPT" });
    });
  } catch (error) {
    throw new Error(openReason(path, error), { cause: error });
  }
}

/** The first bytes of every SQLite file. */
const sqliteMark = "SQLite format 3\0";

export async function isSqliteFile(path: string): Promise<boolean> {
  return (await Bun.file(path).slice(0, sqliteMark.length).text()) === sqliteMark;
}
