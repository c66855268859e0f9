import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { clientLeft, createCancellation, pause } from "../../src/gateway/cancellation.ts";

const hour = 3_600_000;
const draining = new GatewayError({ code: "draining", status: 503, message: "m" });

describe("a request stops", () => {
  test("when its client leaves", () => {
    const client = new AbortController();
    const cancellation = createCancellation(client.signal, hour);
    const attempt = cancellation.begin();
    expect(cancellation.reason()).toBeUndefined();
    client.abort();
    expect(cancellation.reason()).toMatchObject({ code: "client_cancelled", status: 499 });
    expect(attempt.reason()).toBe(cancellation.reason());
    cancellation.end();
  });

  test("when its client had left before", () => {
    const cancellation = createCancellation(AbortSignal.abort(), hour);
    expect(cancellation.reason()?.code).toBe("client_cancelled");
    expect(cancellation.begin().reason()).toBe(cancellation.reason());
    cancellation.end();
  });

  test("when its total time is over, with the setting's name", async () => {
    const cancellation = createCancellation(new AbortController().signal, 20);
    const { promise: stopped, resolve } = Promise.withResolvers<Error>();
    cancellation.begin().onStop(resolve);
    const reason = await stopped;
    expect(cancellation.reason() === reason).toBe(true);
    expect(cancellation.reason()).toMatchObject({ code: "upstream_timeout", status: 504, retryable: false });
    expect(cancellation.reason()?.message).toContain("timeouts.total");
  });

  test("for one reason: the first stays", () => {
    const client = new AbortController();
    const cancellation = createCancellation(client.signal, hour);
    cancellation.cancel(draining);
    client.abort();
    cancellation.cancel(clientLeft());
    expect(cancellation.reason()).toBe(draining);
    expect(cancellation.begin().reason()).toBe(draining);
    cancellation.end();
  });

  test("only the try that is under way is stopped", () => {
    const cancellation = createCancellation(new AbortController().signal, hour);
    const first = cancellation.begin();
    const second = cancellation.begin();
    cancellation.cancel(draining);
    expect([first.reason(), second.reason()]).toEqual([undefined, draining]);
    cancellation.end();
  });

  test("no longer once it has ended: an answer in flight stays whole", async () => {
    const client = new AbortController();
    const cancellation = createCancellation(client.signal, 15);
    const attempt = cancellation.begin();
    cancellation.end();
    client.abort();
    await Bun.sleep(50);
    expect([attempt.reason(), cancellation.reason()]).toEqual([undefined, undefined]);
  });
});

describe("a pause", () => {
  test("lasts as long as it was said", async () => {
    const from = performance.now();
    await pause(25, createCancellation(new AbortController().signal, hour));
    expect(performance.now() - from).toBeGreaterThanOrEqual(24);
  });

  test("ends at once when the request is stopped, before or while it lasts", async () => {
    const from = performance.now();
    const stopped = createCancellation(AbortSignal.abort(), hour);
    await pause(hour, stopped);
    const client = new AbortController();
    const waiting = pause(hour, createCancellation(client.signal, hour));
    client.abort();
    await waiting;
    expect(performance.now() - from).toBeLessThan(100);
  });
});
