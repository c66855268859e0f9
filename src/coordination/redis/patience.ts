interface Deadline {
  /** By ticks that count. */
  readonly due: number;
  /** Whatever counts: `performance.now()`. */
  readonly latest: number;
  /** `undefined` = called off. */
  ring: (() => void) | undefined;
}

export interface Patience {
  /** Calls `ring` when nothing came for so long. The function it returns calls it off. */
  wait(ring: () => void): () => void;
}

export interface PatienceOptions {
  readonly now?: () => number;
  readonly after?: (milliseconds: number, ring: () => void) => unknown;
}

const tickMs = 15;
/** So many times as long where the process can hardly run. */
const longestFactor = 8;

/**
 * Deadlines of one length for answers over a network. Only time counts in which this process could have read an answer: while
 * it is busy, or the machine is, answers lie unread, and that says nothing of who sent them. A tick that comes late tells it.
 */
export function createPatience(milliseconds: number, options: PatienceOptions = {}): Patience {
  const { now = () => performance.now(), after = (delay, ring) => setTimeout(ring, delay) } = options;
  const ticks = Math.max(1, Math.ceil(milliseconds / tickMs));
  const tick = milliseconds / ticks;
  /** The first is due first. */
  let deadlines: Deadline[] = [];
  let counted = 0;
  let lookedAt = 0;
  let isTicking = false;

  function look(): void {
    const time = now();
    if (time - lookedAt <= 2 * tick) counted += 1;
    lookedAt = time;
    const waiting: Deadline[] = [];
    const over: Deadline[] = [];
    for (const deadline of deadlines) {
      if (deadline.ring === undefined) continue;
      if (deadline.due <= counted || deadline.latest <= time) over.push(deadline);
      else waiting.push(deadline);
    }
    deadlines = waiting;
    isTicking = false;
    for (const { ring } of over) ring?.();
    if (deadlines.length > 0) begin();
  }

  function begin(): void {
    if (isTicking) return;
    isTicking = true;
    lookedAt = now();
    after(tick, look);
  }

  return {
    wait(ring) {
      // One more: the tick under way is not a whole one.
      const deadline: Deadline = { due: counted + ticks + 1, latest: now() + longestFactor * milliseconds, ring };
      deadlines.push(deadline);
      begin();
      return () => void (deadline.ring = undefined);
    },
  };
}
