import { createBag, type Bagged } from "./bag.ts";

export interface Alarms {
  /** Calls `ring` once, `milliseconds` from now or up to a tick later. The function it returns calls it off. */
  set(milliseconds: number, ring: () => void): () => void;
}

interface Alarm extends Bagged {
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
  const waiting = createBag<Alarm>();
  let timer: Timer | undefined;
  let nextLook = Number.POSITIVE_INFINITY;

  /** Rings in the order they are due; the time of the nearest that is still to come. */
  function ringDue(): number {
    const time = now();
    const nearest = waiting.items.reduce((least, { due }) => (due > time ? Math.min(least, due) : least), Infinity);
    const due = waiting.items.filter((alarm) => alarm.due <= time).sort((left, right) => left.due - right.due);
    for (const alarm of due) {
      // One that rang before may have called it off.
      if (alarm.slot < 0) continue;
      waiting.remove(alarm);
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
      if (waiting.items.length > 0) lookAt(Math.min(nearest, nextLook));
    }
  }

  return {
    set(milliseconds, ring) {
      const alarm = { due: now() + milliseconds, ring, slot: -1 };
      waiting.add(alarm);
      if (alarm.due < nextLook) lookAt(alarm.due);
      return () => waiting.remove(alarm);
    },
  };
}

/** The process's own. */
export const alarms = createAlarms();
