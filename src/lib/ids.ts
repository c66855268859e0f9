const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
const randomLength = 16;

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

/**
 * `prefix`, the time in milliseconds as 8 characters of base 36, and 16 random ones (82 bits). Later ids sort behind
 * earlier ones, so that an index over them grows at its end.
 */
export function createId(prefix: string, now: number = Date.now()): string {
  let id = prefix + now.toString(36).padStart(8, "0");
  for (let count = 0; count < randomLength;) {
    const byte = nextByte();
    // 252 is the largest multiple of 36 in a byte: above it the choice would lean to the first letters.
    if (byte >= 252) continue;
    id += alphabet.charAt(byte % 36);
    count += 1;
  }
  return id;
}
