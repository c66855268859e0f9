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
  readonly log: { warn(message: string): void };
  readonly every?: ((milliseconds: number, work: () => void) => () => void) | undefined;
}

const mostKept = 10_000;
/** At once: who has just come back has others to answer too. */
const batchSize = 100;
const againMs = 1000;

export function createUnsaid<Saying extends object>(options: UnsaidOptions<Saying>): Unsaid<Saying> {
  const { coordinator, say, log, every = repeat } = options;
  const kept = new Set<Saying>();
  let isSaying = false;
  let hasWarned = false;

  function keep(saying: Saying): void {
    kept.add(saying);
    if (kept.size <= mostKept) return;
    for (const oldest of kept) {
      kept.delete(oldest);
      break;
    }
    if (hasWarned) return;
    hasWarned = true;
    log.warn(
      `More than ${mostKept} ends of requests could not be told to the other gateways: the oldest are left out.`,
    );
  }

  async function sayOne(saying: Saying): Promise<boolean> {
    try {
      await say(saying, true);
    } catch {
      return false;
    }
    kept.delete(saying);
    return true;
  }

  async function sayAll(): Promise<void> {
    if (isSaying) return;
    isSaying = true;
    while (kept.size > 0 && coordinator.state().isUp) {
      const said = await Promise.all(kept.values().take(batchSize).map(sayOne));
      if (said.includes(false)) break;
    }
    isSaying = false;
    if (kept.size === 0) hasWarned = false;
  }

  const ends = [every(againMs, () => void sayAll()), coordinator.onState(() => void sayAll())];

  return {
    say: (saying) => void say(saying, false).catch(() => keep(saying)),
    keep,
    close() {
      for (const end of ends) end();
    },
  };
}
