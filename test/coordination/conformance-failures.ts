import { expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import type { BoundedSubject, CountFailure } from "../../src/coordination/decisions.ts";
import type { Pair } from "./conformance.ts";

const quarterMs = 15 * 60_000;

function ann(more: Partial<BoundedSubject> = {}): BoundedSubject {
  return { list: "names", name: "ann", free: 2, longestMs: 10_000, ...more };
}

/** Failures that both count. */
export function failureConformance(pair: () => Pair): void {
  let turn = 0;

  /** Whoever is asked: they are in turn. */
  function member(): Coordinator {
    turn += 1;
    return turn % 2 === 0 ? pair().first : pair().second;
  }

  async function waitOf(subjects: readonly BoundedSubject[], more: Partial<CountFailure> = {}): Promise<number> {
    const failure = { subjects, rememberedMs: quarterMs, mostNames: 100, ...more };
    return (await member().decide("failures.count", failure)).waitMs;
  }

  async function failTimes(count: number, subject: BoundedSubject, more?: Partial<CountFailure>): Promise<void> {
    for (let at = 0; at < count; at += 1) expect(await waitOf([subject], more)).toBe(0);
  }

  test("after those that are free each failure makes the next wait twice as long, up to the longest", async () => {
    const waits: number[] = [];
    for (let at = 0; at < 9; at += 1) {
      const wait = await waitOf([ann()]);
      waits.push(wait);
      pair().pass(wait);
      if (wait > 0) expect(await waitOf([ann()])).toBe(0);
    }
    expect(waits).toEqual([0, 0, 0, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  test("of many at the same time, to both, only those that are free and one more are let through", async () => {
    const waits = await Promise.all(Array.from({ length: 20 }, () => waitOf([ann()])));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(3);
  });

  test("it counts for all subjects or, where one of them has to wait, for none, and the longest wait is told", async () => {
    const slow = ann({ list: "networks", free: 0, longestMs: 500 });
    await failTimes(3, ann());
    await failTimes(1, slow);
    expect(await waitOf([slow, ann()])).toBe(1000);
    pair().pass(500);
    expect(await waitOf([slow, ann()])).toBe(500);
    // Neither has counted a further one.
    expect(await waitOf([slow])).toBe(0);
    pair().pass(500);
    await failTimes(1, ann());
    expect(await waitOf([ann()])).toBe(2000);
  });

  test("names are counted each for itself, and so is a name on two lists", async () => {
    await failTimes(3, ann());
    await failTimes(3, ann({ name: "bob" }));
    await failTimes(3, ann({ list: "networks" }));
    expect(await waitOf([ann()])).toBe(1000);
  });

  test("a failure that was none is taken back, and nobody has to wait for it; all of a name can be", async () => {
    await failTimes(3, ann());
    await failTimes(3, ann({ list: "networks" }));
    const subjects = [
      { list: "names", name: "ann", isCleared: true },
      { list: "networks", name: "ann", isCleared: false },
      { list: "networks", name: "nobody", isCleared: false },
    ];
    await member().decide("failures.forgive", { subjects });
    await failTimes(1, ann({ list: "networks" }));
    expect(await waitOf([ann({ list: "networks" })])).toBe(1000);
    await failTimes(3, ann());
    expect(await waitOf([ann()])).toBe(1000);
  });

  test("they are forgotten when there was none for long enough", async () => {
    await failTimes(2, ann());
    pair().pass(quarterMs);
    await failTimes(1, ann());
    expect(await waitOf([ann()])).toBe(1000);
    pair().pass(quarterMs + 1);
    await failTimes(3, ann());
    expect(await waitOf([ann()])).toBe(1000);
  });

  test("a list has no more names than it may: those that failed longest ago are forgotten", async () => {
    const more = { mostNames: 3 };
    const [bob, cy, di] = ["bob", "cy", "di"].map((name) => ann({ name }));
    for (const subject of [ann(), bob, cy, ann(), ann()]) {
      if (subject !== undefined) await failTimes(1, subject, more);
      pair().pass(1);
    }
    if (di !== undefined) await failTimes(1, di, more);
    expect(await waitOf([ann()], more)).toBeGreaterThan(0);
    if (bob !== undefined) await failTimes(3, bob, more);
  });

  test("a clock that is set back makes nobody wait longer than the longest", async () => {
    await failTimes(3, ann());
    pair().pass(-3_600_000);
    expect(await waitOf([ann()])).toBe(10_000);
    pair().pass(3_600_000);
  });
}
