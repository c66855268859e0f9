import { describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../../src/errors.ts";
import { createScene, failed, live, liveTimes, settingsOf } from "./scene.ts";

describe("a target's circuit opens", () => {
  test("after maxErrors errors in a row, and not one before", () => {
    const { target, alarms } = createScene({ health: { maxErrors: 4 } });
    liveTimes(3, target, failed());
    expect([target.isBlocked(), target.status()]).toEqual([false, "degraded"]);
    live(target, failed());
    expect([target.isBlocked(), target.status(), alarms]).toEqual([true, "unhealthy", ["p/m opened"]]);
  });

  test("not when a success stands between", () => {
    const { target } = createScene({ health: { minRequests: 1000 } });
    for (let round = 0; round < 10; round += 1) {
      liveTimes(4, target, failed());
      live(target, "ok");
    }
    expect(target.view()).toMatchObject({ circuit: "closed", requests: 50, errors: 40, errorsInRow: 0 });
  });

  test("from a share of errors on, once there are minRequests of them in the window", () => {
    const { target } = createScene({ health: { maxErrors: 100, minRequests: 10, errorRate: 0.4 } });
    for (let round = 0; round < 3; round += 1) {
      live(target, failed());
      liveTimes(2, target, "ok");
    }
    expect(target.view()).toMatchObject({ circuit: "closed", requests: 9, errors: 3, status: "healthy" });
    live(target, failed());
    expect(target.view()).toMatchObject({ circuit: "open", reason: expect.stringContaining("40 % of 10 requests") });
  });

  test("not for a share of errors that happened before the window", () => {
    const { target, pass } = createScene({ health: { maxErrors: 100, window: "60s" } });
    liveTimes(8, target, failed());
    pass(61_000);
    liveTimes(8, target, failed());
    expect(target.view()).toMatchObject({ circuit: "closed", requests: 8, errors: 8 });
    liveTimes(2, target, failed());
    expect(target.view()).toMatchObject({ circuit: "open", errors: 10 });
  });

  test.each([
    "upstream_error",
    "upstream_unreachable",
    "upstream_overloaded",
    "upstream_timeout",
    "upstream_invalid_response",
  ] as ErrorCode[])("by %s", (code) => {
    const { target } = createScene();
    liveTimes(5, target, failed(code));
    expect(target.isBlocked()).toBe(true);
  });

  test.each([
    "client_cancelled",
    "draining",
    "rate_limit_exceeded",
    "upstream_rejected_credential",
    "insufficient_quota",
    "model_not_found",
    "upstream_empty_answer",
    "content_policy_violation",
    "context_length_exceeded",
  ] as ErrorCode[])("never by %s, which is not even counted", (code) => {
    const { target } = createScene();
    liveTimes(100, target, failed(code));
    live(target, failed("invalid_request"));
    liveTimes(100, target, "neutral");
    expect(target.view()).toMatchObject({ status: "healthy", requests: 0, errors: 0, lastError: undefined });
  });
});

describe("an open circuit", () => {
  const settings = { health: { cooldown: "5s", retryAfter: "60s", recoverAfter: 2 } };

  test("lets one request through when its time is over, and only one", () => {
    const { target, pass, now } = createScene(settings);
    liveTimes(5, target, failed());
    expect(target.openUntil()).toBe(now() + 5000);
    pass(4999);
    expect([target.isBlocked(), target.isProbeDue(), target.begin().isProbe]).toEqual([true, false, false]);
    pass(1);
    expect([target.isBlocked(), target.isProbeDue(), target.status()]).toEqual([false, true, "degraded"]);
    const probe = target.begin();
    expect([probe.isProbe, target.isBlocked(), target.isProbeDue(), target.openUntil()]).toEqual([
      true,
      true,
      false,
      undefined,
    ]);
    expect(target.begin().isProbe).toBe(false);
    probe.end("neutral");
    expect([target.isBlocked(), target.begin().isProbe]).toEqual([false, true]);
  });

  test("closes after recoverAfter successes in a row, with a window that begins anew", () => {
    const { target, pass, alarms } = createScene(settings);
    liveTimes(5, target, failed());
    pass(5000);
    expect(live(target, "ok")).toBe(true);
    expect(target.view().circuit).toBe("half_open");
    expect(live(target, "ok")).toBe(true);
    expect(target.view()).toMatchObject({ circuit: "closed", status: "healthy", requests: 0, errors: 0 });
    expect(alarms).toEqual(["p/m opened", "p/m closed"]);
    live(target, failed());
    expect(target.isBlocked()).toBe(false);
  });

  test("stays open twice as long with every failed probe, at most retryAfter, and is alarmed once", () => {
    const { target, pass, now, alarms } = createScene(settings);
    liveTimes(5, target, failed());
    for (const seconds of [5, 10, 20, 40, 60, 60, 60]) {
      expect(target.openUntil()).toBe(now() + seconds * 1000);
      pass(seconds * 1000);
      expect(live(target, failed())).toBe(true);
    }
    expect(alarms).toEqual(["p/m opened"]);
    pass(60_000);
    liveTimes(2, target, "ok");
    liveTimes(5, target, failed());
    expect(target.openUntil()).toBe(now() + 5000);
  });

  test("counts a success that is followed by a failed probe for nothing", () => {
    const { target, pass } = createScene(settings);
    liveTimes(5, target, failed());
    pass(5000);
    live(target, "ok");
    live(target, failed());
    pass(10_000);
    live(target, "ok");
    expect(target.view().circuit).toBe("half_open");
    live(target, "ok");
    expect(target.view().circuit).toBe("closed");
  });

  test("closes by requests that were sent because nothing else was left, too", () => {
    const { target } = createScene(settings);
    liveTimes(5, target, failed());
    live(target, "ok");
    expect(target.view().circuit).toBe("open");
    live(target, "ok");
    expect(target.view().circuit).toBe("closed");
  });

  test("does not stay open longer for requests that were sent because nothing else was left", () => {
    const { target, now } = createScene(settings);
    liveTimes(5, target, failed());
    const until = now() + 5000;
    liveTimes(50, target, failed());
    expect(target.openUntil()).toBe(until);
  });

  test("is moved by nothing that began before it opened", () => {
    const { target, pass } = createScene(settings);
    const streams = Array.from({ length: 10 }, () => target.begin());
    for (const stream of streams) stream.opened(100, "stream");
    liveTimes(5, target, failed());
    for (const stream of streams.slice(0, 5)) stream.end("ok");
    expect(target.view().circuit).toBe("open");
    pass(5000);
    liveTimes(2, target, "ok");
    for (const stream of streams.slice(5)) stream.end(failed("upstream_error"));
    expect(target.view()).toMatchObject({ circuit: "closed", errors: 0, inFlight: 0 });
    expect(target.view().lastError?.code).toBe("upstream_error");
  });

  test("is not blocked for ever by a probe that never ends", () => {
    const { target, pass } = createScene(settings);
    liveTimes(5, target, failed());
    pass(5000);
    const lost = target.begin();
    pass(9 * 60_000);
    expect(target.isBlocked()).toBe(true);
    pass(60_000);
    expect(target.isBlocked()).toBe(false);
    expect(target.begin().isProbe).toBe(true);
    lost.end("neutral");
    expect(target.isBlocked()).toBe(true);
  });

  test("is not blocked longer by a clock that is set back", () => {
    const { target, pass, now } = createScene(settings);
    liveTimes(5, target, failed());
    pass(-10 * 3_600_000);
    expect(target.openUntil()).toBe(now() + 5000);
    pass(5000);
    const lost = target.begin();
    expect(lost.isProbe).toBe(true);
    pass(-10 * 3_600_000);
    expect(target.openUntil()).toBe(now() + 5000);
    pass(5000);
    expect(target.isBlocked()).toBe(false);
  });
});

describe("a stream", () => {
  test("that opened and broke later is one failure, and no success", () => {
    const { target } = createScene();
    const ticket = target.begin();
    ticket.opened(120, "stream");
    ticket.end(failed("upstream_error"));
    expect(target.view()).toMatchObject({ requests: 1, errors: 1, errorsInRow: 1, lastSuccessAt: undefined });
  });

  test("as a probe makes room for the next one when its content begins, and still counts when it ends", () => {
    const { target, pass } = createScene();
    liveTimes(5, target, failed());
    pass(5000);
    const [first, second] = [target.begin(), target.begin()];
    expect([first.isProbe, second.isProbe, target.isBlocked()]).toEqual([true, false, true]);
    first.opened(100, "stream");
    expect(target.isBlocked()).toBe(false);
    const third = target.begin();
    expect(third.isProbe).toBe(true);
    first.end(failed());
    expect(target.view().circuit).toBe("open");
    third.end("ok");
    expect(target.view().circuit).toBe("open");
  });
});

describe("a ticket", () => {
  test("is ended once, however often that is said", () => {
    const { target } = createScene();
    const [one, other] = [target.begin(), target.begin()];
    expect(target.inFlight).toBe(2);
    one.end(failed());
    one.end(failed());
    one.end("ok");
    one.opened(5, "whole");
    expect(target.inFlight).toBe(1);
    expect(target.view()).toMatchObject({ requests: 1, errors: 1, latencyMs: { whole: undefined } });
    other.end("neutral");
    other.end("neutral");
    expect(target.inFlight).toBe(0);
  });
});

describe("the status", () => {
  test("is degraded after two errors in a row, and not for ever", () => {
    const { target, pass } = createScene({ health: { window: "60s" } });
    live(target, failed());
    expect(target.status()).toBe("healthy");
    live(target, failed());
    expect([target.status(), target.reason()]).toEqual([
      "degraded",
      "2 errors in a row, the last: It was upstream_overloaded.",
    ]);
    pass(60_000);
    expect([target.status(), target.reason()]).toEqual(["healthy", undefined]);
  });

  test("is not degraded for longer by a clock that is set back", () => {
    const { target, pass } = createScene({ health: { window: "60s" } });
    liveTimes(2, target, failed());
    pass(-1000);
    expect(target.status()).toBe("degraded");
    pass(-24 * 3_600_000);
    expect([target.status(), target.reason()]).toEqual(["healthy", undefined]);
  });

  test("can be told without an upstream's words, by what opened the circuit", () => {
    const { target } = createScene({ health: { maxErrors: 100, minRequests: 10, errorRate: 0.5 } });
    const error = failed("upstream_error", { message: "Cannot read 'My secret'", details: { upstreamStatus: 500 } });
    expect(target.bareReason()).toBeUndefined();
    liveTimes(2, target, error);
    expect(target.bareReason()).toBe("2 errors in a row, the last 500 upstream_error");
    for (let count = 0; count < 4; count += 1) {
      live(target, "ok");
      live(target, error);
    }
    expect(target.isBlocked()).toBe(true);
    expect(target.bareReason()).toBe("60 % of 10 requests failed, the last 500 upstream_error");
    expect(target.reason()).toBe("60 % of 10 requests failed, the last: Cannot read 'My secret'");
  });

  test("is degraded from a share of errors on", () => {
    const { target } = createScene();
    live(target, failed());
    liveTimes(9, target, "ok");
    expect([target.status(), target.reason()]).toEqual([
      "degraded",
      "10 % of 10 requests failed, the last: It was upstream_overloaded.",
    ]);
    live(target, "ok");
    expect(target.status()).toBe("healthy");
  });

  test("tells the upstream's own status, and no more words than are of use", () => {
    const { target, now } = createScene();
    live(target, failed("upstream_error", { message: "x".repeat(5000), details: { upstreamStatus: 500 } }));
    expect(target.view().lastError).toEqual({
      at: now(),
      code: "upstream_error",
      status: 500,
      message: "x".repeat(300),
    });
  });
});

test("new settings hold for what is known already", () => {
  const { registry, target } = createScene();
  const { health, failover } = { health: { maxErrors: 2 }, failover: { minRetries: 1 } };
  expect([1, 2, 3, 4].map(() => target.takeRetry())).toEqual([true, true, true, false]);
  live(target, failed());
  registry.configure(settingsOf({ health, failover }));
  live(target, failed());
  expect(target.isBlocked()).toBe(true);
  expect(target.takeRetry()).toBe(false);
});

test("a window of another length begins empty", () => {
  const { registry, target } = createScene();
  liveTimes(3, target, "ok");
  registry.configure(settingsOf({ health: { window: "10s" } }));
  live(target, "ok");
  expect(target.view().requests).toBe(1);
});
