export interface TailResume {
  /** Lines to ask a new connection for, so that none written in the meantime is missed. */
  linesToAsk(): number;
  /** A new connection after a lost one stands: lines are held until the last one that was passed on has come by again. */
  resume(): void;
  take(line: string): void;
  /** The connection has ended; what is held comes again with the next one. */
  ended(): void;
}

const overlap = 500;
/** If the last known line has not come by then, the log was rotated, and everything held is new. */
const holdMs = 1000;

/** Joins the lines of successive connections to one gapless sequence without repeats. */
export function createTailResume(onLine: (line: string) => void): TailResume {
  let last: string | undefined;
  let held: string[] | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function pass(line: string): void {
    last = line;
    onLine(line);
  }

  function release(): void {
    clearTimeout(timer);
    const lines = held ?? [];
    held = undefined;
    for (const line of lines) pass(line);
  }

  return {
    linesToAsk: () => (last === undefined ? 0 : overlap),
    resume() {
      if (last === undefined) return;
      held = [];
      timer = setTimeout(release, holdMs);
    },
    take(line) {
      if (held === undefined) return pass(line);
      held.push(line);
      if (line === last) held = [];
      if (line === last || held.length >= overlap) release();
    },
    ended() {
      clearTimeout(timer);
      held = undefined;
    },
  };
}
