import { renameSync, rmSync } from "node:fs";

/** Whether SQLite says that the file itself is damaged or is no database. */
export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^SQLITE_(?:CORRUPT|NOTADB)/.test(code);
}

/** Renames a database to `<path>.corrupt-<timestamp>`, its write-ahead log with it so that it can be repaired, and returns the new path. */
export function quarantine(path: string): string {
  const target = `${path}.corrupt-${new Date().toISOString().replaceAll(/[-:.]/g, "")}`;
  renameSync(path, target);
  for (const suffix of ["-wal", "-shm"]) {
    try {
      renameSync(path + suffix, target + suffix);
    } catch {
      // Left behind, the log of the old file would be replayed into the new one.
      rmSync(path + suffix, { force: true });
    }
  }
  return target;
}
