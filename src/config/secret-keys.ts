const keyBytes = 32;

/** The word for a key that the operating system keeps. */
export const keystoreWord = "keystore";

function readKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.length === keyBytes ? bytes : undefined;
}

/** Keys of 32 bytes as hex or base64, separated by commas or lines, the one to seal with first; `undefined` = one is none. */
export function readSecretKeys(text: string): Uint8Array[] | undefined {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const keys = words.map(readKey).filter((key) => key !== undefined);
  return keys.length === 0 || keys.length < words.length ? undefined : keys;
}

/** What is wrong with a `storage.secretKey`, without telling it; `undefined` when nothing is. */
export function secretKeysProblem(text: string): string | undefined {
  if (text === keystoreWord || readSecretKeys(text) !== undefined) return undefined;
  return `must be ${keyBytes} bytes as hex or base64 (openssl rand -hex ${keyBytes}), or ${keystoreWord}`;
}
