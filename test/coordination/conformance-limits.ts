import { expect, test } from "bun:test";
import type { LimitsTaken, ScopeBounds, SettleLimits, TakeLimits } from "../../src/coordination/decisions.ts";
import type { Pair } from "./conformance.ts";

const ttlMs = 30_000;
const minuteMs = 60_000;

let leases = 0;

function over(lease: string): SettleLimits {
  return { lease, scopes: ["total:", "key:a"], isOver: true };
}

function demand(scopes: readonly ScopeBounds[], more: Partial<TakeLimits> = {}): TakeLimits {
  leases += 1;
  return { lease: `lease-${leases}`, ttlMs, tokens: 0, isWaiting: false, scopes, ...more };
}

const taken: LimitsTaken = { isTaken: true, full: [] };

/** Limits that both keep together. */
export function limitConformance(pair: () => Pair): void {
  test("of requests at the same time, from both, exactly as many as the limit are let in", async () => {
    const { first, second } = pair();
    const scopes = [{ key: "key:a", rpm: 100 }];
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, at) => (at % 2 === 0 ? first : second).decide("limits.take", demand(scopes))),
    );
    expect(outcomes.filter(({ isTaken }) => isTaken)).toHaveLength(100);
  });

  test("a minute begins with its first request, and says how long it lasts", async () => {
    const { first, second, pass } = pair();
    const scopes = [{ key: "key:a", rpm: 1 }];
    pass(12_345);
    expect(await first.decide("limits.take", demand(scopes))).toEqual(taken);
    pass(20_000);
    const refusal = await second.decide("limits.take", demand(scopes));
    expect(refusal).toEqual({ isTaken: false, rate: { scope: 0, by: "rpm", retryAfterMs: 40_000 }, full: [] });
    pass(39_999);
    expect((await second.decide("limits.take", demand(scopes))).isTaken).toBe(false);
    pass(1);
    expect((await second.decide("limits.take", demand(scopes))).isTaken).toBe(true);
  });

  test("all scopes are taken of, or none", async () => {
    const { first, second } = pair();
    const narrow = { key: "model:b", rpm: 1 };
    const wide = { key: "key:a", rpm: 3 };
    await first.decide("limits.take", demand([wide, narrow]));
    const refused = await second.decide("limits.take", demand([wide, narrow]));
    expect(refused.rate).toMatchObject({ scope: 1, by: "rpm" });
    expect((await second.decide("limits.take", demand([wide]))).isTaken).toBe(true);
    expect((await second.decide("limits.take", demand([wide]))).isTaken).toBe(true);
    expect((await second.decide("limits.take", demand([wide]))).isTaken).toBe(false);
  });

  test("the limit that makes wait for longest is told", async () => {
    const { first, pass } = pair();
    await first.decide("limits.take", demand([{ key: "key:a", rpm: 1 }]));
    pass(10_000);
    await first.decide("limits.take", demand([{ key: "key:b", tpm: 5 }], { tokens: 9 }));
    const both = [
      { key: "key:a", rpm: 1 },
      { key: "key:b", tpm: 5 },
    ];
    const { rate } = await first.decide("limits.take", demand(both, { tokens: 1 }));
    expect(rate).toEqual({ scope: 1, by: "tpm", retryAfterMs: minuteMs });
  });

  test("what was really used takes the place of the estimate, once", async () => {
    const { first, second } = pair();
    const scopes = [{ key: "key:a", tpm: 1000 }];
    const one = demand(scopes, { tokens: 900 });
    await first.decide("limits.take", one);
    expect((await second.decide("limits.take", demand(scopes, { tokens: 200 }))).isTaken).toBe(false);
    const settled = { lease: one.lease, scopes: ["key:a"], tokens: 100, isOver: true };
    await first.decide("limits.settle", settled);
    await second.decide("limits.settle", settled);
    await second.decide("limits.settle", { ...settled, tokens: 0 });
    expect((await second.decide("limits.take", demand(scopes, { tokens: 900 }))).isTaken).toBe(true);
    expect((await second.decide("limits.take", demand(scopes, { tokens: 1 }))).isTaken).toBe(false);
  });

  test("what exceeds an estimate of a minute that is over counts in the running one, what was too much does not", async () => {
    const { first, pass } = pair();
    const scopes = [{ key: "key:a", tpm: 1000 }];
    const cheap = demand(scopes, { tokens: 500, ttlMs: 5 * minuteMs });
    const dear = demand(scopes, { tokens: 100, ttlMs: 5 * minuteMs });
    await first.decide("limits.take", cheap);
    await first.decide("limits.take", dear);
    pass(minuteMs);
    await first.decide("limits.settle", { lease: cheap.lease, scopes: ["key:a"], tokens: 0, isOver: true });
    await first.decide("limits.settle", { lease: dear.lease, scopes: ["key:a"], tokens: 700, isOver: true });
    expect((await first.decide("limits.take", demand(scopes, { tokens: 401 }))).isTaken).toBe(false);
    expect((await first.decide("limits.take", demand(scopes, { tokens: 400 }))).isTaken).toBe(true);
  });

  test("a request larger than the limit has it all", async () => {
    const { first } = pair();
    const scopes = [{ key: "key:a", tpm: 1000 }];
    expect((await first.decide("limits.take", demand(scopes, { tokens: 1e12 }))).isTaken).toBe(true);
    expect((await first.decide("limits.take", demand(scopes, { tokens: 1 }))).isTaken).toBe(false);
  });

  test("places are bounded together, and come free when they are given back", async () => {
    const { first, second } = pair();
    const scopes = [{ key: "total:", concurrency: 2 }];
    const one = demand(scopes);
    await first.decide("limits.take", one);
    await second.decide("limits.take", demand(scopes));
    expect(await first.decide("limits.take", demand(scopes))).toEqual({ isTaken: false, full: [0] });
    const over = { lease: one.lease, scopes: ["total:"], isOver: true };
    expect(await first.decide("limits.settle", over)).toEqual({ awaited: [] });
    await first.decide("limits.settle", over);
    expect((await second.decide("limits.take", demand(scopes))).isTaken).toBe(true);
    expect((await second.decide("limits.take", demand(scopes))).isTaken).toBe(false);
  });

  test("a request that did not get in has taken nothing, of requests and tokens neither", async () => {
    const { first, second } = pair();
    const scopes = [{ key: "total:", concurrency: 1, rpm: 2, tpm: 10 }];
    const one = demand(scopes, { tokens: 5 });
    await first.decide("limits.take", one);
    for (let tries = 0; tries < 5; tries += 1) await second.decide("limits.take", demand(scopes, { tokens: 5 }));
    await first.decide("limits.settle", { lease: one.lease, scopes: ["total:"], isOver: true });
    expect((await second.decide("limits.take", demand(scopes, { tokens: 5 }))).isTaken).toBe(true);
  });

  test("who gives a place back learns that somebody waits for it, as long as somebody does", async () => {
    const { first, second, pass } = pair();
    const scopes = [
      { key: "total:", concurrency: 1 },
      { key: "key:a", concurrency: 9 },
    ];
    const [one, two] = [demand(scopes), demand(scopes)];
    await first.decide("limits.take", one);
    await second.decide("limits.take", demand(scopes, { isWaiting: true }));
    expect(await first.decide("limits.settle", over(one.lease))).toEqual({ awaited: ["total:"] });
    expect(await first.decide("limits.settle", over(one.lease))).toEqual({ awaited: [] });
    pass(5000);
    await second.decide("limits.take", two);
    expect(await second.decide("limits.settle", over(two.lease))).toEqual({ awaited: [] });
  });

  test("places of one that has crashed are free after their time; who renews keeps them", async () => {
    const { first, second, pass } = pair();
    const scopes = [{ key: "total:", concurrency: 2 }];
    const [living, dead] = [demand(scopes), demand(scopes)];
    await first.decide("limits.take", living);
    await second.decide("limits.take", dead);
    pass(20_000);
    await first.decide("leases.renew", { ttlMs, leases: [{ lease: living.lease, places: ["total:"] }] });
    pass(9999);
    expect((await first.decide("limits.take", demand(scopes))).isTaken).toBe(false);
    pass(1);
    expect((await first.decide("limits.take", demand(scopes))).isTaken).toBe(true);
    expect((await first.decide("limits.take", demand(scopes))).isTaken).toBe(false);
  });

  test("tokens of a lease that is renewed are corrected however long it takes", async () => {
    const { first, pass } = pair();
    const scopes = [{ key: "key:a", tpm: 1000 }];
    const long = demand(scopes, { tokens: 10 });
    await first.decide("limits.take", long);
    for (let passed = 0; passed < 5 * minuteMs; passed += 20_000) {
      pass(20_000);
      await first.decide("leases.renew", { ttlMs, leases: [{ lease: long.lease, places: [] }] });
    }
    await first.decide("limits.settle", { lease: long.lease, scopes: ["key:a"], tokens: 1010, isOver: true });
    expect((await first.decide("limits.take", demand(scopes, { tokens: 1 }))).isTaken).toBe(false);
  });

  test("places that were lost are back after they were renewed", async () => {
    const { first, second } = pair();
    const scopes = [{ key: "total:", concurrency: 1 }];
    await first.decide("leases.renew", { ttlMs, leases: [{ lease: "from-before", places: ["total:"] }] });
    expect((await second.decide("limits.take", demand(scopes))).full).toEqual([0]);
  });

  test("limits that change hold from the next request on", async () => {
    const { first } = pair();
    await first.decide("limits.take", demand([{ key: "key:a", rpm: 1 }]));
    expect((await first.decide("limits.take", demand([{ key: "key:a", rpm: 1 }]))).isTaken).toBe(false);
    expect((await first.decide("limits.take", demand([{ key: "key:a", rpm: 2 }]))).isTaken).toBe(true);
  });
}
