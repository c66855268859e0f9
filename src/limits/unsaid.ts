import type { Coordinator } from "../coordination/coordinator.ts";
import { repeat } from "../lib/repeat.ts";

/** Tells the others what must not be lost: what cannot be said at once is said again until it can. */
export interface Unsaid<Saying extends object> {
  say(saying: Saying): void;
  /** It is said later: at the moment it would fail. */
  keep(saying: Saying): void;
  close(): void;
}

export interface UnsaidOptions<Saying extends object> {
  readonly coordinator: Pick<Coordinator, "state" | "onState">;
  /** Called again with what it has rejected, which may have arrived all the same. */
  readonly say: (saying: Saying, isAgain: boolean) => Promise<void>;
  /** Takes the oldest of those that are too many and were never said; left out = they are lost. */
  readonly sums?: { add(saying: Saying): void; take(): Saying[] } | undefined;
  readonly log: { warn(message: string): void };
  readonly every?: ((milliseconds: number, work: () => void) => () => void) | undefined;
}

const mostKept = 10_000;
/** At once: who has just come back has others to answer too. */
const batchSize = 100;
const againMs = 1000;

export function createUnsaid<Saying extends object>(options: UnsaidOptions<Saying>): Unsaid<Saying> {
  const { coordinator, say, sums, log, every = repeat } = options;
  /** Said, and nobody knows whether it was heard: it may not become part of a sum. */
  const doubtful = new Set<Saying>();
  const neverSaid = new Set<Saying>();
  let isSaying = false;
  let hasWarned = false;

  function giveUpOldest(): void {
    const among = neverSaid.size > 0 ? neverSaid : doubtful;
    const [oldest] = among.values().take(1);
    if (oldest === undefined) return;
    among.delete(oldest);
    if (sums !== undefined && among === neverSaid) return sums.add(oldest);
    if (hasWarned) return;
    hasWarned = true;
    log.warn(
      `More than ${mostKept} ends of requests could not be told to the other gateways: the oldest are left out.`,
    );
  }

  function keepIn(kept: Set<Saying>, saying: Saying): void {
    kept.add(saying);
    if (doubtful.size + neverSaid.size > mostKept) giveUpOldest();
  }

  async function sayOne(saying: Saying): Promise<boolean> {
    const isAgain = doubtful.has(saying);
    neverSaid.delete(saying);
    doubtful.add(saying);
    try {
      await say(saying, isAgain);
    } catch {
      return false;
    }
    doubtful.delete(saying);
    return true;
  }

  function nextBatch(): Saying[] {
    if (doubtful.size + neverSaid.size === 0) for (const sum of sums?.take() ?? []) neverSaid.add(sum);
    const again = [...doubtful.values().take(batchSize)];
    return [...again, ...neverSaid.values().take(batchSize - again.length)];
  }

  async function sayAll(): Promise<void> {
    if (isSaying) return;
    isSaying = true;
    let isHeard = true;
    while (isHeard && coordinator.state().isUp) {
      const batch = nextBatch();
      if (batch.length === 0) break;
      const said = await Promise.all(batch.map(sayOne));
      isHeard = !said.includes(false);
    }
    isSaying = false;
    if (doubtful.size + neverSaid.size === 0) hasWarned = false;
  }

  const ends = [every(againMs, () => void sayAll()), coordinator.onState(() => void sayAll())];

  return {
    say(saying) {
      if (coordinator.state().isUp) void say(saying, false).catch(() => keepIn(doubtful, saying));
      else keepIn(neverSaid, saying);
    },
    keep: (saying) => keepIn(neverSaid, saying),
    close() {
      for (const end of ends) end();
    },
  };
}
