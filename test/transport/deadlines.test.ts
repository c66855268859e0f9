import { afterEach, describe, expect, test } from "bun:test";
import { createDeadlines, type DeadlineOptions, type Deadlines } from "../../src/transport/deadlines.ts";

interface Watched {
  deadlines: Deadlines;
  log: string[];
  /** Settles at the next event of the given kind. */
  next: (kind: "silence" | "heartbeat") => Promise<void>;
}

const never = 3_600_000;
let running: Deadlines[] = [];
afterEach(() => {
  for (const deadlines of running) deadlines.stop();
  running = [];
});

function watched(options: Partial<Pick<DeadlineOptions, "silenceMs" | "heartbeatMs">>): Watched {
  const log: string[] = [];
  const waiting: { kind: string; resolve: () => void }[] = [];
  const note = (kind: string): void => {
    log.push(kind);
    for (const waiter of waiting.splice(0)) {
      if (waiter.kind === kind) waiter.resolve();
      else waiting.push(waiter);
    }
  };
  const deadlines = createDeadlines({
    silenceMs: never,
    heartbeatMs: never,
    ...options,
    onSilence: () => note("silence"),
    onHeartbeat: () => note("heartbeat"),
  });
  running.push(deadlines);
  return {
    deadlines,
    log,
    next(kind) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ kind, resolve });
      return promise;
    },
  };
}

describe("silence of the upstream", () => {
  test("is told once, not before its time", async () => {
    const from = performance.now();
    const { log, next } = watched({ silenceMs: 30 });
    await next("silence");
    expect(performance.now() - from).toBeGreaterThanOrEqual(29);
    await Bun.sleep(50);
    expect(log).toEqual(["silence"]);
  });

  test("counts from the last time it was heard", async () => {
    const { deadlines, next } = watched({ silenceMs: 40 });
    await Bun.sleep(25);
    const heardAt = performance.now();
    deadlines.heard();
    await next("silence");
    expect(performance.now() - heardAt).toBeGreaterThanOrEqual(39);
  });

  test("has no limit until it is given one, which counts from then", async () => {
    const { deadlines, log, next } = watched({ silenceMs: undefined });
    await Bun.sleep(50);
    expect(log).toEqual([]);
    const limitedAt = performance.now();
    deadlines.limitSilence(45);
    await next("silence");
    expect(performance.now() - limitedAt).toBeGreaterThanOrEqual(44);
  });

  test("ends the heart-beats too", async () => {
    const { log, next } = watched({ silenceMs: 110, heartbeatMs: 10 });
    await next("silence");
    const count = log.length;
    await Bun.sleep(50);
    expect(log).toHaveLength(count);
    expect(log.filter((kind) => kind === "heartbeat").length).toBeGreaterThanOrEqual(1);
  });
});

describe("heart-beats", () => {
  test("come again and again while the client hears nothing", async () => {
    const { log, next } = watched({ heartbeatMs: 10 });
    for (let count = 0; count < 3; count += 1) await next("heartbeat");
    expect(log).toEqual(["heartbeat", "heartbeat", "heartbeat"]);
  });

  test("wait when the client was told something", async () => {
    const { deadlines, next } = watched({ heartbeatMs: 30 });
    await Bun.sleep(20);
    const toldAt = performance.now();
    deadlines.told();
    await next("heartbeat");
    expect(performance.now() - toldAt).toBeGreaterThanOrEqual(29);
  });

  test("do not count as words of the upstream", async () => {
    const from = performance.now();
    const { next } = watched({ silenceMs: 35, heartbeatMs: 10 });
    await next("silence");
    expect(performance.now() - from).toBeLessThan(200);
  });
});

test("nothing happens after the stop", async () => {
  const { deadlines, log } = watched({ silenceMs: 10, heartbeatMs: 5 });
  deadlines.stop();
  await Bun.sleep(50);
  expect(log).toEqual([]);
});
