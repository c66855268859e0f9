import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createOverload } from "../../src/limits/overload.ts";
import { createRandom } from "../support/random.ts";
import { arrivalsOf, createThread, type Load, type Seen } from "./one-thread.ts";

const settings = { maxRequests: 1e9, maxLagMs: 2000 };

function quantile(values: number[], share: number): number {
  return values.sort((left, right) => left - right)[Math.floor(values.length * share)] ?? 0;
}

function within(seen: readonly Seen[], from: number, to: number): Seen[] {
  return seen.filter(({ at }) => at >= from && at < to);
}

function refusedOf(seen: readonly Seen[]): Seen[] {
  return seen.filter(({ refusal }) => refusal !== undefined);
}

/** One that is told what time it is, and when to look. */
function createWatched(maxLagMs = 2000) {
  let time = 5_000_000;
  let looks: (() => void)[] = [];
  let ends: (() => void)[] = [];
  const overload = createOverload({
    maxRequests: 10,
    maxLagMs,
    now: () => time,
    every(_milliseconds, look) {
      looks.push(look);
      return () => (looks = looks.filter((other) => other !== look));
    },
    afterTurn: (end) => void ends.push(end),
  });
  return {
    overload,
    pass: (milliseconds: number) => void (time += milliseconds),
    look: () => looks.forEach((look) => look()),
    endTurn: () => ends.splice(0).forEach((end) => end()),
    get timers() {
      return looks.length;
    },
    /** Arrivals every ten milliseconds within one turn. */
    arrive(count: number): number {
      let refused = 0;
      for (let arrival = 0; arrival < count; arrival += 1) {
        time += 10;
        if (overload.refusal(0) !== undefined) refused += 1;
      }
      return refused;
    },
  };
}

describe("requests at work", () => {
  test("beyond the most are refused, whether it watches the lag or not", () => {
    const { overload } = createWatched(0);
    expect(overload.refusal(9)).toBeUndefined();
    expect(overload.refusal(10)).toEqual({ reason: "requests", retryAfterMs: 1000 });
    overload.start();
    expect(overload.refusal(11)?.reason).toBe("requests");
    overload.configure({ maxRequests: 12, maxLagMs: 0 });
    expect(overload.refusal(11)).toBeUndefined();
  });
});

describe("three times of what it can do", () => {
  // A thousand requests a second are its peak.
  const kinds: [string, Partial<Load>][] = [
    ["on kept connections", {}],
    ["on new connections", { isEndless: true }],
    ["of a quick upstream", { upstreamMs: 1, jitter: 0 }],
  ];
  test.each(kinds)("%s leaves four fifths of the peak, quick refusals, and nothing behind", (_name, kind) => {
    const phases = [
      { seconds: 5, perSecond: 500 },
      { seconds: 120, perSecond: 3000 },
      { seconds: 30, perSecond: 500 },
    ];
    const arrivals = arrivalsOf(phases, createRandom(7));
    const thread = createThread(settings);
    const load = { arrivals, costMs: 1, refusalMs: 0.05, upstreamMs: 800, jitter: 0.3, ...kind };
    const { seen, completed } = thread.run(load);
    const goodput = completed.filter((at) => at >= 10_000 && at < 125_000).length / 115;
    expect(goodput).toBeGreaterThan(850);
    const told = refusedOf(within(seen, 10_000, 125_000)).map(({ afterMs }) => afterMs);
    expect(quantile(told, 0.5)).toBeLessThan(20);
    expect(quantile(told, 0.9)).toBeLessThan(100);
    expect(refusedOf(within(seen, 0, 5000))).toEqual([]);
    // Back to all of them, within ten seconds after it is over.
    expect(refusedOf(within(seen, 135_000, Infinity))).toEqual([]);
    expect(thread.overload.view()).toEqual({ lagMs: expect.any(Number), isShedding: false });
  });

  test("without a limit of the lag they wait for longer and longer", () => {
    const arrivals = arrivalsOf([{ seconds: 20, perSecond: 3000 }], createRandom(7));
    const { seen } = createThread({ ...settings, maxLagMs: 0 }).run({
      arrivals,
      costMs: 1,
      refusalMs: 0.05,
      upstreamMs: 1,
    });
    expect(
      quantile(
        seen.map(({ afterMs }) => afterMs),
        0.5,
      ),
    ).toBeGreaterThan(10_000);
  });
});

describe("what is no overload", () => {
  test("bursts, and a load just below what it can do", () => {
    const burst = Array.from({ length: 1500 }, (_, index) => 30_000 + index / 1000);
    const steady = arrivalsOf([{ seconds: 60, perSecond: 900 }], createRandom(3));
    const arrivals = [...steady, ...burst].sort((left, right) => left - right);
    const { seen } = createThread(settings).run({ arrivals, costMs: 1, refusalMs: 0.05, upstreamMs: 100 });
    expect(refusedOf(seen)).toEqual([]);
  });

  test("being busy for longer than the lag allowed with one thing, once", () => {
    const arrivals = arrivalsOf([{ seconds: 30, perSecond: 300 }], createRandom(3));
    const load = { arrivals, costMs: 1, refusalMs: 0.05, upstreamMs: 100 };
    const { seen } = createThread(settings).run({ ...load, standstill: [10_000, 5000] });
    expect(
      quantile(
        seen.map(({ afterMs }) => afterMs),
        1 - 1 / seen.length,
      ),
    ).toBeGreaterThan(4000);
    expect(refusedOf(seen)).toEqual([]);
  });

  test("a machine that slept for a day", () => {
    const watched = createWatched();
    watched.overload.start();
    watched.pass(86_400_000);
    expect(watched.arrive(20)).toBe(0);
    watched.look();
    expect(watched.overload.view().isShedding).toBe(false);
    watched.pass(250);
    watched.look();
    expect(watched.arrive(20)).toBe(0);
    expect(watched.overload.view().lagMs).toBe(0);
  });

  test("a clock that is set back", () => {
    const watched = createWatched();
    watched.overload.start();
    watched.arrive(10);
    watched.pass(-86_400_000);
    expect(watched.arrive(1000)).toBe(0);
    watched.look();
    expect(watched.arrive(100)).toBe(0);
  });
});

describe("lag", () => {
  test("is seen within the turn that makes it, and ends that turn's taking", () => {
    const watched = createWatched();
    watched.overload.start();
    expect(watched.arrive(220)).toBe(0);
    expect(watched.arrive(100)).toBe(96);
    watched.look();
    watched.endTurn();
    // A reload changes nothing of it.
    watched.overload.configure({ maxRequests: 10, maxLagMs: 1999 });
    expect(watched.overload.view().isShedding).toBe(true);
    // Until the next look the lag counts as it was; then each turn takes its first.
    watched.pass(250);
    watched.look();
    for (let turn = 0; turn < 5; turn += 1) {
      expect(watched.arrive(3)).toBe(2);
      watched.endTurn();
    }
  });

  test("that hardly any request sees is seen by its timer, the second time", () => {
    const watched = createWatched();
    watched.overload.start();
    for (const isShedding of [false, true]) {
      watched.pass(4000);
      watched.look();
      watched.endTurn();
      expect(watched.overload.view()).toEqual({ lagMs: 3750, isShedding });
    }
    expect(watched.arrive(1)).toBe(1);
    watched.pass(100);
    watched.look();
    watched.endTurn();
    expect(watched.arrive(1)).toBe(0);
  });

  test("is told with waits that differ, so that not all come again at once", () => {
    const watched = createWatched();
    watched.overload.start();
    watched.arrive(225);
    const waits = Array.from({ length: 30 }, () => watched.overload.refusal(0)?.retryAfterMs);
    expect(new Set(waits)).toEqual(new Set([1000, 2000, 3000]));
  });

  test("clients that wait for each other and hit it once do not stay shed", () => {
    const watched = createWatched();
    watched.overload.start();
    watched.arrive(225);
    watched.look();
    watched.endTurn();
    expect(watched.overload.view().isShedding).toBe(true);
    let refusedAfter = 0;
    // Ten of them: every turn is 100 ms long, which is no lag.
    for (let turn = 0; turn < 300; turn += 1) {
      if (watched.arrive(10) > 0) refusedAfter = turn;
      watched.endTurn();
      if (turn % 3 === 2) watched.look();
    }
    expect(refusedAfter).toBeLessThan(120);
    expect(watched.overload.view().isShedding).toBe(false);
  });

  test("is watched only while it is limited and started", () => {
    const watched = createWatched(0);
    watched.overload.start();
    expect(watched.timers).toBe(0);
    watched.overload.configure({ maxRequests: 10, maxLagMs: 1000 });
    expect(watched.timers).toBe(1);
    watched.overload.start();
    expect(watched.timers).toBe(1);
    watched.overload.stop();
    expect(watched.timers).toBe(0);
    expect(watched.arrive(1000)).toBe(0);
    watched.overload.configure({ maxRequests: 10, maxLagMs: 500 });
    expect(watched.timers).toBe(0);
  });
});

test("watching does not keep a process alive", async () => {
  const path = join(import.meta.dir, "../../src/limits/overload.ts");
  const script = `import { createOverload } from ${JSON.stringify(path)};
createOverload({ maxRequests: 1, maxLagMs: 1000 }).start();`;
  const child = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" });
  expect(await child.exited).toBe(0);
});
