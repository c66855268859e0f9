import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { readSecretKeys } from "../config/secret-keys.ts";
import { errorText } from "../lib/error-text.ts";
import type { SecretKeySource } from "../keys/secret-key-source.ts";

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function textOf(keys: readonly Uint8Array[]): string {
  return keys.map((key) => `${Buffer.from(key).toString("hex")}\n`).join("");
}

/** The keys in a file, one a line; `undefined` = there is no file. Throws Error with a message for people. */
export function readSecretKeyFile(path: string): Uint8Array[] | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw new Error(`The key file ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const keys = readSecretKeys(text);
  if (keys === undefined)
    throw new Error(
      `The key file ${path} holds no key: 32 bytes as hex or base64, such as \`openssl rand -hex 32\` writes.`,
    );
  return keys;
}

/** Work that writes a key file, whose failures name that file and not the one beside it. Throws Error with a message for people. */
function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const [reason = ""] = errorText(error).split(",");
    const advice = "it must be in a folder that can be written";
    throw new Error(`The key file ${path} cannot be written: ${reason}; ${advice}.`, { cause: error });
  }
}

/** Written whole or not at all, for its owner alone. */
function writeBeside(path: string, keys: readonly Uint8Array[]): string {
  const beside = `${path}.${process.pid}.new`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(beside, textOf(keys), { mode: 0o600, flush: true });
  return beside;
}

/** Other keys take the place of those in a file. */
export function writeSecretKeyFile(path: string, keys: readonly Uint8Array[]): void {
  writing(path, () => renameSync(writeBeside(path, keys), path));
}

/** A new key in a file; that of another process which was faster. */
export function makeSecretKeyFile(path: string): readonly Uint8Array[] {
  const made = writing(path, () => writeBeside(path, [randomBytes(32)]));
  try {
    linkSync(made, path);
  } catch (error) {
    // Not every file system has links; then the first one to look makes it.
    if (!isCode(error, "EEXIST") && readSecretKeyFile(path) === undefined) writing(path, () => renameSync(made, path));
  } finally {
    rmSync(made, { force: true });
  }
  const keys = readSecretKeyFile(path);
  if (keys === undefined) throw new Error(`The key file ${path} is gone as soon as it was made`);
  return keys;
}

/** @param onMade told when the first key was made. */
export function secretKeyFile(path: string, onMade: () => void): SecretKeySource {
  return {
    read: () => readSecretKeyFile(path),
    make() {
      const keys = makeSecretKeyFile(path);
      onMade();
      return keys;
    },
  };
}
