import { createRandom } from "../support/random.ts";
import { createOverload, type OverloadRefusal, type OverloadSettings } from "../../src/limits/overload.ts";

export interface Load {
  /** Milliseconds at which requests arrive, in order. */
  arrivals: readonly number[];
  /** Work for a request, half of it when it arrives and half when its upstream answers. */
  costMs: number;
  refusalMs: number;
  upstreamMs: number;
  /** Share of it that it may be more or less. */
  jitter?: number;
  /** Requests that arrive during a turn are dealt with in it: new connections, as Bun accepts them. */
  isEndless?: boolean;
  /** The thread stands still: [when, how long]. */
  standstill?: readonly [number, number];
}

export interface Seen {
  at: number;
  /** Milliseconds from its arrival until it was taken or refused. */
  afterMs: number;
  refusal: OverloadRefusal | undefined;
}

/** One thread with an event loop, in simulated time: everything that is ready is dealt with in one turn, then timers run. */
export function createThread(settings: OverloadSettings) {
  let time = 0;
  let nextLook = Infinity;
  let look: (() => void) | undefined;
  let lookMs = 0;
  const ends: (() => void)[] = [];
  const random = createRandom(3);
  const overload = createOverload({
    ...settings,
    now: () => time,
    every(milliseconds, tell) {
      look = tell;
      lookMs = milliseconds;
      nextLook = time + milliseconds;
      return () => (nextLook = Infinity);
    },
    afterTurn: (end) => void ends.push(end),
  });
  overload.start();

  function run(load: Load) {
    const seen: Seen[] = [];
    const completed: number[] = [];
    const replies: number[] = [];
    let [arrived, answered, active] = [0, 0, 0];
    let standstill = load.standstill;

    function takeArrival(at: number): void {
      const refusal = overload.refusal(active);
      time += refusal === undefined ? load.costMs / 2 : load.refusalMs;
      seen.push({ at, afterMs: time - at, refusal });
      if (refusal !== undefined) return;
      active += 1;
      add(replies, time + load.upstreamMs * (1 + (load.jitter ?? 0) * (2 * random() - 1)));
    }

    function takeReply(): void {
      answered += 1;
      active -= 1;
      time += load.costMs / 2;
      completed.push(time);
    }

    /** Arrivals and answers in the order they came. */
    function turn(): void {
      const began = time;
      for (;;) {
        const until = load.isEndless === true ? time : began;
        const arrival = load.arrivals[arrived] ?? Infinity;
        const reply = replies[answered] ?? Infinity;
        if (arrival <= until && (arrival <= reply || load.isEndless === true)) {
          arrived += 1;
          takeArrival(arrival);
        } else if (reply <= began) takeReply();
        else return;
      }
    }

    while (arrived < load.arrivals.length || answered < replies.length) {
      turn();
      if (standstill !== undefined && time >= standstill[0]) {
        time += standstill[1];
        standstill = undefined;
      }
      if (time >= nextLook) {
        look?.();
        nextLook = time + lookMs;
      }
      for (const end of ends.splice(0)) end();
      const next = Math.min(load.arrivals[arrived] ?? Infinity, replies[answered] ?? Infinity, nextLook);
      if (next > time && next < Infinity) time = next;
    }
    return { seen, completed };
  }

  return { overload, run, now: () => time };
}

/** Keeps times in order. */
function add(times: number[], time: number): void {
  let index = times.length;
  while (index > 0 && (times[index - 1] ?? 0) > time) index -= 1;
  times.splice(index, 0, time);
}

/** Arrival times, evenly but for a little, of so many a second. */
export function arrivalsOf(phases: readonly { seconds: number; perSecond: number }[], random: () => number): number[] {
  const arrivals: number[] = [];
  let time = 0;
  for (const { seconds, perSecond } of phases) {
    const end = time + seconds * 1000;
    while (time < end) {
      time += (2 * random() * 1000) / perSecond;
      arrivals.push(time);
    }
  }
  return arrivals;
}
