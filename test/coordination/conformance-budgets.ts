import { expect, test } from "bun:test";
import type { AccountBounds, ReserveBudgets } from "../../src/coordination/decisions.ts";
import type { Pair } from "./conformance.ts";

const hourMs = 3_600_000;
const dollar = 1e9;

let leases = 0;

function demand(accounts: readonly AccountBounds[], amount: number, ttlMs = 60_000): ReserveBudgets {
  leases += 1;
  return { lease: `money-${leases}`, ttlMs, amount, accounts };
}

/** Amounts of money that are set aside by both. */
export function accountConformance(pair: () => Pair): void {
  function account(key: string, most: number, more: Partial<AccountBounds> = {}): AccountBounds {
    const start = pair().now();
    return { key, most, start, end: start + hourMs, seed: 0, ...more };
  }

  async function roomIn(bounds: AccountBounds): Promise<number> {
    const { refused } = await pair().first.decide("budgets.reserve", demand([bounds], bounds.most + 1));
    const [refusal] = refused;
    if (refusal === undefined) throw new Error("A demand beyond the budget was let in");
    return bounds.most - refusal.spent - refusal.reserved;
  }

  test("of demands at the same time, from both, no more than the budget are let in", async () => {
    const { first, second } = pair();
    const accounts = [account("key:day", 10 * dollar)];
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        (at % 2 === 0 ? first : second).decide("budgets.reserve", demand(accounts, 0.3 * dollar)),
      ),
    );
    expect(outcomes.filter(({ isReserved }) => isReserved)).toHaveLength(33);
  });

  test("amounts are exact where sums of fractions are not", async () => {
    const { first } = pair();
    const accounts = [account("key:day", 4_503_599_627_370_497)];
    await first.decide("budgets.reserve", demand(accounts, 4_503_599_627_370_496));
    expect(await roomIn(account("key:day", 4_503_599_627_370_497))).toBe(1);
    expect((await first.decide("budgets.reserve", demand(accounts, 1))).isReserved).toBe(true);
    expect(await roomIn(account("key:day", 4_503_599_627_370_497))).toBe(0);
  });

  test("all accounts are charged, or none; those without room say what is spent and set aside", async () => {
    const { first, second } = pair();
    const [key, team] = [account("key:day", 100), account("team:day", 50, { seed: 10 })];
    const one = demand([key, team], 30);
    expect(await first.decide("budgets.reserve", one)).toEqual({ isReserved: true, refused: [] });
    expect(await second.decide("budgets.reserve", demand([key, team], 20))).toEqual({
      isReserved: false,
      refused: [{ account: 1, spent: 10, reserved: 30 }],
    });
    expect(await roomIn(key)).toBe(70);
  });

  test("what it came to takes the place of what was set aside, once", async () => {
    const { first, second } = pair();
    const accounts = [account("key:day", 100), account("team:day", 100)];
    const one = demand(accounts, 60);
    await first.decide("budgets.reserve", one);
    const settled = { lease: one.lease, accounts: ["key:day", "team:day"], amount: 5, ageMs: 0 };
    await first.decide("budgets.settle", settled);
    await second.decide("budgets.settle", settled);
    await second.decide("budgets.settle", { ...settled, amount: 0, ageMs: 0 });
    for (const bounds of accounts) expect(await roomIn(bounds)).toBe(95);
  });

  test("a reservation that arrives after its end was told holds nothing", async () => {
    const { first, second, pass } = pair();
    const bounds = account("key:day", 100);
    const late = demand([bounds], 90, 11 * 60_000);
    await second.decide("budgets.settle", { lease: late.lease, accounts: ["key:day"], amount: 0, ageMs: 0 });
    pass(1);
    expect(await first.decide("budgets.reserve", late)).toEqual({ isReserved: true, refused: [] });
    expect(await roomIn(bounds)).toBe(100);
  });

  test("an end is remembered until it is said that its answer has arrived", async () => {
    const { first, second } = pair();
    const bounds = account("key:day", 100);
    const [one, two] = [demand([bounds], 20), demand([bounds], 20)];
    const ends = [one, two].map(({ lease }) => ({ lease, accounts: ["key:day"], amount: 5, ageMs: 0 }));
    for (const open of [one, two]) await first.decide("budgets.reserve", open);
    for (const end of ends) await first.decide("budgets.settle", end);
    for (const end of ends) await second.decide("budgets.settle", end);
    expect(await roomIn(bounds)).toBe(90);
    const other = demand([bounds], 20);
    await second.decide("budgets.reserve", other);
    const last = { lease: other.lease, accounts: ["key:day"], amount: 0, ageMs: 0, answered: [one.lease] };
    await second.decide("budgets.settle", last);
    await first.decide("budgets.settle", last);
    expect(await roomIn(bounds)).toBe(90);
    // Of the one that is forgotten nobody knows any more that it is charged.
    for (const end of ends) await second.decide("budgets.settle", end);
    expect(await roomIn(bounds)).toBe(85);
  });

  test("an account whose window never changes has what is set aside in it until each lease is over", async () => {
    const { first, second, pass } = pair();
    const accounts = [{ key: "always", most: 2, start: 0, end: 0, seed: 0 }];
    const take = async (by: typeof first) => (await by.decide("budgets.reserve", demand(accounts, 1))).isReserved;
    expect(await take(first)).toBe(true);
    pass(40_000);
    expect([await take(second), await take(first)]).toEqual([true, false]);
    pass(20_000);
    expect([await take(second), await take(first)]).toEqual([true, false]);
    pass(40_000);
    expect([await take(first), await take(second)]).toEqual([true, false]);
  });

  test("an answer that cost more than was set aside is charged in full", async () => {
    const { first } = pair();
    const accounts = [account("key:day", 100)];
    const one = demand(accounts, 60);
    await first.decide("budgets.reserve", one);
    await first.decide("budgets.settle", { lease: one.lease, accounts: ["key:day"], amount: 130, ageMs: 0 });
    expect(await roomIn(account("key:day", 200))).toBe(70);
  });

  test("a reservation that nobody settles comes back after its time, and what it came to is charged also late", async () => {
    const { first, second, pass } = pair();
    const bounds = account("key:day", 100);
    const one = demand([bounds], 60, 1000);
    await first.decide("budgets.reserve", one);
    pass(1000);
    expect(await roomIn(bounds)).toBe(100);
    const two = demand([bounds], 50);
    expect((await second.decide("budgets.reserve", two)).isReserved).toBe(true);
    await second.decide("budgets.settle", { lease: two.lease, accounts: ["key:day"], amount: 0, ageMs: 0 });
    await first.decide("budgets.settle", { lease: one.lease, accounts: ["key:day"], amount: 10, ageMs: 0 });
    await first.decide("budgets.settle", { lease: one.lease, accounts: ["key:day"], amount: 10, ageMs: 0 });
    expect(await roomIn(bounds)).toBe(90);
  });

  test("a window that is over takes what it held along", async () => {
    const { first, second, pass } = pair();
    const old = account("key:hour", 100);
    const one = demand([old], 60, 2 * hourMs);
    await first.decide("budgets.reserve", one);
    pass(hourMs);
    const young = account("key:hour", 100);
    expect(await roomIn(young)).toBe(100);
    await first.decide("budgets.settle", { lease: one.lease, accounts: ["key:hour"], amount: 90, ageMs: 0 });
    expect(await roomIn(young)).toBe(100);
    await second.decide("budgets.reserve", demand([young], 30));
    expect(await roomIn(old)).toBe(70);
  });

  test("where nothing is known it begins with what was stored", async () => {
    const { first, second } = pair();
    expect(await roomIn(account("key:day", 100, { seed: 40 }))).toBe(60);
    await second.decide("budgets.reserve", demand([account("key:day", 100, { seed: 99 })], 60));
    expect(await roomIn(account("key:day", 100))).toBe(0);
    expect((await first.decide("budgets.reserve", demand([account("key:day", 100)], 1))).isReserved).toBe(false);
  });

  test("what was let in unasked is added once, unless the account began with it", async () => {
    const { first, second, pass } = pair();
    const bounds = account("key:day", 100);
    expect(await roomIn(bounds)).toBe(100);
    pass(5000);
    const unasked = { lease: "unasked", accounts: ["key:day"], amount: 30, ageMs: 4000 };
    await first.decide("budgets.settle", unasked);
    await second.decide("budgets.settle", unasked);
    expect(await roomIn(bounds)).toBe(70);
    await first.decide("budgets.settle", { ...unasked, lease: "earlier", ageMs: 8001 });
    await first.decide("budgets.settle", { ...unasked, lease: "just before", amount: 1, ageMs: 8000 });
    await first.decide("budgets.settle", { ...unasked, lease: "nowhere", accounts: ["key:week"] });
    expect(await roomIn(bounds)).toBe(69);
  });

  test("what was let in unasked in a window that is over is added to no other", async () => {
    const { first, pass } = pair();
    const old = account("key:hour", 100);
    const always = account("key:always", 100);
    for (const bounds of [old, always]) expect(await roomIn(bounds)).toBe(100);
    pass(hourMs);
    const young = account("key:hour", 100);
    expect(await roomIn(young)).toBe(100);
    const accounts = ["key:hour", "key:always"];
    const late = { lease: "late", accounts, starts: [old.start, always.start], amount: 30, ageMs: 0 };
    await first.decide("budgets.settle", late);
    expect([await roomIn(young), await roomIn(always)]).toEqual([100, 70]);
    await first.decide("budgets.settle", { ...late, lease: "timely", starts: [young.start, always.start] });
    expect([await roomIn(young), await roomIn(always)]).toEqual([70, 40]);
  });

  test("what was at work when all was lost is added when it ends, by whoever the account was made anew", async () => {
    const { first, second, pass } = pair();
    const bounds = account("key:day", 100);
    pass(1000);
    const mine = demand([bounds], 1);
    await second.decide("budgets.reserve", mine);
    await second.decide("budgets.settle", { lease: mine.lease, accounts: ["key:day"], amount: 1, ageMs: 0 });
    for (let at = 0; at < 60; at += 1) {
      const lost = { lease: `lost-${at}`, accounts: ["key:day"], amount: 1, ageMs: 1000 };
      await first.decide("budgets.settle", lost);
      await first.decide("budgets.settle", lost);
    }
    expect(await roomIn(bounds)).toBe(39);
  });

  test("what was given back without having been taken changes nothing", async () => {
    const { first } = pair();
    const bounds = account("key:day", 100);
    expect(await roomIn(bounds)).toBe(100);
    await first.decide("budgets.settle", { lease: "never", accounts: ["key:day"], amount: 0, ageMs: 0 });
    expect(await roomIn(bounds)).toBe(100);
  });

  test("at least so much is spent as one knows of, however often it is said", async () => {
    const { first, second } = pair();
    const bounds = account("key:day", 100);
    const one = demand([bounds], 30);
    await first.decide("budgets.reserve", one);
    for (const [member, spent] of [[second, 40] as const, [first, 40] as const, [second, 25] as const])
      await member.decide("budgets.raise", { accounts: [{ ...bounds, seed: 99, spent }] });
    expect(await roomIn(bounds)).toBe(30);
    await first.decide("budgets.settle", { lease: one.lease, accounts: ["key:day"], amount: 10, ageMs: 0 });
    expect(await roomIn(bounds)).toBe(50);
  });

  test("an account that nobody knows yet is made by whoever knows what is spent, and asked for by others", async () => {
    const { first, second } = pair();
    const [key, team] = [account("key:day", 100), account("team:day", 100)];
    const accounts = [
      { ...key, seed: 10, spent: 60 },
      { ...team, seed: 70, spent: 20 },
    ];
    await first.decide("budgets.raise", { accounts });
    const { refused } = await second.decide("budgets.reserve", demand([key, team], 50));
    expect(refused).toEqual([
      { account: 0, spent: 60, reserved: 0 },
      { account: 1, spent: 70, reserved: 0 },
    ]);
  });

  test("what is known to be spent counts in its own window only", async () => {
    const { first, second, pass } = pair();
    const old = account("key:hour", 100);
    await first.decide("budgets.reserve", demand([old], 60));
    pass(hourMs);
    const young = account("key:hour", 100);
    await second.decide("budgets.raise", { accounts: [{ ...young, seed: 0, spent: 5 }] });
    await first.decide("budgets.raise", { accounts: [{ ...old, seed: 90, spent: 90 }] });
    expect(await roomIn(young)).toBe(95);
  });

  test("a clock that is more than a minute ahead opens no window, and is told what time it is", async () => {
    const { first, second, now, pass } = pair();
    const bounds = account("key:hour", 100);
    await first.decide("budgets.reserve", demand([bounds], 90));
    const ahead = account("key:hour", 100, { start: now() + 60_001, end: now() + hourMs });
    const early = await second.decide("budgets.reserve", demand([account("team:hour", 100), ahead], 1));
    expect(early).toEqual({ isReserved: false, refused: [], timeHere: now() });
    await second.decide("budgets.raise", { accounts: [{ ...ahead, seed: 0, spent: 0 }] });
    expect(await roomIn(bounds)).toBe(10);
    expect(await roomIn(account("team:hour", 100))).toBe(100);
    pass(1);
    expect(await second.decide("budgets.reserve", demand([ahead], 50))).toEqual({ isReserved: true, refused: [] });
  });
}
