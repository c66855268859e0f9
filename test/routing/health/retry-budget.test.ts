import { describe, expect, test } from "bun:test";
import { createScene, failed } from "./scene.ts";

/** Requests that all fail and are repeated twice as long as that is allowed; how often the target was asked. */
function attemptsOf({ perSecond, seconds }: { perSecond: number; seconds: number }): number {
  const { target, pass } = createScene({ health: { maxErrors: 5 } });
  let attempts = 0;
  const attempt = (isRetry: boolean): void => {
    attempts += 1;
    target.begin({ isRetry }).end(failed("upstream_overloaded"));
  };
  for (let request = 0; request < perSecond * seconds; request += 1) {
    pass(1000 / perSecond);
    attempt(false);
    for (let retry = 0; retry < 2 && target.takeRetry(); retry += 1) attempt(true);
  }
  return attempts;
}

describe("the retry budget", () => {
  test("keeps a minute of pure failure at 500 requests a second below 1.2 × requests + 3 attempts", () => {
    const attempts = attemptsOf({ perSecond: 500, seconds: 60 });
    expect(attempts).toBeLessThanOrEqual(1.2 * 30_000 + 3);
    expect(attempts).toBeGreaterThan(1.15 * 30_000);
  });

  test("keeps that bound at other rates, too", () => {
    for (const perSecond of [2, 7, 50, 333])
      expect(attemptsOf({ perSecond, seconds: 60 })).toBeLessThanOrEqual(1.2 * perSecond * 60 + 3);
  });

  test("allows a few retries where there are few requests", () => {
    const { target, pass } = createScene();
    target.begin();
    expect([1, 2, 3, 4].map(() => target.takeRetry())).toEqual([true, true, true, false]);
    pass(9000);
    expect(target.takeRetry()).toBe(false);
    pass(1000);
    expect(target.takeRetry()).toBe(true);
  });

  test("counts requests of the last ten seconds, retries not among them", () => {
    const { target, pass } = createScene({ failover: { minRetries: 0, retryShare: 0.5 } });
    expect(target.takeRetry()).toBe(false);
    for (let request = 0; request < 4; request += 1) target.begin();
    for (let retry = 0; retry < 20; retry += 1) target.begin({ isRetry: true });
    expect([1, 2, 3].map(() => target.takeRetry())).toEqual([true, true, false]);
    pass(11_000);
    expect(target.takeRetry()).toBe(false);
  });
});
