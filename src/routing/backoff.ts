const baseMs = 200;
const longestMs = 8000;

/** Full jitter: anything up to a ceiling that doubles with every repeat. `repeat` counts from 0. */
export function backoffMs(repeat: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(longestMs, baseMs * 2 ** repeat));
}
