import { existsSync, statSync } from "node:fs";
import { databaseUrlProblem } from "../config/database-url.ts";
import { GatewayError } from "../errors.ts";
import { errorText } from "../lib/error-text.ts";
import { databaseName } from "../storage/engines.ts";
import { sqlitePathOf } from "../storage/sqlite/sqlite-path.ts";
import { CliError, usageError } from "./output.ts";

/** A database that a command looks into and does not change. */
export interface ReadableDatabase {
  readonly url: string;
  /** For people: a path, or the address of a server without its password. */
  readonly name: string;
}

/** What `--db` means: a URL, or the path of a file. */
export function databaseUrlIn(text: string): string {
  const url = text.includes("://") ? text : `sqlite://${text}`;
  const problem = databaseUrlProblem(url);
  if (problem !== undefined) throw usageError(`--db ${problem}`);
  return url;
}

/** The file of a SQLite database; `undefined` = a server's, which is there or not when it is asked. */
function fileOf(url: string): string | undefined {
  return url.startsWith("sqlite:") ? sqlitePathOf(url) : undefined;
}

/** A database that is there, as far as that can be seen without asking a server. */
export function isDatabaseThere(url: string): boolean {
  const file = fileOf(url);
  return file === undefined || existsSync(file);
}

/** Throws CliError where there is no such file. */
export function readableDatabase(url: string): ReadableDatabase {
  const file = fileOf(url);
  if (file !== undefined && !existsSync(file))
    throw new CliError(`there is no file ${file}; the gateway creates it when it starts`);
  if (file !== undefined && !statSync(file).isFile()) throw new CliError(`${file} is no file`);
  return { url, name: databaseName(url) };
}

/** Throws CliError with the reason where it cannot be read. */
export async function readFrom<Answer>(
  { url, name }: ReadableDatabase,
  read: (url: string) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await read(url);
  } catch (error) {
    if (error instanceof GatewayError) throw new CliError(error.message);
    throw new CliError(`cannot read ${name}: ${errorText(error)}`);
  }
}
