const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
const randomPairs = 8;
/** Every two letters: an id is put together from half as many parts. */
const pairs = Array.from(alphabet, (first) => Array.from(alphabet, (second) => first + second)).flat();
/** The largest multiple of their number in 16 bits: from there on the choice would lean to the first ones. */
const fairBelow = 65536 - (65536 % pairs.length);

let pool = new Uint16Array(0);
let used = 0;

function randomPair(): string {
  for (;;) {
    if (used >= pool.length) {
      pool = crypto.getRandomValues(new Uint16Array(2048));
      used = 0;
    }
    const number = pool[used] ?? 0;
    used += 1;
    if (number < fairBelow) return pairs[number % pairs.length] ?? "";
  }
}

/**
 * `prefix`, the time in milliseconds as 8 characters of base 36, and 16 random ones (82 bits). Later ids sort behind
 * earlier ones, so that an index over them grows at its end.
 */
export function createId(prefix: string, now: number = Date.now()): string {
  let id = prefix + now.toString(36).padStart(8, "0");
  for (let count = 0; count < randomPairs; count += 1) id += randomPair();
  return id;
}
