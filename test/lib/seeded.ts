import { createRandom } from "../support/random.ts";

export interface Random {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  pick<T>(choices: readonly T[]): T;
  chance(probability: number): boolean;
}

function randomOf(seed: number): Random {
  const next = createRandom(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    pick: (choices) => choices[below(choices.length)] as (typeof choices)[number],
    chance: (probability) => next() < probability,
  };
}

/** The first seed; set TEST_SEED to look at other cases than the usual ones, or at a failed one alone. */
const firstSeed = Number(Bun.env["TEST_SEED"] ?? 1);

/** Runs `work` with `count` seeds in a row; a failure names its seed. */
export function forSeeds(count: number, work: (random: Random, seed: number) => void): void {
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    try {
      work(randomOf(seed), seed);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`with TEST_SEED=${seed}: ${reason}`, { cause: error });
    }
  }
}

/** Cuts a text into pieces of random length, at least one character each. */
export function cutAtRandom(text: string, random: Random, longest: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = 1 + random.below(longest);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

/** Milliseconds of the quickest of three runs: what a busy machine adds does not count. */
export function quickest(work: () => void): number {
  let best = Infinity;
  for (let run = 0; run < 3; run += 1) {
    const from = performance.now();
    work();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}
