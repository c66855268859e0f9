export interface Alarms {
  /** Calls `ring` once, `milliseconds` from now or up to a tick later. The function it returns calls it off. */
  set(milliseconds: number, ring: () => void): () => void;
}

interface Alarm {
  due: number;
  ring: () => void;
}

const tickMs = 25;

/**
 * Deadlines that hardly ever come true: every request sets several and calls them off. One timer looks through all of
 * them now and then, which costs a fraction of a timer for each.
 */
export function createAlarms(now: () => number = () => performance.now()): Alarms {
  const waiting = new Set<Alarm>();
  let isTicking = false;

  function ringDue(): void {
    const time = now();
    for (const alarm of waiting) {
      if (alarm.due > time) continue;
      waiting.delete(alarm);
      alarm.ring();
    }
  }

  function tick(): void {
    try {
      ringDue();
    } finally {
      // One that throws must not silence all others.
      isTicking = waiting.size > 0;
      if (isTicking) setTimeout(tick, tickMs).unref();
    }
  }

  return {
    set(milliseconds, ring) {
      const alarm = { due: now() + milliseconds, ring };
      waiting.add(alarm);
      if (!isTicking) {
        isTicking = true;
        setTimeout(tick, tickMs).unref();
      }
      return () => waiting.delete(alarm);
    },
  };
}

/** The process's own. */
export const alarms = createAlarms();
