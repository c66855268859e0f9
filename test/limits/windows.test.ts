import { describe, expect, test } from "bun:test";
import { isRefusal, type Scope } from "../../src/limits/limiter.ts";
import { createWorld, leaseOf, refusalOf, scopeOf, wanting } from "./limiter-world.ts";

describe("requests in a minute", () => {
  test("the minute begins with its first request, and what exceeds it is refused until it ends", () => {
    const { clock, limiter } = createWorld();
    const scopes = [scopeOf("key", { rpm: 2 })];
    clock.advance(12_345);
    leaseOf(limiter.take(scopes, wanting()));
    clock.advance(20_000);
    leaseOf(limiter.take(scopes, wanting()));
    expect(refusalOf(limiter.take(scopes, wanting()))).toEqual({
      scope: scopes[0] as never,
      by: "rpm",
      retryAfterMs: 40_000,
    });
    clock.advance(39_999);
    expect(refusalOf(limiter.take(scopes, wanting())).retryAfterMs).toBe(1);
    clock.advance(1);
    leaseOf(limiter.take(scopes, wanting()));
    expect(limiter.view()[0]).toMatchObject({ requests: 1 });
  });

  test("refused requests do not count", () => {
    const { clock, limiter } = createWorld();
    const key = scopeOf("key", { rpm: 1 });
    const other = scopeOf("provider", { rpm: 5 });
    leaseOf(limiter.take([key, other], wanting()));
    for (let index = 0; index < 50; index += 1) refusalOf(limiter.take([key, other], wanting()));
    expect(limiter.view().find(({ scope }) => scope.kind === "provider")?.requests).toBe(1);
    clock.advance(60_000);
    leaseOf(limiter.take([key, other], wanting()));
  });

  test("a thousand of thirty thousand interleaved requests are accepted, exactly", () => {
    const { clock, limiter } = createWorld();
    let accepted = 0;
    for (let index = 0; index < 30_000; index += 1) {
      // Each time other objects: kind and id are what a scope is known by.
      const outcome = limiter.take(
        [scopeOf("model", { rpm: 1000 }), scopeOf("key", {}, `key-${index % 7}`)],
        wanting(),
      );
      if (!isRefusal(outcome)) {
        accepted += 1;
        if (index % 3 === 0) outcome.release();
      }
      if (index % 10 === 0) clock.advance(19);
    }
    expect(clock.now()).toBeLessThan(1_000_000 + 60_000);
    expect(accepted).toBe(1000);
  });

  test("a limit of none refuses everything, a minute at a time", () => {
    const { limiter } = createWorld();
    expect(refusalOf(limiter.take([scopeOf("key", { rpm: 0 })], wanting())).retryAfterMs).toBe(60_000);
  });

  test("ids of different kinds are different scopes", () => {
    const { limiter } = createWorld();
    for (const kind of ["total", "key", "address", "model", "provider", "credential"] as const) {
      leaseOf(limiter.take([scopeOf(kind, { rpm: 1 })], wanting()));
      refusalOf(limiter.take([scopeOf(kind, { rpm: 1 })], wanting()));
    }
  });

  test("the longest of several waits is told", () => {
    const { clock, limiter } = createWorld();
    const [first, second] = [scopeOf("key", { rpm: 1 }), scopeOf("model", { rpm: 1 })];
    leaseOf(limiter.take([first], wanting()));
    clock.advance(10_000);
    leaseOf(limiter.take([second], wanting()));
    const refusal = refusalOf(limiter.take([first, second], wanting()));
    expect([refusal.scope.kind, refusal.retryAfterMs]).toEqual(["model", 60_000]);
  });
});

describe("a clock that jumps", () => {
  test("back makes no minute longer and no wait negative", () => {
    const { clock, limiter } = createWorld();
    const scopes = [scopeOf("key", { rpm: 1, tpm: 100 })];
    leaseOf(limiter.take(scopes, wanting(100)));
    clock.jump(-3_600_000);
    expect(refusalOf(limiter.take(scopes, wanting(100))).retryAfterMs).toBe(60_000);
    clock.jump(59_999);
    expect(refusalOf(limiter.take(scopes, wanting(100))).retryAfterMs).toBe(1);
    clock.jump(1);
    leaseOf(limiter.take(scopes, wanting(100)));
  });

  test("forward ends the minute, once", () => {
    const { clock, limiter } = createWorld();
    const scopes = [scopeOf("key", { rpm: 1 })];
    leaseOf(limiter.take(scopes, wanting()));
    clock.jump(86_400_000);
    leaseOf(limiter.take(scopes, wanting()));
    refusalOf(limiter.take(scopes, wanting()));
  });

  test("back while a place is held does not make places' times negative", () => {
    const { clock, limiter } = createWorld();
    const scopes = [scopeOf("provider", { concurrency: 1 })];
    const lease = leaseOf(limiter.take(scopes, wanting()));
    clock.jump(-5000);
    lease.release();
    leaseOf(limiter.take(scopes, wanting()));
    expect(refusalOf(limiter.take(scopes, wanting())).retryAfterMs).toBeGreaterThanOrEqual(0);
  });
});

function tpm(limit: number, id = "a"): Scope {
  return scopeOf("provider", { tpm: limit }, id);
}

describe("tokens in a minute", () => {
  test("are reserved by estimate and corrected by what was used", () => {
    const { limiter } = createWorld();
    const scopes = [tpm(1000)];
    const lease = leaseOf(limiter.take(scopes, wanting(900)));
    expect(refusalOf(limiter.take(scopes, wanting(200))).by).toBe("tpm");
    lease.settle(100);
    expect(limiter.view()[0]?.tokens).toBe(100);
    leaseOf(limiter.take(scopes, wanting(900)));
    refusalOf(limiter.take(scopes, wanting(1)));
  });

  test("an estimate beyond the limit reserves all of it", () => {
    const { clock, limiter } = createWorld();
    leaseOf(limiter.take([tpm(1000)], wanting(5_000_000)));
    expect(limiter.view()[0]?.tokens).toBe(1000);
    refusalOf(limiter.take([tpm(1000)], wanting(1)));
    clock.advance(60_000);
    leaseOf(limiter.take([tpm(1000)], wanting(Infinity)));
  });

  test("more than estimated counts, although it exceeds the limit", () => {
    const { limiter } = createWorld();
    const lease = leaseOf(limiter.take([tpm(1000)], wanting(10)));
    lease.settle(2500);
    expect(limiter.view()[0]?.tokens).toBe(2500);
    expect(refusalOf(limiter.take([tpm(1000)], wanting(0))).by).toBe("tpm");
  });

  test("only the first settling counts, and not knowing leaves the estimate", () => {
    const { limiter } = createWorld();
    const [first, second, third] = [1, 2, 3].map(() => leaseOf(limiter.take([tpm(1000)], wanting(100))));
    first?.settle(40);
    first?.settle(0);
    second?.settle(undefined);
    second?.settle(0);
    third?.release();
    expect(limiter.view()[0]?.tokens).toBe(240);
    third?.settle(0);
    expect(limiter.view()[0]?.tokens).toBe(140);
  });

  test("what makes no sense leaves the estimate", () => {
    const { limiter } = createWorld();
    leaseOf(limiter.take([tpm(1000)], wanting(50))).settle(Number.NaN);
    leaseOf(limiter.take([tpm(1000)], wanting(50))).settle(Infinity);
    expect(limiter.view()[0]?.tokens).toBe(100);
    leaseOf(limiter.take([tpm(1000)], wanting(100))).settle(-50);
    expect(limiter.view()[0]?.tokens).toBe(100);
    leaseOf(limiter.take([tpm(1000)], wanting(-100)));
    leaseOf(limiter.take([tpm(1000)], wanting(Number.NaN)));
    expect(limiter.view()[0]?.tokens).toBe(100);
  });

  test("after the minute of the estimate nothing is given back, and only the excess is charged", () => {
    const { clock, limiter } = createWorld();
    const scopes = [tpm(1000)];
    const [cheap, dear] = [leaseOf(limiter.take(scopes, wanting(100))), leaseOf(limiter.take(scopes, wanting(100)))];
    clock.advance(61_000);
    leaseOf(limiter.take(scopes, wanting(500)));
    cheap.settle(10);
    expect(limiter.view()[0]?.tokens).toBe(500);
    dear.settle(150);
    expect(limiter.view()[0]?.tokens).toBe(550);
  });

  test("requests longer than a minute, one after the other, do pay", () => {
    const { clock, limiter } = createWorld();
    const scopes = [scopeOf("key", { tpm: 1000, rpm: 1 })];
    const lease = leaseOf(limiter.take(scopes, wanting(100)));
    clock.advance(90_000);
    lease.settle(5000);
    expect(limiter.view()[0]).toMatchObject({ tokens: 4900, requests: 0 });
    expect(refusalOf(limiter.take(scopes, wanting(100))).by).toBe("tpm");
    clock.advance(60_000);
    leaseOf(limiter.take(scopes, wanting(100)));
  });

  test("each scope has its own reservation, all or nothing", () => {
    const { limiter } = createWorld();
    const [small, large] = [tpm(50, "small"), tpm(1000, "large")];
    const lease = leaseOf(limiter.take([small, large], wanting(300)));
    expect(limiter.view().map(({ tokens }) => tokens)).toEqual([50, 300]);
    refusalOf(limiter.take([small, large], wanting(300)));
    expect(limiter.view().map(({ tokens }) => tokens)).toEqual([50, 300]);
    lease.settle(20);
    expect(limiter.view().map(({ tokens }) => tokens)).toEqual([20, 20]);
  });

  test("nobody estimates where tokens are not limited", () => {
    const { limiter } = createWorld();
    let asked = 0;
    const demand = { priority: 0, tokens: () => (asked += 1) };
    leaseOf(limiter.take([scopeOf("key", { rpm: 5, concurrency: 5 })], demand));
    expect(asked).toBe(0);
    leaseOf(limiter.take([scopeOf("key", { rpm: 5 }), tpm(5), tpm(6, "b")], demand));
    expect(asked).toBe(1);
  });
});

describe("what is idle", () => {
  test("is forgotten: a hundred thousand addresses leave nothing", () => {
    const { clock, limiter } = createWorld();
    let most = 0;
    for (let index = 0; index < 100_000; index += 1) {
      leaseOf(limiter.take([scopeOf("address", { rpm: 10 }, `10.${index}`)], wanting())).release();
      if (index % 100 === 0) clock.advance(1000);
      if (index % 10_000 === 0) most = Math.max(most, limiter.view().length);
    }
    expect(most).toBeLessThan(20_000);
    clock.advance(200_000);
    expect(limiter.view()).toEqual([]);
    expect(clock.alarms).toBe(0);
  });

  test("is not forgotten while it matters, and a late settling finds its successor", () => {
    const { clock, limiter } = createWorld();
    const scopes = [scopeOf("address", { rpm: 10, tpm: 100, concurrency: 2 })];
    const [held, given] = [leaseOf(limiter.take(scopes, wanting(5))), leaseOf(limiter.take(scopes, wanting(5)))];
    clock.advance(600_000);
    expect(limiter.view()[0]?.inUse).toBe(2);
    held.release();
    given.release();
    clock.advance(600_000);
    expect(limiter.view()).toEqual([]);
    leaseOf(limiter.take(scopes, wanting(20)));
    given.settle(30);
    expect(limiter.view()[0]).toMatchObject({ inUse: 1, tokens: 45 });
  });

  test("no flood of addresses within a minute makes memory grow without bound", () => {
    const { limiter } = createWorld({ mostAddresses: 500 });
    const key = leaseOf(limiter.take([scopeOf("key", { rpm: 1 })], wanting()));
    const held = leaseOf(limiter.take([scopeOf("address", { concurrency: 1 }, "held")], wanting()));
    for (let index = 0; index < 20_000; index += 1)
      leaseOf(limiter.take([scopeOf("address", { rpm: 1 }, `${index}`)], wanting())).release();
    expect(limiter.view().length).toBeLessThan(1000);
    refusalOf(limiter.take([scopeOf("key", { rpm: 1 })], wanting()));
    refusalOf(limiter.take([scopeOf("address", { concurrency: 1 }, "held")], wanting()));
    key.release();
    held.release();
  });
});

test("where nothing is limited nothing is kept", () => {
  const { clock, limiter } = createWorld();
  const lease = limiter.take([], wanting());
  expect(limiter.take([scopeOf("key", {})], wanting())).toBe(lease);
  leaseOf(lease).settle(5);
  leaseOf(lease).release();
  expect(limiter.view()).toEqual([]);
  expect(clock.alarms).toBe(0);
});
