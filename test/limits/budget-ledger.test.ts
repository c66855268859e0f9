import { describe, expect, test } from "bun:test";
import type { BudgetLimit } from "../../src/limits/budget-account.ts";
import type { BudgetLease } from "../../src/limits/budget-lease.ts";
import {
  type BudgetLedger,
  type BudgetOwner,
  type BudgetRefusal,
  createBudgetLedger,
  isBudgetRefusal,
} from "../../src/limits/budget-ledger.ts";

const noon = Date.parse("2026-11-21T12:00:00Z");
const hourMs = 3_600_000;

function ownerOf(...budgets: BudgetLimit[]): BudgetOwner {
  return { kind: "key", id: "key_1", budgets };
}

function take(ledger: BudgetLedger, owner: BudgetOwner, usd: number, time = noon): BudgetLease | BudgetRefusal {
  return ledger.reserve([owner], { usd, time, ttlMs: 600_000 });
}

function taken(ledger: BudgetLedger, owner: BudgetOwner, usd: number, time = noon): BudgetLease {
  const outcome = take(ledger, owner, usd, time);
  if (isBudgetRefusal(outcome)) throw new Error(`refused: ${JSON.stringify(outcome)}`);
  return outcome;
}

function refused(outcome: BudgetLease | BudgetRefusal): BudgetRefusal {
  if (!isBudgetRefusal(outcome)) throw new Error("not refused");
  return outcome;
}

function used(ledger: BudgetLedger, owner: BudgetOwner, time = noon): [number, number] {
  const [first] = ledger.view(owner, time);
  return [first?.spentUsd ?? Number.NaN, first?.reservedUsd ?? Number.NaN];
}

describe("a budget", () => {
  const owner = ownerOf({ usd: 10, window: "day" });

  test("takes no more than it has room for, however many come at once", () => {
    const ledger = createBudgetLedger();
    const outcomes = Array.from({ length: 200 }, () => take(ledger, owner, 0.3));
    expect(outcomes.filter((outcome) => !isBudgetRefusal(outcome))).toHaveLength(33);
    expect(used(ledger, owner)[0]).toBe(0);
    expect(used(ledger, owner)[1]).toBeCloseTo(9.9, 9);
  });

  test("says what is spent and reserved of it, and when it begins anew", () => {
    const ledger = createBudgetLedger();
    taken(ledger, owner, 4).settle(5);
    taken(ledger, owner, 3);
    expect(refused(take(ledger, owner, 2.5))).toEqual({
      owner,
      budget: { usd: 10, window: "day" },
      spentUsd: 5,
      reservedUsd: 3,
      wantedUsd: 2.5,
      resetsAt: Date.parse("2026-11-22T00:00:00Z"),
    });
  });

  test("gets back what a request did not use", () => {
    const ledger = createBudgetLedger();
    const lease = taken(ledger, owner, 9);
    expect(isBudgetRefusal(take(ledger, owner, 2))).toBe(true);
    lease.settle(0.5);
    expect(used(ledger, owner)).toEqual([0.5, 0]);
    taken(ledger, owner, 9.5);
  });

  test("is charged the estimate where the cost is not known or makes no sense", () => {
    for (const usd of [undefined, Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      const ledger = createBudgetLedger();
      taken(ledger, owner, 2).settle(usd);
      expect(used(ledger, owner)).toEqual([2, 0]);
    }
  });

  test("is settled once", () => {
    const ledger = createBudgetLedger();
    const lease = taken(ledger, owner, 2);
    lease.settle(1);
    lease.settle(7);
    lease.settle(undefined);
    expect(used(ledger, owner)).toEqual([1, 0]);
  });

  test("lets what is free pass when it is used up, and nothing else", () => {
    const ledger = createBudgetLedger();
    taken(ledger, owner, 1).settle(10);
    expect(isBudgetRefusal(take(ledger, owner, 0.000_001))).toBe(true);
    taken(ledger, owner, 0);
  });

  test("of nothing refuses everything that costs", () =>
    expect(isBudgetRefusal(take(createBudgetLedger(), ownerOf({ usd: 0, window: "hour" }), 0.01))).toBe(true));

  test("can be used up to its last cent in spite of binary fractions", () => {
    const ledger = createBudgetLedger();
    const cents = ownerOf({ usd: 1, window: "day" });
    for (let cent = 0; cent < 100; cent += 1) taken(ledger, cents, 0.01).settle(0.01);
    expect(isBudgetRefusal(take(ledger, cents, 0.01))).toBe(true);
  });
});

describe("a lease that is never settled", () => {
  const owner = ownerOf({ usd: 10, window: "day" });

  test("counts as spent once its time is over", () => {
    const ledger = createBudgetLedger();
    taken(ledger, owner, 3);
    ledger.expire(noon + 599_999);
    expect(used(ledger, owner)).toEqual([0, 3]);
    ledger.expire(noon + 600_000);
    expect(used(ledger, owner)).toEqual([3, 0]);
  });

  test("is put right when it is settled late, once", () => {
    const ledger = createBudgetLedger();
    const lease = taken(ledger, owner, 3);
    ledger.expire(noon + 600_000);
    lease.settle(1);
    lease.settle(9);
    expect(used(ledger, owner)).toEqual([1, 0]);
  });

  test("is looked for whenever somebody reserves", () => {
    const ledger = createBudgetLedger();
    taken(ledger, owner, 3);
    taken(ledger, owner, 1, noon + 700_000);
    expect(used(ledger, owner, noon + 700_000)).toEqual([3, 1]);
  });
});

describe("windows", () => {
  test("begin with nothing spent", () => {
    const ledger = createBudgetLedger();
    const owner = ownerOf({ usd: 10, window: "hour" });
    taken(ledger, owner, 10).settle(10);
    expect(isBudgetRefusal(take(ledger, owner, 1, noon + hourMs - 1))).toBe(true);
    expect(used(ledger, owner, noon + hourMs)).toEqual([0, 0]);
    taken(ledger, owner, 10, noon + hourMs);
  });

  test("are those a request was admitted in, however long it takes", () => {
    const ledger = createBudgetLedger();
    const owner = ownerOf({ usd: 10, window: "hour" });
    const long = taken(ledger, owner, 4, noon + hourMs - 1);
    expect(used(ledger, owner, noon + hourMs)).toEqual([0, 0]);
    long.settle(9);
    expect(used(ledger, owner, noon + hourMs)).toEqual([0, 0]);
  });

  test("of several lengths all hold, and the one that lasts longest is told", () => {
    const ledger = createBudgetLedger();
    const owner = ownerOf({ usd: 5, window: "hour" }, { usd: 8, window: "month" }, { usd: 7, window: "day" });
    taken(ledger, owner, 5).settle(5);
    expect(refused(take(ledger, owner, 1)).budget.window).toBe("hour");
    taken(ledger, owner, 2, noon + hourMs).settle(2);
    expect(refused(take(ledger, owner, 2, noon + hourMs)).budget.window).toBe("month");
    expect(refused(take(ledger, owner, 0.5, noon + hourMs)).budget.window).toBe("day");
  });

  test("of a refusal take nothing", () => {
    const ledger = createBudgetLedger();
    const owner = ownerOf({ usd: 100, window: "month" }, { usd: 1, window: "day" });
    refused(take(ledger, owner, 2));
    expect(ledger.view(owner, noon).map(({ reservedUsd }) => reservedUsd)).toEqual([0, 0]);
  });

  test("do not come back when the clock is set back", () => {
    const ledger = createBudgetLedger();
    const owner = ownerOf({ usd: 10, window: "hour" });
    taken(ledger, owner, 1, noon).settle(9);
    taken(ledger, owner, 1, noon + hourMs).settle(8);
    expect(used(ledger, owner, noon)).toEqual([8, 0]);
  });

  test("go by the clocks of their zone", () => {
    const ledger = createBudgetLedger();
    const owner = ownerOf({ usd: 10, window: "day", timeZone: "Asia/Tokyo" });
    expect(refused(take(ledger, owner, 11)).resetsAt).toBe(Date.parse("2026-11-21T15:00:00Z"));
  });
});

describe("whoever has several budgets", () => {
  test("is bounded by those of its key and of its team together", () => {
    const ledger = createBudgetLedger();
    const team: BudgetOwner = { kind: "team", id: "team_1", budgets: [{ usd: 5, window: "day" }] };
    const keys = ["key_1", "key_2"].map((id): BudgetOwner => ({
      kind: "key",
      id,
      budgets: [{ usd: 4, window: "day" }],
    }));
    for (const key of keys)
      expect(isBudgetRefusal(ledger.reserve([key, team], { usd: 2.5, time: noon, ttlMs: 1 }))).toBe(false);
    const [, second] = keys;
    const outcome = refused(ledger.reserve([second!, team], { usd: 1, time: noon, ttlMs: 1 }));
    expect(outcome.owner.id).toBe("team_1");
  });

  test("keeps what is spent when limits change", () => {
    const ledger = createBudgetLedger();
    taken(ledger, ownerOf({ usd: 10, window: "day" }), 6).settle(6);
    const lower = ownerOf({ usd: 5, window: "day" });
    expect(isBudgetRefusal(take(ledger, lower, 1))).toBe(true);
    expect(used(ledger, lower)).toEqual([6, 0]);
    taken(ledger, ownerOf({ usd: 20, window: "day" }), 14);
  });

  test("keeps what is spent when the time zone changes", () => {
    const ledger = createBudgetLedger();
    taken(ledger, ownerOf({ usd: 10, window: "day" }), 6).settle(6);
    expect(used(ledger, ownerOf({ usd: 10, window: "day", timeZone: "Asia/Tokyo" }))).toEqual([6, 0]);
    expect(used(ledger, ownerOf({ usd: 10, window: "week", timeZone: "Asia/Tokyo" }))).toEqual([0, 0]);
  });

  test("is held by two budgets of the same window as well", () => {
    const ledger = createBudgetLedger();
    const owner = ownerOf({ usd: 9, window: "day" }, { usd: 3, window: "day" });
    expect(isBudgetRefusal(take(ledger, owner, 4))).toBe(true);
    taken(ledger, owner, 2);
    expect(used(ledger, owner)).toEqual([0, 2]);
  });

  test("may have none", () => {
    const ledger = createBudgetLedger();
    taken(ledger, ownerOf(), 1e6).settle(1e6);
    expect(ledger.takeDirty()).toEqual([]);
  });
});

describe("what others have charged", () => {
  const day = { start: Date.parse("2026-11-21T00:00Z"), end: Date.parse("2026-11-22T00:00Z") };
  const owner = ownerOf({ usd: 10, window: "day" });

  test("counts, whether the account is known already or not", () => {
    for (const isKnown of [true, false]) {
      const ledger = createBudgetLedger();
      if (isKnown) taken(ledger, owner, 1).settle(1);
      ledger.setForeign("key_1:day:UTC", { ...day, usd: 9.5, reserved: [] });
      expect(isBudgetRefusal(take(ledger, owner, 1))).toBe(true);
    }
  });

  test("in a window that has not begun here yet counts from its beginning", () => {
    const ledger = createBudgetLedger();
    taken(ledger, owner, 1).settle(1);
    ledger.setForeign("key_1:day:UTC", { start: day.end, end: day.end + 24 * hourMs, usd: 7, reserved: [] });
    expect(used(ledger, owner)).toEqual([1, 0]);
    expect(used(ledger, owner, day.end)).toEqual([7, 0]);
  });

  test("in a window that is over counts no more", () => {
    const ledger = createBudgetLedger();
    ledger.setForeign("key_1:day:UTC", { ...day, usd: 9.5, reserved: [] });
    expect(used(ledger, owner, day.end)).toEqual([0, 0]);
  });
});
