import { expect, test } from "bun:test";
import { createHeartbeat, type HeartbeatOptions } from "../../src/coordination/redis/heartbeat.ts";

/** A heart whose turns come when they are told to. */
function createHeart(changes: Partial<HeartbeatOptions> = {}) {
  const done: string[] = [];
  const delays: number[] = [];
  let ring: (() => void) | undefined;
  const heart = createHeartbeat({
    beat: () => Promise.resolve(done.push("beat")),
    listenAnew: () => Promise.resolve(void done.push("listen")),
    after(milliseconds, work) {
      delays.push(milliseconds);
      ring = work;
      return () => void (ring = undefined);
    },
    random: () => 0.5,
    ...changes,
  });
  async function turn(): Promise<void> {
    const due = ring;
    ring = undefined;
    due?.();
    await Bun.sleep(0);
  }
  return { heart, done, delays, turn, isWaiting: () => ring !== undefined };
}

test("two beats that are not heard make it listen anew, and it begins to count again", async () => {
  const { done, turn } = createHeart();
  for (let turns = 0; turns < 6; turns += 1) await turn();
  expect(done).toEqual(["beat", "beat", "listen", "beat", "beat", "listen"]);
});

test("a beat that is heard is none that was missed", async () => {
  const { heart, done, turn } = createHeart({
    beat() {
      done.push("beat");
      heart.heard();
      return Promise.resolve();
    },
  });
  for (let turns = 0; turns < 20; turns += 1) await turn();
  expect(done).toEqual(Array.from({ length: 10 }, () => "beat"));
});

test("who hears others sends no beat", async () => {
  const { heart, done, turn } = createHeart();
  for (let turns = 0; turns < 20; turns += 1) {
    heart.heard();
    await turn();
  }
  expect(done).toEqual([]);
});

test("beats that cannot be sent are not missed", async () => {
  let tries = 0;
  const { done, turn } = createHeart({
    beat() {
      tries += 1;
      return Promise.reject(new Error("It is away."));
    },
  });
  for (let turns = 0; turns < 10; turns += 1) await turn();
  expect(tries).toBe(10);
  expect(done).toEqual([]);
});

test("where no connection can be had it is tried at every turn", async () => {
  let tries = 0;
  const { done, turn } = createHeart({
    listenAnew() {
      tries += 1;
      return tries < 4 ? Promise.reject(new Error("There is none.")) : Promise.resolve();
    },
  });
  for (let turns = 0; turns < 7; turns += 1) await turn();
  expect(tries).toBe(4);
  expect(done).toEqual(["beat", "beat", "beat"]);
});

test("turns of several gateways are spread", () => {
  const delays = [0, 0.5, 1].map((chance) => createHeart({ random: () => chance }).delays[0]);
  expect(delays).toEqual([640, 800, 960]);
});

test("one that was stopped does nothing any more, also when it was at work", async () => {
  const idle = createHeart();
  idle.heart.stop();
  expect(idle.isWaiting()).toBe(false);
  const sent = Promise.withResolvers<void>();
  const busy = createHeart({ beat: () => sent.promise });
  await busy.turn();
  busy.heart.stop();
  sent.resolve();
  await Bun.sleep(0);
  expect(busy.isWaiting()).toBe(false);
});

test("it does not keep a process alive", async () => {
  const source = `import { createHeartbeat } from "./src/coordination/redis/heartbeat.ts";
    createHeartbeat({ beat: () => Promise.resolve(), listenAnew: () => Promise.resolve() });`;
  const child = Bun.spawn([process.execPath, "-e", source], { stdio: ["ignore", "ignore", "inherit"], timeout: 5000 });
  expect(await child.exited).toBe(0);
});
