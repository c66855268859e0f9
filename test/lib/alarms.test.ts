import { describe, expect, test } from "bun:test";
import { createAlarms } from "../../src/lib/alarms.ts";
import { until } from "../support/e2e.ts";

/** Longer than a tick: what was due by then has rung. */
const aTick = 40;

describe("an alarm", () => {
  test("rings once, not before its time", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    let rings = 0;
    const from = performance.now();
    createAlarms().set(30, () => {
      rings += 1;
      resolve(performance.now() - from);
    });
    expect(await promise).toBeGreaterThanOrEqual(29);
    await Bun.sleep(aTick);
    expect(rings).toBe(1);
  });

  test("that was called off does not ring", async () => {
    const alarms = createAlarms();
    let rang = "";
    const callOff = alarms.set(1, () => (rang += "off"));
    alarms.set(1, () => (rang += "on"));
    callOff();
    callOff();
    await until(() => rang !== "", "the other alarm");
    expect(rang).toBe("on");
  });

  test("may set another one and call one off while it rings", async () => {
    const alarms = createAlarms();
    const log: string[] = [];
    let callOffSecond: (() => void) | undefined;
    alarms.set(1, () => {
      log.push("first");
      callOffSecond?.();
      alarms.set(1, () => log.push("next"));
    });
    callOffSecond = alarms.set(1, () => log.push("second"));
    await until(() => log.includes("next"), "the next alarm");
    expect(log).toEqual(["first", "next"]);
  });

  test("rings by the clock it was given", async () => {
    let now = 0;
    const alarms = createAlarms(() => now);
    let rang = false;
    alarms.set(60_000, () => (rang = true));
    await Bun.sleep(aTick);
    expect(rang).toBe(false);
    now = 60_000;
    await until(() => rang, "the alarm");
  });

  test("set long after all others rang still rings", async () => {
    const alarms = createAlarms();
    for (let round = 0; round < 3; round += 1) {
      const { promise, resolve } = Promise.withResolvers<void>();
      alarms.set(1, resolve);
      await promise;
      await Bun.sleep(aTick);
    }
  });
});

test("an alarm that throws does not silence the others, those set later included", async () => {
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
  expect((await new Response(child.stdout).text()).trim()).toBe("before, after, later");
});

const script = `
import { createAlarms } from "${import.meta.dir}/../../src/lib/alarms.ts";
process.on("uncaughtException", () => undefined);
const alarms = createAlarms();
const log = [];
alarms.set(1, () => log.push("before"));
alarms.set(1, () => { throw new Error("a bug in a ring"); });
alarms.set(1, () => log.push("after"));
setTimeout(() => alarms.set(1, () => log.push("later")), 60);
setTimeout(() => { console.log(log.join(", ")); process.exit(0); }, 160);
`;

test("ten thousand alarms set and called off leave nothing behind", async () => {
  let now = 0;
  const alarms = createAlarms(() => now);
  let rings = 0;
  const callOffs = Array.from({ length: 10_000 }, () => alarms.set(10, () => (rings += 1)));
  for (const callOff of callOffs) callOff();
  alarms.set(10, () => (rings += 1));
  now = 20;
  await until(() => rings > 0, "the last alarm");
  expect(rings).toBe(1);
});
