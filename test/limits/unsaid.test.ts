import { expect, test } from "bun:test";
import { createUnsaid, type UnsaidOptions } from "../../src/limits/unsaid.ts";
import { settled } from "./limiter-world.ts";
import type { CoordinatorState } from "../../src/coordination/coordinator.ts";

interface Numbered {
  readonly number: number;
}

function createWorld(sums?: UnsaidOptions<Numbered>["sums"]) {
  const said: number[] = [];
  const warned: string[] = [];
  let attempts = 0;
  let isRefusing = true;
  const ticks = new Set<() => void>();
  const watchers = new Set<(state: CoordinatorState) => void>();
  const state: CoordinatorState = { isUp: true, problem: undefined };
  const unsaid = createUnsaid<Numbered>({
    sums,
    coordinator: {
      state: () => state,
      onState(listener) {
        watchers.add(listener);
        return () => void watchers.delete(listener);
      },
    },
    async say({ number }) {
      attempts += 1;
      await Promise.resolve();
      if (isRefusing) throw new Error("no writes");
      said.push(number);
    },
    log: { warn: (message) => void warned.push(message) },
    every(_milliseconds, work) {
      ticks.add(work);
      return () => void ticks.delete(work);
    },
  });
  return {
    unsaid,
    said,
    warned,
    attempts: () => attempts,
    takeWrites: () => void (isRefusing = false),
    tick: () => ticks.forEach((work) => work()),
    change: () => watchers.forEach((watcher) => watcher(state)),
  };
}

async function untilQuiet(attempts: () => number): Promise<void> {
  for (let before = -1; before !== attempts();) {
    before = attempts();
    await settled();
  }
}

test("what fails is tried again once a second, a batch of it, however much there is", async () => {
  const { unsaid, attempts, tick } = createWorld();
  for (let number = 0; number < 1000; number += 1) unsaid.keep({ number });
  await untilQuiet(attempts);
  expect(attempts()).toBe(0);
  tick();
  tick();
  await untilQuiet(attempts);
  expect(attempts()).toBe(100);
});

test("all is said, in order and once, as soon as it is taken", async () => {
  for (const wake of ["tick", "change"] as const) {
    const world = createWorld();
    for (let number = 0; number < 250; number += 1) world.unsaid.say({ number });
    await untilQuiet(world.attempts);
    world.takeWrites();
    world[wake]();
    await untilQuiet(world.attempts);
    world[wake]();
    await untilQuiet(world.attempts);
    expect(world.said).toEqual(Array.from({ length: 250 }, (_, number) => number));
  }
});

test("of too much the oldest is left out, which is said once", async () => {
  const { unsaid, said, warned, attempts, takeWrites, tick } = createWorld();
  for (let number = 0; number < 10_003; number += 1) unsaid.keep({ number });
  expect(warned).toEqual([expect.stringContaining("the oldest are left out")]);
  takeWrites();
  tick();
  await untilQuiet(attempts);
  expect([said.length, said[0]]).toEqual([10_000, 3]);
});

test("where there are sums nothing is left out: what was never said becomes part of one, what may have been heard does not", async () => {
  const summed: number[] = [];
  const { unsaid, said, warned, attempts, takeWrites, tick } = createWorld({
    add: ({ number }) => void summed.push(number),
    take: () => summed.splice(0).map((number) => ({ number: number + 0.5 })),
  });
  for (let number = 0; number < 10; number += 1) unsaid.say({ number });
  await untilQuiet(attempts);
  for (let number = 10; number < 10_020; number += 1) unsaid.keep({ number });
  expect(summed).toEqual(Array.from({ length: 20 }, (_, at) => 10 + at));
  takeWrites();
  tick();
  await untilQuiet(attempts);
  expect(said).toHaveLength(10_020);
  expect(said.slice(0, 11)).toEqual([...Array.from({ length: 10 }, (_, at) => at), 30]);
  expect(said.slice(-20)).toEqual(Array.from({ length: 20 }, (_, at) => 10.5 + at));
  expect(warned).toEqual([]);
});

test("nothing is said after the end", async () => {
  const { unsaid, attempts, tick } = createWorld();
  unsaid.keep({ number: 1 });
  unsaid.close();
  tick();
  await untilQuiet(attempts);
  expect(attempts()).toBe(0);
});
