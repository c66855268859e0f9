import { isConflict } from "../storage/conflict.ts";

export interface Patience {
  /** How long it is begun anew. */
  readonly forMs?: number;
  readonly pause?: (milliseconds: number) => Promise<void>;
  readonly random?: () => number;
  readonly now?: () => number;
}

const usualPatienceMs = 5000;
const shortestPauseMs = 5;
const longestPauseMs = 200;

/**
 * Runs work that reads and then writes, and begins it anew while somebody else is faster, for a while. Rejects as the work
 * does, with a conflict only when that went on for too long.
 */
export async function againOnConflict<T>(work: () => Promise<T>, patience: Patience = {}): Promise<T> {
  const { forMs = usualPatienceMs, pause = Bun.sleep, random = Math.random, now = () => performance.now() } = patience;
  const giveUpAt = now() + forMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || now() >= giveUpAt) throw error;
    }
    // Of any length up to it: those who met once do not meet again.
    await pause(random() * Math.min(longestPauseMs, shortestPauseMs * 2 ** Math.min(tries, 10)));
  }
}
