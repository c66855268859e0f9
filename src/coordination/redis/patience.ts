/** A deadline that was set; `undefined` = it is over, or called off. */
interface Deadline {
  readonly due: number;
  ring: (() => void) | undefined;
}

export interface Patience {
  /** Calls `ring` when nothing came for so long. The function it returns calls it off. */
  wait(ring: () => void): () => void;
}

const tickMs = 15;

/**
 * Deadlines of one length for answers over a network. Only time counts in which this process could have read an answer:
 * while it is busy, answers lie unread, and that says nothing of who sent them.
 */
export function createPatience(milliseconds: number): Patience {
  const ticks = Math.max(1, Math.ceil(milliseconds / tickMs));
  const tick = milliseconds / ticks;
  /** The first is due first. */
  let deadlines: Deadline[] = [];
  let passed = 0;
  let timer: Timer | undefined;

  function look(): void {
    passed += 1;
    const due = deadlines.findIndex((deadline) => deadline.due > passed);
    const over = deadlines.splice(0, due === -1 ? deadlines.length : due);
    for (const { ring } of over) ring?.();
    deadlines = deadlines.filter(({ ring }) => ring !== undefined);
    timer = deadlines.length === 0 ? undefined : setTimeout(look, tick);
  }

  return {
    wait(ring) {
      // One more: the tick under way is not a whole one.
      const deadline: Deadline = { due: passed + ticks + 1, ring };
      deadlines.push(deadline);
      timer ??= setTimeout(look, tick);
      return () => void (deadline.ring = undefined);
    },
  };
}
