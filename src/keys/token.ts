const prefix = "sk-orc-";
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomBytes = 32;
/** Digits of base 62 for 256 bits. */
const digits = 43;
const shape = /^sk-orc-[0-9A-Za-z]{43}$/;

export interface NewToken {
  /** Shown once and never kept. */
  readonly token: string;
  readonly hash: string;
  readonly last4: string;
}

/** SHA-256, hex. */
export function hashOf(token: string): string {
  return Bun.SHA256.hash(token, "hex");
}

/** Whether it can be a virtual key at all; other texts need not be hashed. */
export function isTokenShaped(text: string): boolean {
  return text.length === prefix.length + digits && shape.test(text);
}

const leaked = /sk-orc-[A-Za-z0-9_-]{20,}/g;

/** A text in which nothing that may be a virtual key is left: people paste them where names belong. */
export function withoutTokens(text: string): string {
  return text.includes(prefix) ? text.replace(leaked, `${prefix}…`) : text;
}

/** `sk-orc-` and 32 random bytes in base 62. */
export function createToken(
  random: (bytes: Uint8Array) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): NewToken {
  const hex = Buffer.from(random(new Uint8Array(randomBytes))).toString("hex");
  let rest = BigInt(`0x${hex}`);
  let text = "";
  for (let digit = 0; digit < digits; digit += 1) {
    text = (alphabet[Number(rest % 62n)] ?? "") + text;
    rest /= 62n;
  }
  const token = prefix + text;
  return { token, hash: hashOf(token), last4: token.slice(-4) };
}
