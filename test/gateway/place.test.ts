import { describe, expect, test } from "bun:test";
import { demandOf, takePlace as takeOrThrow } from "../../src/gateway/place.ts";
import type { Scope } from "../../src/limits/limiter.ts";
import { createRequestFacts } from "../../src/routing/request-facts.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { rejectionOf, startRun, type Run } from "./rig.ts";
import { routed, type Routed } from "./routed.ts";

/** Whether it throws or rejects is all the same here. */
async function takePlace(...taken: Parameters<typeof takeOrThrow>): Promise<void> {
  await takeOrThrow(...taken);
}

function house(queue: object = {}): Routed {
  return routed(
    configured({
      providers: { a: openaiCompatibleAt("http://a.test") },
      models: { m: { targets: [{ provider: "a", model: "a-m" }] } },
      limits: { queue },
    }),
  );
}
const one: Scope = { kind: "total", id: "", limits: { concurrency: 1 } };
const rare: Scope = { kind: "key", id: "key-1", limits: { rpm: 1 } };

function finish({ exchange }: Run): void {
  exchange.recording.finish({ status: 200, endReason: "completed" });
}
/** Rejects also where it is refused within the call. */
async function take(exchange: Run["exchange"], scope: Scope): Promise<void> {
  await takePlace(exchange, [scope]);
}
const inUse = ({ routing: { limiter } }: Routed): number =>
  limiter.view().reduce((sum, view) => sum + view.inUse + view.waiting, 0);

describe("a place", () => {
  test("is held until the request has ended", async () => {
    const table = house();
    const run = startRun({ routed: table });
    await take(run.exchange, one);
    expect(inUse(table)).toBe(1);
    finish(run);
    expect(inUse(table)).toBe(0);
  });

  test("that is taken is waited for, which is told in the trail and is no work of the gateway's", async () => {
    const table = house();
    const [first, second] = [startRun({ routed: table }), startRun({ routed: table })];
    await take(first.exchange, one);
    const taking = take(second.exchange, one);
    await Bun.sleep(30);
    finish(first);
    await taking;
    second.exchange.recording.sent();
    const { trail, overheadMs } = second.exchange.recording.record;
    expect(trail?.waits).toMatchObject([{ for: "a place within the gateway's own limits" }]);
    expect(trail?.waits[0]?.ms).toBeGreaterThanOrEqual(25);
    expect(overheadMs).toBeLessThan(20);
    finish(second);
    expect(inUse(table)).toBe(0);
  });

  test("whose queue is full is a 429 that says when to come again", async () => {
    const table = house({ size: 0 });
    await take(startRun({ routed: table }).exchange, one);
    const error = await rejectionOf(take(startRun({ routed: table }).exchange, one));
    expect(error).toMatchObject({ code: "rate_limit_exceeded", status: 429 });
    expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    expect(table.steps).toEqual([{ kind: "limit", scope: "total", by: "queue" }]);
  });

  test("that does not come in time is a 429 that says how long it was waited for", async () => {
    const table = house({ wait: "30ms" });
    await take(startRun({ routed: table }).exchange, one);
    const run = startRun({ routed: table });
    expect((await rejectionOf(take(run.exchange, one))).message).toContain("waited");
    expect(run.exchange.recording.record.trail?.waits).toHaveLength(1);
    expect(inUse(table)).toBe(1);
  });

  test("within a minute is not waited for", async () => {
    const table = house();
    await take(startRun({ routed: table }).exchange, rare);
    const error = await rejectionOf(take(startRun({ routed: table }).exchange, rare));
    expect(error.retryAfterSeconds).toBeWithin(55, 61);
    expect(table.steps).toEqual([{ kind: "limit", scope: "key", by: "rpm" }]);
  });

  test("is not kept for a client that left the queue, or leaves as its turn comes", async () => {
    const table = house();
    const [first, second, third] = [0, 1, 2].map(() => startRun({ routed: table })) as [Run, Run, Run];
    await take(first.exchange, one);
    const taking = [second, third].map((run) => rejectionOf(take(run.exchange, one)));
    second.client.abort();
    expect((await taking[0])?.code).toBe("client_cancelled");
    finish(first);
    third.client.abort();
    expect((await taking[1])?.code).toBe("client_cancelled");
    second.exchange.recording.finish({ status: 499, endReason: "client_cancelled" });
    third.exchange.recording.finish({ status: 499, endReason: "client_cancelled" });
    expect(inUse(table)).toBe(0);
  });

  test("is told with its position while it is waited for, and no more after that", async () => {
    const table = house();
    const [first, second] = [startRun({ routed: table }), startRun({ routed: table })];
    await take(first.exchange, one);
    const told: (number | undefined)[] = [];
    const exchange = {
      ...second.exchange,
      onQueued: (place: { position: number } | undefined) => void told.push(place?.position),
    };
    const taking = take(exchange, one);
    finish(first);
    await taking;
    expect(told).toEqual([1, undefined]);
  });
});

const demand = (text: string, priority?: number) =>
  demandOf(
    createRequestFacts({
      text,
      headers: new Headers(),
      keyId: "key-1",
      stream: false,
      protocol: "openai-chat",
      steering:
        priority === undefined
          ? undefined
          : { providers: [], strategy: undefined, timeoutMs: undefined, retries: undefined, priority },
    }),
  );

describe("what a request wants of its limits", () => {
  test("is about what it has and what it may get", () => {
    expect(demand('{"max_tokens":500}').tokens()).toBeWithin(500, 520);
    expect(demand('{"max_tokens":500,"max_completion_tokens":1}').tokens()).toBeWithin(500, 530);
    expect(demand("{}").tokens()).toBeWithin(1024, 1030);
  });

  test("is at the place that its caller names", () => {
    expect([demand("{}").priority, demand("{}", -1).priority, demand("{}", 100).priority]).toEqual([0, -1, 100]);
  });
});
