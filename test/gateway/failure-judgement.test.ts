import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { attempt } from "../../src/gateway/attempt.ts";
import { openWithFailover } from "../../src/gateway/failover.ts";
import { errorResponse } from "../../src/gateway/respond.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { failure, hangBeforeHeaders, okJson } from "../support/replies.ts";
import { expectAllClosed, rejectionOf, startRun } from "./rig.ts";
import { routed, targetOf, type Routed } from "./routed.ts";

const upstream = await createFakeUpstream();
beforeEach(() => upstream.clear());
afterEach(() => expectAllClosed(upstream.requests));
afterAll(() => upstream.close());

const at = (provider: string) => ({ provider, model: `${provider}-m` });

/** A model `m` at these providers, in order. */
function routedTo(providers: Record<string, object>, model: object = {}): Routed {
  const entries = Object.entries(providers).map(([name, fields]) => [
    name,
    openaiCompatibleAt(upstream.url, { credentials: [`${name}-key`], retries: 0, ...fields }),
  ]);
  const targets = Object.keys(providers).map(at);
  return routed(configured({ providers: Object.fromEntries(entries), models: { m: { targets, ...model } } }));
}

const limitedFor = (headers: Record<string, string>): Behaviour => failure(429, { headers });

describe("a request whose own time is over", () => {
  test("says nothing of the target it was at", async () => {
    const table = routedTo({ a: {} });
    upstream.set("a-m", hangBeforeHeaders);
    for (const _ of [1, 2, 3, 4, 5, 6]) {
      const error = await rejectionOf(startRun({ routed: table, totalMs: 30 }).open());
      expect(error.code).toBe("upstream_timeout");
    }
    expect(targetOf(table, "m").health.view()).toMatchObject({ status: "healthy", errors: 0 });
  });

  test("counts where the target had all the time that is set for it", async () => {
    const table = routedTo({ a: { timeouts: { total: "60ms" } } });
    upstream.set("a-m", hangBeforeHeaders);
    await rejectionOf(startRun({ routed: table, totalMs: 60 }).open());
    expect(targetOf(table, "m").health.view().errors).toBe(1);
  });
});

describe("what is only for now is told before what is for good", () => {
  const temporary: readonly [string, Routed, Behaviour, Behaviour, number][] = [
    ["429 before 404", routedTo({ a: {}, b: {} }), limitedFor({ "retry-after": "7" }), failure(404), 7],
    ["402 before 429", routedTo({ a: {}, b: {} }), failure(402), limitedFor({ "retry-after": "9" }), 9],
  ];
  for (const [name, table, first, second, seconds] of temporary) {
    test(name, async () => {
      upstream.set("a-m", first);
      upstream.set("b-m", second);
      const error = await rejectionOf(startRun({ routed: table }).open());
      expect(error).toMatchObject({ status: 429, retryAfterSeconds: seconds });
    });
  }

  test("a limit of the gateway's own before 404", async () => {
    const table = routedTo({ a: { rpm: 1 }, b: {} });
    upstream.set("b-m", failure(404));
    await startRun({ routed: table }).open();
    const error = await rejectionOf(startRun({ routed: table }).open());
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(error.retryAfterSeconds).toBeGreaterThan(50);
  });
});

test("an answer names one wait, the shortest, however the upstreams say theirs", async () => {
  const table = routedTo({ a: {}, b: {} });
  upstream.set("a-m", limitedFor({ "retry-after": "2" }));
  const long = { "retry-after-ms": "600000", "retry-after": "600", "x-ratelimit-reset-requests": "10m" };
  upstream.set("b-m", failure(503, { headers: long }));
  const error = await rejectionOf(startRun({ routed: table }).open());
  const { headers } = errorResponse(openaiChat, error, { requestId: "req_x" });
  expect(headers.get("retry-after")).toBe("2");
  expect(headers.get("retry-after-ms")).toBeNull();
  expect(headers.get("x-ratelimit-reset-requests")).toBeNull();
});

test("a repeat whose place was taken meanwhile waits for it, and is counted when it is sent", async () => {
  const table = routedTo({ a: { concurrency: 1, retries: 2 } });
  upstream.set("a-m", [failure(500), okJson(), okJson()]);
  const first = startRun({ routed: table });
  const opening = first.open();
  const second = startRun({ routed: table });
  const waiting = second.open();
  await upstream.waitFor(() => true);
  // Whoever comes second answers first; then its place is free.
  await waiting;
  expect(first.exchange.recording.record.retries).toBe(0);
  second.exchange.recording.finish({ status: 200, endReason: "completed" });
  expect(await opening).toMatchObject({ kind: "answer" });
  expect(first.exchange.recording.record).toMatchObject({ attempts: 2, retries: 1 });
  first.exchange.recording.finish({ status: 200, endReason: "completed" });
  expect(table.routing.limiter.view().every(({ inUse, waiting: left }) => inUse === 0 && left === 0)).toBe(true);
});

test("a bug in one of two legs leaves nothing of the other behind", async () => {
  const table = routedTo({ a: { concurrency: 1 }, b: { concurrency: 1 } }, { hedgeAfter: "20ms" });
  upstream.set("b-m", hangBeforeHeaders);
  const run = startRun({ routed: table });
  const { exchange } = run;
  const opening = openWithFailover(exchange, {
    async attempt(candidate) {
      if (candidate.target.upstream.name === "b") return attempt(exchange, candidate);
      await upstream.waitFor(({ model }) => model === "b-m");
      throw new TypeError("a bug");
    },
    discard: () => undefined,
  });
  expect(await rejectionOf(opening)).toBeInstanceOf(TypeError);
  exchange.recording.finish({ status: 500, endReason: "internal_error" });
  await expectAllClosed(upstream.requests);
  expect(table.routing.limiter.view().map(({ inUse }) => inUse)).toEqual([0, 0]);
  const inFlight = table.health.views().flatMap(({ targets }) => targets.map((target) => target.inFlight));
  expect(inFlight.every((count) => count === 0)).toBe(true);
});

test("one request does not become a hundred, however many models it names", async () => {
  const provider = openaiCompatibleAt(upstream.url, { credentials: ["k"], acceptsAnyModel: true });
  const table = routed(configured({ providers: { open: provider } }));
  upstream.otherwise(failure(503));
  const models = Array.from({ length: 40 }, (_, index) => `m${index}`);
  await rejectionOf(startRun({ routed: table, fields: { model: "m", models } }).open());
  expect(upstream.requests.length).toBeLessThanOrEqual(22);
});
