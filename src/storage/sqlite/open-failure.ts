import { statSync } from "node:fs";
import { dirname } from "node:path";
import { GatewayError } from "../../errors.ts";
import { errorCode } from "../../lib/error-code.ts";
import { errorText } from "../../lib/error-text.ts";
import { isDamage, wasOurs } from "./quarantine.ts";

/** The file is a sound SQLite database, of another program. */
export class ForeignDatabaseError extends Error {}

const codeReasons: readonly (readonly [RegExp, string])[] = [
  [/^SQLITE_NOTADB/, "the file is no SQLite database; it was left as it is"],
  [
    /^SQLITE_CORRUPT/,
    "the file is damaged, and nothing in it shows that it is an audit database; it was left as it is",
  ],
  [/^SQLITE_(?:BUSY|LOCKED)/, "another program keeps it locked; end that program, or wait for it"],
  [/^SQLITE_READONLY/, "it can only be read; the file and its folder must be writable"],
  [/^SQLITE_FULL|^ENOSPC/, "the disk is full"],
  [/^SQLITE_(?:CANTOPEN|PERM|AUTH)|^EACCES|^EPERM/, "this user may not read and write the file and its folder"],
  [/^EROFS/, "the disk can only be read"],
  [/^EEXIST|^ENOTDIR/, "a part of its folder's path is a file"],
  [/^ENOENT/, "its folder cannot be made"],
];

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isOurDamage(path: string, error: unknown): boolean {
  return isDamage(error) && wasOurs(path);
}

/** Why a file cannot be used, in a few words. */
export function openReason(path: string, error: unknown): string {
  if (error instanceof ForeignDatabaseError)
    return "it is the SQLite database of another program; it was left as it is";
  const code = errorCode(error);
  if (isOurDamage(path, error)) return `the file is damaged (${code}); \`orcestator db check\` says what to do`;
  if (code === "ENOENT" && isFolder(dirname(path))) return `no file can be made in its folder (${code})`;
  if (code.startsWith("SQLITE_CANTOPEN") && isFolder(path)) return "this is a folder";
  const known = codeReasons.find(([pattern]) => pattern.test(code))?.[1];
  const text = errorText(error);
  return known === undefined ? text : `${known} (${code})`;
}

/** Why the audit database cannot be used from the start, and what to do, for people. */
export function openFailure(path: string, error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const advice = isOurDamage(path, error)
    ? ""
    : " Name a file in a folder that can be written in storage.url (OR_DB_PATH, DATABASE_URL), or remove the setting to do without.";
  return new GatewayError({
    code: "internal_error",
    status: 500,
    message: `The audit database ${path} cannot be opened: ${openReason(path, error)}.${advice}`,
    cause: error,
  });
}
