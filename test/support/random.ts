/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const awkward = [
  " | ",
  "|",
  "\\",
  "\\n",
  "\\u001b",
  " ",
  "  ",
  "\n",
  "\r\n",
  "\t",
  "\u0000",
  "\u001b[31m",
  "\u007f",
  "\u0085",
  "\u009b",
  "\u2028",
  "\u2029",
  "\ud800",
  "\udfff",
  "😀",
  "👨‍👩‍👧",
  "日本",
  "\ufeff",
  "[503 upstream_error] ",
  "[",
  "é",
  "x",
];

/** Text made of what breaks line formats: separators, escapes, controls, lone surrogates, any UTF-16 unit. */
export function randomText(random: () => number): string {
  const length = Math.floor(random() * 12);
  return Array.from({ length }, () => {
    if (random() < 0.3) return String.fromCharCode(Math.floor(random() * 0x10000));
    return awkward[Math.floor(random() * awkward.length)] ?? "";
  }).join("");
}
