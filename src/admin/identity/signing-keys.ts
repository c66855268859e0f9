import { createHmac, randomBytes } from "node:crypto";
import type { SecretBox } from "../../keys/secret-box.ts";
import { errorText } from "../../lib/error-text.ts";
import type { DocumentChange } from "../../storage/document-store.ts";
import { isConflict } from "../../storage/conflict.ts";
import type { AdminDocuments } from "../documents.ts";

/** What each kind of token is signed with; derived from one secret, so that none can stand for another. */
export interface Keys {
  readonly access: Uint8Array;
  readonly refresh: Uint8Array;
  /** Marks what a configured password was, without telling it. */
  readonly epoch: Uint8Array;
  readonly oidc: Uint8Array;
}

/** The secret behind all tokens: configured, else made once and kept sealed for all gateways of a database. */
export interface SigningKeys {
  /** `undefined` = not known (yet): nothing was signed here, and what others signed cannot be checked. */
  known(): Keys | undefined;
  /** Makes the secret where there is none. Rejects with GatewayError where it cannot be kept or read. */
  ready(): Promise<Keys>;
  apply(change: DocumentChange): void;
}

export interface SigningKeysOptions {
  /** admin.jwtSecret */
  readonly configured: () => string | undefined;
  readonly documents: Pick<AdminDocuments, "get" | "put">;
  /** Keeps the secret in the documents; without it, the process has one of its own. */
  readonly box: SecretBox | undefined;
  readonly log: { warn(message: string): void };
}

const kind = "secret";
const id = "access-tokens";
const secretBytes = 32;

function derived(secret: Uint8Array): Keys {
  const key = (purpose: string): Uint8Array => createHmac("sha256", secret).update(`orcestator ${purpose}`).digest();
  return { access: key("access"), refresh: key("refresh"), epoch: key("epoch"), oidc: key("oidc") };
}

function sealedIn(change: DocumentChange): string | undefined {
  if (!("value" in change)) return undefined;
  const { secret } = Object(change.value) as { secret?: unknown };
  return typeof secret === "string" ? secret : undefined;
}

export function createSigningKeys({ configured, documents, box, log }: SigningKeysOptions): SigningKeys {
  let fromConfig: { text: string; keys: Keys } | undefined;
  let kept: { sealed: string; keys: Keys } | undefined;
  let own: Keys | undefined;
  let making: Promise<Keys> | undefined;

  function ofConfig(): Keys | undefined {
    const text = configured();
    if (text === undefined) return undefined;
    if (fromConfig?.text !== text) fromConfig = { text, keys: derived(Buffer.from(text)) };
    return fromConfig.keys;
  }

  /** Throws GatewayError where another key sealed it. */
  function take(sealed: string, opener: SecretBox): Keys {
    if (kept?.sealed === sealed) return kept.keys;
    const keys = derived(Buffer.from(opener.open(sealed), "base64url"));
    kept = { sealed, keys };
    return keys;
  }

  async function make(opener: SecretBox): Promise<Keys> {
    const stored = await documents.get(kind, id);
    const sealed = stored && sealedIn(stored);
    if (sealed !== undefined) return take(sealed, opener);
    const secret = opener.seal(randomBytes(secretBytes).toString("base64url"));
    try {
      await documents.put({ kind, id, value: { secret }, expectedVersion: stored?.version ?? 0 });
      return take(secret, opener);
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Another gateway was faster.
      return make(opener);
    }
  }

  return {
    known: () => ofConfig() ?? kept?.keys ?? own,
    async ready() {
      const keys = ofConfig() ?? kept?.keys ?? own;
      if (keys !== undefined) return keys;
      if (box === undefined) return (own ??= derived(randomBytes(secretBytes)));
      making ??= make(box).finally(() => (making = undefined));
      return making;
    },
    apply(change) {
      if (change.kind !== kind || change.id !== id || box === undefined) return;
      const sealed = sealedIn(change);
      if (sealed === undefined) {
        kept = undefined;
        return;
      }
      try {
        take(sealed, box);
      } catch (error) {
        log.warn(`Logins of other gateways are not known here: ${errorText(error)}`);
      }
    },
  };
}
