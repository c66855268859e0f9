import { describe, expect, test } from "bun:test";
import { isRefusal, type Lease, type Limiter, type LimitRefusal, type Scope } from "../../src/limits/limiter.ts";
import { leaseOf, refusalOf, scopeOf, settled, wanting, watch } from "./limiter-world.ts";
import { refusalError } from "../../src/limits/refusal-error.ts";
import { createSharedWorld } from "./shared-world.ts";

const minuteMs = 60_000;

async function taken(limiter: Limiter, scopes: readonly Scope[], tokens = 0): Promise<Lease | LimitRefusal> {
  return limiter.take(scopes, wanting(tokens));
}

function waitFor(limiter: Limiter, scopes: readonly Scope[], priority = 0) {
  return watch((waiting) => limiter.wait(scopes, wanting(0, priority), waiting));
}

async function grantedOf(limiters: readonly Limiter[], scopes: readonly Scope[], count: number): Promise<number> {
  const asked = Array.from({ length: count }, (_, at) => {
    const limiter = limiters[at % limiters.length];
    if (limiter === undefined) throw new Error("No limiter");
    return taken(limiter, scopes);
  });
  return (await Promise.all(asked)).filter((outcome) => !isRefusal(outcome)).length;
}

describe("limits that gateways keep together", () => {
  test("hold exactly over all of them", async () => {
    const { first, second } = createSharedWorld();
    const scopes = [scopeOf("key", { rpm: 10 })];
    expect(await grantedOf([first.limiter, second.limiter], scopes, 100)).toBe(10);
  });

  test("nothing is asked, and nothing awaited, where nothing is limited", () => {
    const { first } = createSharedWorld();
    const outcome = first.limiter.take([scopeOf("key", {})], wanting());
    expect(outcome).not.toBeInstanceOf(Promise);
    expect(first.limiter.take([], wanting())).toBe(outcome);
  });

  test("a minute that is used up is known here until it is over, or the limit is another one", async () => {
    const { clock, first } = createSharedWorld();
    const scopes = [scopeOf("key", { rpm: 1 })];
    leaseOf(await taken(first.limiter, scopes));
    clock.advance(20_000);
    refusalOf(await taken(first.limiter, scopes));
    const known = first.limiter.take(scopes, wanting());
    if (known instanceof Promise) throw new Error("It asked again");
    expect(refusalOf(known)).toMatchObject({ by: "rpm", retryAfterMs: 40_000 });
    const raised = [scopeOf("key", { rpm: 2 })];
    leaseOf(await taken(first.limiter, raised));
    clock.advance(40_000);
    leaseOf(await taken(first.limiter, scopes));
  });

  test("what was really used takes the place of the estimate for all of them", async () => {
    const { first, second } = createSharedWorld();
    const scopes = [scopeOf("key", { tpm: 100 })];
    const lease = leaseOf(await taken(first.limiter, scopes, 90));
    expect(refusalOf(await taken(second.limiter, scopes, 20)).by).toBe("tpm");
    lease.settle(10);
    lease.settle(0);
    lease.release();
    await settled();
    leaseOf(await taken(second.limiter, scopes, 90));
    refusalOf(await taken(second.limiter, scopes, 1));
  });

  test("leases at work are renewed, those of a gateway that died end after half a minute", async () => {
    const { clock, first, second } = createSharedWorld();
    const scopes = [scopeOf("total", { concurrency: 2 })];
    leaseOf(await taken(first.limiter, scopes));
    leaseOf(await taken(second.limiter, scopes));
    second.limiter.close();
    clock.advance(29_999);
    await settled();
    refusalOf(await taken(first.limiter, scopes));
    clock.advance(1);
    leaseOf(await taken(first.limiter, scopes));
    refusalOf(await taken(first.limiter, scopes));
  });
});

describe("waiting for a place that another gateway gives back", () => {
  const scopes = [scopeOf("total", { concurrency: 1 })];

  test("ends when it does", async () => {
    const { first, second } = createSharedWorld();
    const lease = leaseOf(await taken(first.limiter, scopes));
    const waiter = waitFor(second.limiter, scopes);
    await settled();
    expect(waiter.outcome).toBeUndefined();
    expect(second.limiter.waiting()).toBe(1);
    lease.release();
    await settled();
    if (waiter.outcome === undefined) throw new Error("It still waits");
    leaseOf(waiter.outcome).release();
    expect(second.limiter.waiting()).toBe(0);
  });

  test("goes by priority and arrival, is told its position, and is not overtaken", async () => {
    const { first } = createSharedWorld();
    let lease = leaseOf(await taken(first.limiter, scopes));
    const usual = waitFor(first.limiter, scopes);
    const later = waitFor(first.limiter, scopes);
    const urgent = waitFor(first.limiter, scopes, 5);
    await settled();
    expect(refusalOf(await taken(first.limiter, scopes)).by).toBe("concurrency");
    expect(later.positions).toEqual([
      [2, undefined],
      [3, undefined],
    ]);
    for (const next of [urgent, usual, later]) {
      lease.release();
      await settled();
      if (next.outcome === undefined) throw new Error("It is not its turn");
      lease = leaseOf(next.outcome);
    }
    expect(later.positions.at(-1)).toEqual([1, undefined]);
  });

  test("ends with a refusal when its time is over, or the client leaves", async () => {
    const { clock, first, second } = createSharedWorld({ queue: { size: 2, waitMs: 5000 } });
    leaseOf(await taken(first.limiter, scopes));
    const [patient, leaving] = [waitFor(second.limiter, scopes), waitFor(second.limiter, scopes)];
    const surplus = waitFor(second.limiter, scopes);
    await settled();
    expect(surplus.outcome).toMatchObject({ by: "queue", retryAfterMs: 1000 });
    leaving.leave();
    clock.advance(5000);
    await settled();
    expect(leaving.outcome).toMatchObject({ by: "queue", retryAfterMs: 0 });
    expect(patient.outcome).toMatchObject({ by: "queue", waitedMs: 5000 });
    expect(second.limiter.waiting()).toBe(0);
  });

  test("goes by the limits of now, also for who waited before", async () => {
    const queue = { size: 100, waitMs: 60_000 };
    const { first, second } = createSharedWorld();
    for (const limits of [{ concurrency: 3 }, { rpm: 1000 }, {}]) {
      const holder = leaseOf(await taken(first.limiter, scopes));
      const waiters = [waitFor(second.limiter, scopes), waitFor(second.limiter, scopes)];
      await settled();
      expect(waiters.map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
      const changed = [scopeOf("total", limits)];
      second.limiter.configure(queue, changed);
      await settled();
      const got = waiters.map(({ outcome }) => leaseOf(outcome as Lease));
      expect(second.limiter.waiting()).toBe(0);
      const newcomer = await taken(second.limiter, changed);
      if (limits.concurrency === 3) expect(refusalOf(newcomer).by).toBe("concurrency");
      else leaseOf(newcomer).release();
      for (const lease of [...got, holder]) lease.release();
      await settled();
    }
  });

  test("a place that comes for one who has left goes to the next", async () => {
    const { first, second } = createSharedWorld();
    const lease = leaseOf(await taken(first.limiter, scopes));
    const [leaving, next] = [waitFor(second.limiter, scopes), waitFor(second.limiter, scopes)];
    await settled();
    lease.release();
    await Promise.resolve();
    leaving.leave();
    await settled();
    expect(leaving.outcome).toMatchObject({ by: "queue" });
    if (next.outcome === undefined) throw new Error("The place is lost");
    leaseOf(next.outcome);
  });

  test("is asked for again by itself: a gateway that died tells nobody", async () => {
    const { clock, first, second } = createSharedWorld();
    leaseOf(await taken(first.limiter, scopes));
    first.limiter.close();
    const waiter = waitFor(second.limiter, scopes);
    await settled();
    for (let passed = 0; passed < 32 && waiter.outcome === undefined; passed += 1) {
      clock.advance(1000);
      await settled();
    }
    if (waiter.outcome === undefined) throw new Error("It still waits");
    leaseOf(waiter.outcome);
  });

  test("moves on to another scope that is full too", async () => {
    const { first, second } = createSharedWorld();
    const other = scopeOf("provider", { concurrency: 1 });
    const total = leaseOf(await taken(first.limiter, scopes));
    const provider = leaseOf(await taken(first.limiter, [other]));
    const waiter = waitFor(second.limiter, [...scopes, other]);
    await settled();
    total.release();
    await settled();
    expect(waiter.outcome).toBeUndefined();
    provider.release();
    await settled();
    if (waiter.outcome === undefined) throw new Error("It still waits");
    leaseOf(waiter.outcome);
  });

  test("a limit by the minute ends it", async () => {
    const { first, second } = createSharedWorld();
    const both = [scopeOf("total", { concurrency: 1, rpm: 1 })];
    const lease = leaseOf(await taken(first.limiter, both));
    const waiter = waitFor(second.limiter, both);
    await settled();
    expect(waiter.outcome).toMatchObject({ by: "rpm" });
    lease.release();
  });
});

describe("while the others cannot be reached", () => {
  test("each grants its share, less what it has used in the minute, without a promise", async () => {
    const { first } = createSharedWorld({ replicas: () => 4 });
    const scopes = [scopeOf("key", { rpm: 40 })];
    for (let request = 0; request < 6; request += 1) leaseOf(await taken(first.limiter, scopes));
    first.go();
    const outcomes = Array.from({ length: 10 }, () => first.limiter.take(scopes, wanting()));
    expect(outcomes.some((outcome) => outcome instanceof Promise)).toBe(false);
    expect(outcomes.filter((outcome) => !(outcome instanceof Promise) && !isRefusal(outcome))).toHaveLength(4);
  });

  test("who is refused is told the whole limit, and that this gateway grants its part", async () => {
    const { first } = createSharedWorld({ replicas: () => 3 });
    first.go();
    const scopes = [scopeOf("model", { rpm: 6 }, "smart")];
    for (let count = 0; count < 2; count += 1) leaseOf(await taken(first.limiter, scopes));
    const refusal = await taken(first.limiter, scopes);
    if (!isRefusal(refusal)) throw new Error("It was let in");
    expect(refusalError(refusal).message).toBe(
      "The limit of 6 requests a minute for the model smart is used up here: this gateway grants its part alone while it cannot count with the others; try again in 60 s.",
    );
  });

  test("a share is at least 1, and nothing of what is forbidden", async () => {
    const { first } = createSharedWorld({ replicas: () => 100 });
    first.go();
    expect(await grantedOf([first.limiter], [scopeOf("key", { concurrency: 5 })], 3)).toBe(1);
    expect(await grantedOf([first.limiter], [scopeOf("model", { rpm: 0 })], 3)).toBe(0);
  });

  test("nobody gets in where nothing may pass uncounted", async () => {
    const { first } = createSharedWorld({ whenDown: "closed" });
    const scopes = [scopeOf("key", { rpm: 40 })];
    first.go();
    const refused = { status: 503, code: "overloaded", retryAfterSeconds: 1 };
    expect(() => first.limiter.take(scopes, wanting())).toThrow(expect.objectContaining(refused));
    const waiting = first.limiter.wait(scopes, wanting(), { onLeave: () => undefined });
    expect(await waiting.catch((error: unknown) => error)).toMatchObject(refused);
    expect(await taken(first.limiter, [scopeOf("model", {})])).toMatchObject({});
  });

  test("who waits goes on waiting for a place of the share", async () => {
    const { first, second } = createSharedWorld();
    const scopes = [scopeOf("total", { concurrency: 2 })];
    const held = leaseOf(await taken(first.limiter, scopes));
    leaseOf(await taken(second.limiter, scopes));
    const waiter = waitFor(first.limiter, scopes);
    await settled();
    first.go();
    await settled();
    expect(waiter.outcome).toBeUndefined();
    held.release();
    await settled();
    if (waiter.outcome === undefined) throw new Error("It still waits");
    leaseOf(waiter.outcome);
  });

  test("what could not be said is said when they are back: places come free, and tokens are corrected", async () => {
    const { first, second } = createSharedWorld();
    const scopes = [scopeOf("total", { concurrency: 1, tpm: 100 })];
    const lease = leaseOf(await taken(first.limiter, scopes, 100));
    first.go();
    lease.settle(0);
    lease.release();
    await settled();
    expect(isRefusal(await taken(second.limiter, scopes, 100))).toBe(true);
    first.comeBack();
    await settled();
    leaseOf(await taken(second.limiter, scopes, 100));
  });

  test("a lease whose answer was lost is given back, and not taken twice", async () => {
    const { first, second } = createSharedWorld();
    const scopes = [scopeOf("total", { concurrency: 1, rpm: 10 })];
    first.loseAnswers();
    leaseOf(await taken(first.limiter, scopes)).release();
    expect(refusalOf(await taken(second.limiter, scopes)).by).toBe("concurrency");
    first.comeBack();
    await settled();
    leaseOf(await taken(second.limiter, scopes));
  });

  test("minutes go on where they were when they are back", async () => {
    const { clock, first } = createSharedWorld();
    const scopes = [scopeOf("key", { rpm: 4 })];
    for (let request = 0; request < 3; request += 1) leaseOf(await taken(first.limiter, scopes));
    first.go();
    clock.advance(10_000);
    first.comeBack();
    leaseOf(await taken(first.limiter, scopes));
    expect(refusalOf(await taken(first.limiter, scopes)).retryAfterMs).toBe(minuteMs - 10_000);
  });
});
