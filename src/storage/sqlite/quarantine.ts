import { closeSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { errorCode } from "../../lib/error-code.ts";

/** Whether SQLite says that the file itself is damaged or is no database. */
export function isDamage(error: unknown): boolean {
  return /^SQLITE_(?:CORRUPT|NOTADB)/.test(errorCode(error));
}

/** Bytes of the first page that are looked at; pages have 4096 unless somebody converted the file. */
const firstPage = 4096;

/** Whether a damaged file was one of ours: the statement that made the table of requests stands in its first page. */
export function wasOurs(path: string): boolean {
  const page = Buffer.alloc(firstPage);
  try {
    const file = openSync(path, "r");
    readSync(file, page, 0, firstPage, 0);
    closeSync(file);
  } catch {
    return false;
  }
  return page.indexOf("SQLite format 3\0") === 0 && page.includes("CREATE TABLE requests");
}

const logSuffixes = ["-wal", "-shm"];

/** Removes the write-ahead log of a database that is not there: it would be replayed into the next one of that name. */
export function removeLogs(path: string): void {
  for (const suffix of logSuffixes) rmSync(path + suffix, { force: true });
}

/** Renames a database to `<path>.corrupt-<timestamp>`, its write-ahead log with it so that it can be repaired, and returns the new path. */
export function quarantine(path: string): string {
  const target = `${path}.corrupt-${new Date().toISOString().replaceAll(/[-:.]/g, "")}`;
  renameSync(path, target);
  for (const suffix of logSuffixes) {
    try {
      renameSync(path + suffix, target + suffix);
    } catch {
      // There is none, or it cannot be moved.
    }
  }
  removeLogs(path);
  return target;
}
