import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorText } from "../../lib/error-text.ts";
import { runAtOnce } from "../sql/steps.ts";
import { contentsSteps } from "../sql/report.ts";
import type { DatabaseReport, TableAccess } from "../table-access.ts";
import { openDatabase } from "./connection.ts";
import { damageIn } from "./damage-in.ts";
import { sqliteDialect } from "./dialect.ts";
import { checkOwnership, migrations, schemaVersionOf } from "./migrations.ts";
import { openFailure } from "./open-failure.ts";
import { isDamage, wasOurs } from "./quarantine.ts";
import { readAnyFile } from "./read-file.ts";
import { readAtOnce, runStatement, writeAtOnce } from "./run-steps.ts";

/** Another process writes meanwhile: nobody waits for this one, so it may wait long. */
const patientMs = 30_000;

function open(path: string) {
  try {
    return openDatabase({ path });
  } catch (error) {
    throw openFailure(path, error);
  }
}

/** A file's tables, once its schema is up to date. Throws GatewayError when it cannot be had. */
export function accessSqlite(path: string): TableAccess {
  const database = open(path);
  database.run(`PRAGMA busy_timeout = ${patientMs}`);
  return {
    dialect: sqliteDialect,
    read: (steps) => Promise.resolve(readAtOnce(database, steps())),
    write: (steps) => Promise.resolve(writeAtOnce(database, steps())),
    async snapshot(work) {
      database.run("BEGIN");
      try {
        return await work((steps) => Promise.resolve(runAtOnce(steps, (step) => runStatement(database, step))));
      } finally {
        database.run("ROLLBACK");
      }
    },
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}

/** Makes a file where the database would have its own, or in the first folder on the way that is there, and removes it. */
function tryFolder(path: string): void {
  let folder = dirname(resolve(path));
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const trial = join(folder, `.orcestator-${process.pid}`);
  closeSync(openSync(trial, "wx", 0o600));
  rmSync(trial);
}

function bytesOf(path: string): number {
  const sizes = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Not asked of the file: where its schema is damaged no statement runs on it. */
function engineName(): string {
  const database = new Database(":memory:");
  const [sqlite] = database.query<{ version: string }, []>("SELECT sqlite_version() AS version").all();
  database.close();
  return `SQLite ${sqlite?.version ?? ""}`;
}

function reportOf(database: Database, path: string): DatabaseReport {
  const head = { engine: engineName(), bytes: bytesOf(path), knownVersion: migrations.length };
  let found: Omit<DatabaseReport, keyof typeof head> = {
    version: undefined,
    rows: undefined,
    oldest: undefined,
    damage: undefined,
  };
  try {
    checkOwnership(database, path);
    found = { ...found, version: schemaVersionOf(database) };
    found = { ...found, damage: damageIn(database) };
    if (found.version === migrations.length) found = { ...found, ...readAtOnce(database, contentsSteps()) };
  } catch (error) {
    const isOurs = found.version !== undefined || wasOurs(path);
    if (!isDamage(error) || !isOurs) throw error;
    found = { ...found, damage: found.damage ?? errorText(error) };
  }
  return { ...head, ...found };
}

/**
 * What is in a file, which is not changed; `undefined` where there is none, and one can be made. Throws GatewayError when it
 * is no database of ours, or none can be made.
 */
export function inspectSqlite(path: string): DatabaseReport | undefined {
  try {
    if (existsSync(path)) return readAnyFile(path, (database) => reportOf(database, path));
    tryFolder(path);
    return undefined;
  } catch (error) {
    throw openFailure(path, error);
  }
}

/** Brings a file's schema up to date, and makes the file where there is none. */
export function migrateSqlite(path: string): void {
  open(path).close();
}
