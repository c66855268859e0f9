import { describe, expect, test } from "bun:test";
import { createScene } from "./scene.ts";

function createTimed() {
  const { target, pass } = createScene();
  return {
    target,
    pass,
    take: (milliseconds: number, kind: "stream" | "whole" = "whole"): void => {
      const ticket = target.begin();
      ticket.opened(milliseconds, kind);
      ticket.end("ok");
    },
  };
}

describe("the latency", () => {
  test("is not known before the first answer, and then that of the other kind where there is none of its own", () => {
    const { target, take } = createTimed();
    expect([target.latencyMs("stream"), target.latencyMs("whole")]).toEqual([undefined, undefined]);
    take(400, "whole");
    expect([target.latencyMs("stream"), target.latencyMs("whole")]).toEqual([400, 400]);
    take(100, "stream");
    expect([target.latencyMs("stream"), target.latencyMs("whole")]).toEqual([100, 400]);
    expect(target.view().latencyMs).toEqual({ stream: 100, whole: 400 });
  });

  test("rises to a peak at once, and falls from it to what is usual within seconds", () => {
    const { target, take, pass } = createTimed();
    for (let count = 0; count < 20; count += 1) take(100);
    take(2000);
    expect(target.latencyMs("whole")).toBe(2000);
    const usual = 100 + 0.2 * 1900;
    pass(10_000);
    expect(target.latencyMs("whole")).toBeCloseTo(usual + (2000 - usual) / Math.E, 5);
    pass(120_000);
    expect(target.latencyMs("whole")).toBeCloseTo(usual, 0);
  });

  test("does not fall at once because of one quick answer", () => {
    const { target, take, pass } = createTimed();
    take(1000);
    pass(100);
    take(10);
    expect(target.latencyMs("whole")).toBeGreaterThan(950);
    for (let count = 0; count < 120; count += 1) {
      pass(1000);
      take(10);
    }
    expect(target.latencyMs("whole")).toBeCloseTo(10, 0);
  });

  test("of a slow target is forgotten, so that it gets another chance", () => {
    const { target, take, pass } = createTimed();
    take(9000);
    pass(10 * 60_000);
    expect(target.latencyMs("whole")).toBe(9000);
    pass(1);
    expect(target.latencyMs("whole")).toBeUndefined();
    take(50);
    expect(target.latencyMs("whole")).toBe(50);
  });

  test("takes no number that is none, and a clock that is set back does not hurt", () => {
    const { target, take, pass } = createTimed();
    for (const strange of [Number.NaN, Infinity, -1]) take(strange);
    expect(target.latencyMs("whole")).toBeUndefined();
    take(100);
    pass(-3_600_000);
    expect(target.latencyMs("whole")).toBe(100);
    take(200);
    expect(target.latencyMs("whole")).toBe(200);
  });
});
