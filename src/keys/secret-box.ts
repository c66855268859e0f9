import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { GatewayError } from "../errors.ts";

/** Keeps secrets unreadable where they are stored: AES-256-GCM, `sealed:v1:<key id>:<nonce, text and tag in base64url>`. */
export interface SecretBox {
  /** Tells keys apart in what was sealed with them; no secret. */
  readonly keyId: string;
  /** A new text each time, even of the same secret. */
  seal(secret: string): string;
  /** Text that was never sealed comes back as it is. Throws GatewayError where another key sealed it, or it was changed since. */
  open(text: string): string;
}

const prefix = "sealed:v1:";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export function isSealed(text: string): boolean {
  return text.startsWith(prefix);
}

/** The id of the key that sealed a text; `undefined` = it is not sealed. */
export function sealedWith(text: string): string | undefined {
  return isSealed(text) ? text.slice(prefix.length).split(":")[0] : undefined;
}

function cannotOpen(why: string): GatewayError {
  const message = `A stored secret cannot be opened: ${why}.`;
  return new GatewayError({ code: "internal_error", status: 503, message });
}

const bothKeys =
  "Set storage.secretKey (ORCESTATOR_SECRET_KEY) or storage.secretKeyFile to that key; while keys change, `<new>,<old>` opens with both. Where the old key is lost, ORCESTATOR_JWT_SECRET lets people log in, and other secrets are set again";

/** @param key 32 bytes; throws RangeError for another number. */
export function createSecretBox(key: Uint8Array): SecretBox {
  if (key.length !== keyBytes) throw new RangeError(`A key for secrets has ${keyBytes} bytes, not ${key.length}`);
  const keyId = createHash("sha256").update("orcestator-secret-key\0").update(key).digest("hex").slice(0, 8);

  function decipher(packed: Buffer): string {
    const decipherer = createDecipheriv("aes-256-gcm", key, packed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipherer.setAuthTag(packed.subarray(-tagBytes));
    const secret = decipherer.update(packed.subarray(nonceBytes, -tagBytes));
    return Buffer.concat([secret, decipherer.final()]).toString("utf8");
  }

  return {
    keyId,
    seal(secret) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
      const packed = Buffer.concat([nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `${prefix}${keyId}:${packed.toString("base64url")}`;
    },
    open(text) {
      if (!isSealed(text)) return text;
      const [id = "", packed = ""] = text.slice(prefix.length).split(":");
      if (id !== keyId)
        throw cannotOpen(`it was sealed with the key ${id}, and this gateway has ${keyId}. ${bothKeys}`);
      const bytes = Buffer.from(packed, "base64url");
      if (bytes.length < nonceBytes + tagBytes) throw cannotOpen("it was changed since it was sealed");
      try {
        return decipher(bytes);
      } catch {
        throw cannotOpen("it was changed since it was sealed");
      }
    },
  };
}
