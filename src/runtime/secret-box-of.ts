import { serverAddressOf } from "../config/database-url.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { readSecretKeys } from "../config/secret-keys.ts";
import { createChangingSecretBox } from "../keys/changing-secret-box.ts";
import type { SecretBox } from "../keys/secret-box.ts";
import { noKeyToSealWith, type SecretKeySource } from "../keys/secret-key-source.ts";
import { sqlitePathOf } from "../storage/sqlite/sqlite-path.ts";
import { secretKeyFile } from "./secret-key-file.ts";

type Log = { info(message: string): void; warn(message: string): void };

/** The file that holds the key, where one does: the configured one, or one beside the database. */
export function secretKeyPath({ url, secretKey, secretKeyFile: path }: ResolvedConfig["storage"]): string | undefined {
  if (url === undefined || secretKey !== undefined) return undefined;
  // Gateways on several machines would each make one of their own.
  if (path === undefined && serverAddressOf(url) !== undefined) return undefined;
  return path ?? `${sqlitePathOf(url)}.key`;
}

function configured(text: string): SecretKeySource {
  const keys = readSecretKeys(text);
  if (keys === undefined) throw new Error("storage.secretKey is no key");
  return { read: () => keys, make: () => keys };
}

/** What secrets in the database are sealed with; `undefined` where none can be kept. Throws Error with a message for people. */
export function secretBoxOf({ storage }: Pick<ResolvedConfig, "storage">, log: Log): SecretBox | undefined {
  if (storage.url === undefined) return undefined;
  if (storage.secretKey !== undefined) return createChangingSecretBox(configured(storage.secretKey));
  const path = secretKeyPath(storage);
  if (path === undefined) {
    log.warn(noKeyToSealWith);
    return undefined;
  }
  const source = secretKeyFile(path, () =>
    log.info(`A key that seals secrets in the database was made in ${path}: back it up, and not with the database.`),
  );
  // What cannot be read shall keep the gateway from starting, and not the first login.
  const keys = source.read();
  if (keys === undefined && storage.secretKeyFile !== undefined)
    throw new Error(
      `The key file ${path} (storage.secretKeyFile) does not exist: make it with \`openssl rand -hex 32 > ${path}\`.`,
    );
  return createChangingSecretBox(source);
}
