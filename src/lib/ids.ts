const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

let pool = new Uint8Array(0);
let used = 0;

function nextByte(): number {
  if (used >= pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(4096));
    used = 0;
  }
  used += 1;
  return pool[used - 1] ?? 0;
}

/** `prefix` and 24 random characters of base 36 (124 bits). */
export function createId(prefix: string): string {
  let id = prefix;
  for (let count = 0; count < 24;) {
    const byte = nextByte();
    // 252 is the largest multiple of 36 in a byte: above it the choice would lean to the first letters.
    if (byte >= 252) continue;
    id += alphabet.charAt(byte % 36);
    count += 1;
  }
  return id;
}
