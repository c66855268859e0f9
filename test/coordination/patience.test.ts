import { expect, test } from "bun:test";
import { createPatience } from "../../src/coordination/redis/patience.ts";

/** A clock, and a process that is as late with its timers as it is told. */
function world() {
  let time = 1000;
  let due: { at: number; ring: () => void } | undefined;
  const rung: number[] = [];
  const patience = createPatience(60, {
    now: () => time,
    after: (milliseconds, ring) => void (due = { at: time + milliseconds, ring }),
  });
  return {
    rung,
    wait: () => patience.wait(() => rung.push(time - 1000)),
    /** Runs so many timers, each so late. */
    run: (count: number, lateMs = 0): void => {
      for (let timer = 0; timer < count && due !== undefined; timer += 1) {
        const { at, ring } = due;
        due = undefined;
        time = at + lateMs;
        ring();
      }
    },
    isIdle: () => due === undefined,
  };
}

test("an answer that does not come is missed after the time, and a tick at most", () => {
  const { wait, run, rung, isIdle } = world();
  wait();
  run(4);
  expect(rung).toEqual([]);
  run(1);
  expect(rung).toEqual([75]);
  expect(isIdle()).toBe(true);
});

test("one that came is not, and nothing ticks any more", () => {
  const { wait, run, rung, isIdle } = world();
  wait()();
  run(100);
  expect(rung).toEqual([]);
  expect(isIdle()).toBe(true);
});

test("time in which the process hardly runs does not count, but for eight times the time at most", () => {
  const { wait, run, rung } = world();
  wait();
  run(5, 30);
  expect(rung).toEqual([]);
  run(100, 30);
  expect(rung[0]).toBeGreaterThanOrEqual(480);
  expect(rung[0]).toBeLessThan(560);
});

test("who asks later waits as long", () => {
  const { wait, run, rung } = world();
  wait();
  run(3);
  wait();
  run(10);
  expect(rung).toEqual([75, 120]);
});
