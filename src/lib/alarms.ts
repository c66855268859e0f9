export interface Alarms {
  /** Calls `ring` once, `milliseconds` from now or up to a tick later. The function it returns calls it off. */
  set(milliseconds: number, ring: () => void): () => void;
}

interface Alarm {
  due: number;
  ring: () => void;
}

const shortestTickMs = 25;
/** Alarms come and go between two looks: the nearest one of now is not the nearest of then. */
const longestTickMs = 1000;

/**
 * Deadlines that hardly ever come true: every request sets several and calls them off. One timer looks through all of
 * them now and then, which costs a fraction of a timer for each.
 */
export function createAlarms(now: () => number = () => performance.now()): Alarms {
  const waiting = new Set<Alarm>();
  let timer: Timer | undefined;
  let nextLook = Number.POSITIVE_INFINITY;

  /** The nearest of those that are still to come. */
  function ringDue(): number {
    const time = now();
    let nearest = Number.POSITIVE_INFINITY;
    for (const alarm of waiting) {
      if (alarm.due > time) {
        nearest = Math.min(nearest, alarm.due);
        continue;
      }
      waiting.delete(alarm);
      alarm.ring();
    }
    return nearest;
  }

  function lookAt(due: number): void {
    const time = now();
    const delay = Math.min(longestTickMs, Math.max(shortestTickMs, due - time));
    nextLook = time + delay;
    clearTimeout(timer);
    timer = setTimeout(look, delay);
    timer.unref();
  }

  function look(): void {
    nextLook = Number.POSITIVE_INFINITY;
    let nearest = 0;
    try {
      nearest = ringDue();
    } finally {
      // One that throws must not silence all others.
      if (waiting.size > 0) lookAt(nearest);
    }
  }

  return {
    set(milliseconds, ring) {
      const alarm = { due: now() + milliseconds, ring };
      waiting.add(alarm);
      if (alarm.due < nextLook) lookAt(alarm.due);
      return () => waiting.delete(alarm);
    },
  };
}

/** The process's own. */
export const alarms = createAlarms();
