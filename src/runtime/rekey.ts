import { type Resealed, resealDocuments } from "../admin/reseal.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { readSecretKeys } from "../config/secret-keys.ts";
import { createChangingSecretBox } from "../keys/changing-secret-box.ts";
import { createSecretBox } from "../keys/secret-box.ts";
import { databaseName, openStore } from "../storage/engines.ts";
import { makeSecretKeyFile, readSecretKeyFile, writeSecretKeyFile } from "./secret-key-file.ts";
import { secretKeyPath } from "./secret-box-of.ts";

export interface Rekeyed extends Resealed {
  /** What the owner still has to do. */
  readonly next: string;
}

interface RekeyOptions {
  readonly storage: ResolvedConfig["storage"] & { readonly url: string };
  readonly newKeyFile: string;
}

const waitMs = 30_000;

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.from(left).equals(right);
}

/** Reads all documents so many times, and tells the audit log. */
async function resealAll({ url }: { url: string }, keys: readonly Uint8Array[], times = 1): Promise<Resealed> {
  const [first] = keys;
  if (first === undefined) throw new Error("There is no key to seal with");
  const warnings: string[] = [];
  const store = openStore({ url, onWarning: (message) => warnings.push(message) });
  try {
    if (!(await store.ready(waitMs)))
      throw new Error(warnings.at(-1) ?? `The database ${databaseName(url)} cannot be reached.`);
    const opener = createChangingSecretBox({ read: () => keys, make: () => keys });
    const sealer = createSecretBox(first);
    const done = { secrets: 0, documents: 0 };
    for (let time = 0; time < times; time += 1) {
      const { secrets, documents } = await resealDocuments({ documents: store.documents, opener, sealer });
      done.secrets += secrets;
      done.documents += documents;
    }
    const after = { keyId: sealer.keyId, ...done };
    await store.audit.append({ actor: "command-line", action: "database.rekey", subject: "database", after });
    return done;
  } finally {
    await store.close();
  }
}

/** The key is in a file that gateways read again when they need to: both keys stand there until all is done. */
async function inFile(path: string, newKey: Uint8Array, storage: RekeyOptions["storage"]): Promise<Rekeyed> {
  const old = (readSecretKeyFile(path) ?? []).filter((key) => !isSame(key, newKey));
  writeSecretKeyFile(path, [newKey, ...old]);
  // Again for what a gateway was sealing at that moment with the old one.
  const done = await resealAll(storage, [newKey, ...old], 2);
  writeSecretKeyFile(path, [newKey]);
  return { ...done, next: `It is in ${path}, and gateways that read that file have taken it.` };
}

async function inSetting(text: string, newKey: Uint8Array, storage: RekeyOptions["storage"]): Promise<Rekeyed> {
  const keys = readSecretKeys(text) ?? [];
  const old = keys.filter((key) => !isSame(key, newKey));
  if (old.length === keys.length)
    throw new Error(
      "Gateways would not know the new key: set storage.secretKey (ORCESTATOR_SECRET_KEY) to `<new>,<old>` on all of them, start them again, and then run this.",
    );
  const done = await resealAll(storage, [newKey, ...old]);
  return { ...done, next: "Set storage.secretKey (ORCESTATOR_SECRET_KEY) to the new key alone now, on all gateways." };
}

/** Seals all secrets of a database with the key in a file, which is made where it is not there. Rejects with an Error for people. */
export async function rekeyDatabase({ storage, newKeyFile }: RekeyOptions): Promise<Rekeyed> {
  if (storage.secretKey === "keystore")
    throw new Error("The system's keystore holds one key: set storage.secretKey to `<new>,<old>` to change it.");
  const path = secretKeyPath(storage);
  const [newKey] = readSecretKeyFile(newKeyFile) ?? makeSecretKeyFile(newKeyFile);
  if (newKey === undefined) throw new Error(`The key file ${newKeyFile} holds no key.`);
  if (path !== undefined) return inFile(path, newKey, storage);
  if (storage.secretKey !== undefined) return inSetting(storage.secretKey, newKey, storage);
  throw new Error("No key is set that secrets were sealed with: set storage.secretKey (ORCESTATOR_SECRET_KEY).");
}
