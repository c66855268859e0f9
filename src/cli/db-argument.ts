import { loadConfig } from "../config/load.ts";
import { configArgument } from "./config-argument.ts";
import { CliError } from "./output.ts";
import { databaseUrlIn } from "./readable-database.ts";

/** The options of every command that works on the database. */
export const databaseArguments = {
  db: { type: "string", valueHint: "url", description: "Database: a URL or a path (default: setting storage.url)" },
  ...configArgument,
} as const;

/** The database that is meant, as a URL. Throws CliError where none is named, or none can be. */
export function databaseUrlOf({ db, config }: { db?: string | undefined; config?: string | undefined }): string {
  if (db === undefined) {
    const { url } = loadConfig({ configPath: config, needsCredential: false }).config.storage;
    if (url !== undefined) return url;
    throw new CliError("no database is configured (storage.url, DATABASE_URL, OR_DB_PATH); name one with --db");
  }
  return databaseUrlIn(db);
}
