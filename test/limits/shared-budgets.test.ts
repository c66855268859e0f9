import { describe, expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import {
  createMemoryCoordination,
  type MemoryCoordination,
} from "../../src/coordination/memory/memory-coordination.ts";
import { budgetError } from "../../src/limits/budget-error.ts";
import type { BudgetLease } from "../../src/limits/budget-lease.ts";
import { type BudgetOwner, type BudgetRefusal, isBudgetRefusal } from "../../src/limits/budget-ledger.ts";
import { createBudgets } from "../../src/limits/budgets.ts";
import { createRaiseTogether } from "../../src/limits/raise-together.ts";
import { createSharedBudgets, type SharedBudgets, type SharedBudgetsOptions } from "../../src/limits/shared-budgets.ts";
import { createMemoryDocuments } from "../support/memory-documents.ts";
import { settled } from "./limiter-world.ts";
import { mayGo } from "./shared-world.ts";

const dayMs = 86_400_000;
const noon = Date.parse("2026-11-21T12:00:00Z");
const key: BudgetOwner = { kind: "key", id: "key_1", budgets: [{ usd: 10, window: "day" }] };
const team: BudgetOwner = { kind: "team", id: "team_1", budgets: [{ usd: 6, window: "month" }] };

/** A member of whatever place to meet there is. */
function follow(meeting: () => MemoryCoordination): Coordinator {
  let [joined, member] = [meeting(), meeting().join()];
  return {
    ...member,
    decide(name, input) {
      if (joined !== meeting()) [joined, member] = [meeting(), meeting().join()];
      return member.decide(name, input);
    },
  };
}

/** Gateways with one database and one place to meet. */
function world(options: Partial<Pick<SharedBudgetsOptions, "whenDown" | "replicas">> = {}) {
  const clock = { time: noon };
  const now = (): number => clock.time;
  const documents = createMemoryDocuments(now);
  const told: string[] = [];
  const log = { info: () => undefined, warn: (text: string) => void told.push(text) };
  let meeting = createMemoryCoordination({ now });

  /** A gateway whose clock is ahead by so much. */
  async function join({ aheadMs = 0 } = {}) {
    const now = (): number => clock.time + aheadMs;
    const link = mayGo(follow(() => meeting));
    const raiseTogether = createRaiseTogether(link.coordinator);
    const budgets = createBudgets({ documents, log, raiseTogether, now, every: () => () => undefined });
    const look = async (): Promise<void> => {
      for (const change of (await documents.changesSince(0)).changes) budgets.apply(change);
    };
    await look();
    const shared = createSharedBudgets({
      coordinator: link.coordinator,
      budgets,
      whenDown: "local",
      replicas: () => 1,
      log,
      now,
      wallClock: now,
      ...options,
    });
    return { ...link, ...shared, budgets, look };
  }
  return { clock, told, join, lose: () => void (meeting = createMemoryCoordination({ now })) };
}

async function asked(
  { reserve }: Pick<SharedBudgets, "reserve">,
  usd: number,
  owners: readonly BudgetOwner[] = [key],
): Promise<BudgetLease | BudgetRefusal> {
  return reserve(owners, { usd, ttlMs: 600_000 });
}

async function leaseOf(gateway: SharedBudgets, usd: number, owners?: readonly BudgetOwner[]): Promise<BudgetLease> {
  const outcome = await asked(gateway, usd, owners);
  if (isBudgetRefusal(outcome)) throw new Error("There is no room");
  return outcome;
}

async function refusalOf(gateway: SharedBudgets, usd: number, owners?: readonly BudgetOwner[]): Promise<BudgetRefusal> {
  const outcome = await asked(gateway, usd, owners);
  if (isBudgetRefusal(outcome)) return outcome;
  throw new Error("There is room");
}

describe("budgets that gateways charge together", () => {
  test("are not overspent, whoever asks", async () => {
    const { join } = world();
    const [first, second] = [await join(), await join()];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, at) => asked(at % 2 === 0 ? first : second, 0.3)),
    );
    expect(outcomes.filter((outcome) => !isBudgetRefusal(outcome))).toHaveLength(33);
  });

  test("what was not used is there for the others at once", async () => {
    const { join } = world();
    const [first, second] = [await join(), await join()];
    const lease = await leaseOf(first, 8);
    const refusal = await refusalOf(second, 3);
    expect(refusal).toMatchObject({ owner: key, spentUsd: 0, reservedUsd: 8, wantedUsd: 3 });
    expect(refusal.resetsAt).toBe(Date.parse("2026-11-22T00:00:00Z"));
    lease.settle(0.5);
    lease.settle(8);
    await settled();
    (await leaseOf(second, 9.5)).settle(undefined);
    await settled();
    expect(await refusalOf(first, 0.01)).toMatchObject({ spentUsd: 10, reservedUsd: 0 });
  });

  test("of several that are in the way the one that lasts longest is told", async () => {
    const { join } = world();
    const first = await join();
    expect(await refusalOf(first, 20, [key, team])).toMatchObject({ owner: team });
    expect(await refusalOf(first, 7, [key, team])).toMatchObject({ owner: team });
    await leaseOf(first, 6, [key, team]);
  });

  test("are written down as well, and go on from there where nobody remembers them", async () => {
    const { join, lose } = world();
    const first = await join();
    (await leaseOf(first, 4)).settle(3);
    await first.budgets.flush();
    lose();
    const other = await join();
    expect(await refusalOf(other, 8)).toMatchObject({ spentUsd: 3 });
    await leaseOf(other, 7);
  });

  test("what was at work at one when all was forgotten is charged when it ends, also where another asks first", async () => {
    const { clock, join, lose } = world();
    const [first, second] = [await join(), await join()];
    const leases = await Promise.all(Array.from({ length: 6 }, () => leaseOf(second, 1)));
    clock.time += 2000;
    lose();
    (await leaseOf(first, 1)).settle(1);
    for (const lease of leases) lease.settle(1);
    await settled();
    expect(await refusalOf(first, 4)).toMatchObject({ spentUsd: 7, reservedUsd: 0 });
    await leaseOf(first, 3);
  });

  test("what was stored when all was forgotten is not charged twice", async () => {
    const { clock, join, lose } = world();
    const first = await join();
    const lease = await leaseOf(first, 4);
    await first.budgets.flush();
    clock.time += 10_000;
    lose();
    const second = await join();
    expect(await refusalOf(second, 7)).toMatchObject({ spentUsd: 4 });
    lease.settle(2);
    await settled();
    expect(await refusalOf(second, 7)).toMatchObject({ spentUsd: 4 });
  });

  test("one that is put on again is charged with what was spent in between, also where another asks first", async () => {
    const { join } = world();
    const [first, second] = [await join(), await join()];
    (await leaseOf(second, 1)).settle(1);
    await settled();
    await first.budgets.begin(key, () => Promise.resolve(8));
    await first.budgets.begin(key, () => Promise.resolve(8));
    expect(await refusalOf(second, 3)).toMatchObject({ spentUsd: 8, reservedUsd: 0 });
    await leaseOf(second, 2);
  });

  test("one that is put on while the others cannot be reached begins with what is spent all the same", async () => {
    const { join } = world();
    const [first, second] = [await join(), await join()];
    first.go();
    await first.budgets.begin(key, () => Promise.resolve(8));
    await second.look();
    expect(await refusalOf(second, 3)).toMatchObject({ spentUsd: 8 });
  });

  test("nothing is asked for whoever has none", async () => {
    const { join } = world();
    const first = await join();
    expect(first.reserve([{ ...key, budgets: [] }], { usd: 1, ttlMs: 1000 })).not.toBeInstanceOf(Promise);
  });
});

test("a gateway whose clock is ahead opens no budget for the others, goes by what is stored, and says so once", async () => {
  const { join, told } = world();
  const [first, second] = [await join(), await join({ aheadMs: dayMs + 5 * 60_000 })];
  (await leaseOf(first, 9)).settle(9);
  for (const usd of [1, 1]) (await leaseOf(second, usd)).settle(usd);
  await settled();
  expect(await refusalOf(first, 0.01)).toMatchObject({ spentUsd: 11, reservedUsd: 0 });
  expect(isBudgetRefusal(await asked(second, 8.5))).toBe(true);
  expect(told).toEqual([expect.stringMatching(/^This gateway's clock is 1d ahead of /)]);
});

describe("while the others cannot be reached", () => {
  test("budgets hold by what is stored, and what is spent meanwhile is told when they are back", async () => {
    const { clock, join } = world();
    const [first, second] = [await join(), await join()];
    await leaseOf(second, 1);
    clock.time += 10_000;
    first.go();
    const outcome = first.reserve([key], { usd: 4, ttlMs: 600_000 });
    if (outcome instanceof Promise || isBudgetRefusal(outcome)) throw new Error("It is not let in at once");
    outcome.settle(3);
    expect(isBudgetRefusal(await asked(first, 8))).toBe(true);
    expect(isBudgetRefusal(await asked(second, 8.5))).toBe(false);
    first.comeBack();
    await settled();
    expect(await refusalOf(second, 0.5)).toMatchObject({ spentUsd: 3, reservedUsd: 9.5 });
  });

  test("each of several spends its part of what was left, and all of it when they are back", async () => {
    const { join } = world({ replicas: () => 3 });
    const [first, second] = [await join(), await join()];
    (await leaseOf(first, 4)).settle(4);
    first.go();
    const outcomes: (BudgetLease | BudgetRefusal)[] = [];
    for (let count = 0; count < 4; count += 1) outcomes.push(await asked(first, 0.5));
    // A third of the six that were left.
    expect(outcomes.filter(isBudgetRefusal)).toEqual([]);
    const refusal = await refusalOf(first, 0.5);
    expect(refusal).toMatchObject({ spentUsd: 6, isShare: true });
    expect(budgetError(refusal, noon).message).toContain("its part only until Redis is back");
    // What is not used of an estimate may be spent again.
    const [early] = outcomes;
    if (early !== undefined && !isBudgetRefusal(early)) early.settle(0.1);
    expect(isBudgetRefusal(await asked(first, 0.5))).toBe(true);
    (await leaseOf(first, 0.4)).settle(0.4);
    first.comeBack();
    await settled();
    (await leaseOf(first, 1)).settle(1);
    await leaseOf(second, 1);
  });

  test("what was set aside before is settled when they are back", async () => {
    const { join } = world();
    const [first, second] = [await join(), await join()];
    const lease = await leaseOf(first, 9);
    first.go();
    lease.settle(1);
    await settled();
    await refusalOf(second, 5);
    first.comeBack();
    await settled();
    await leaseOf(second, 9);
  });

  test("a reservation whose answer was lost is given back", async () => {
    const { join } = world();
    const [first, second] = [await join(), await join()];
    first.loseAnswers();
    (await leaseOf(first, 9)).settle(0);
    await refusalOf(second, 5);
    first.comeBack();
    await settled();
    await leaseOf(second, 10);
  });

  test("a reservation that arrives long after it was given up, and other ends were told, holds nothing", async () => {
    const { join } = world();
    const [first, second] = [await join(), await join()];
    const arrive = first.delayQuestion();
    (await leaseOf(first, 9)).settle(0);
    first.comeBack();
    await settled();
    for (let count = 0; count < 3; count += 1) {
      (await leaseOf(first, 1)).settle(0);
      await settled();
    }
    await arrive();
    await leaseOf(second, 10);
  });

  test("more ends than can be kept one by one are counted all the same, each once, in the windows that still run", async () => {
    const { clock, join } = world();
    const hourly: BudgetOwner = { kind: "key", id: "key_2", budgets: [{ usd: 1e6, window: "hour" }] };
    const monthly: BudgetOwner = { kind: "team", id: "team_2", budgets: [{ usd: 1e6, window: "month" }] };
    const [first, second] = [await join(), await join()];
    await leaseOf(second, 1, [hourly, monthly]);
    clock.time += 10_000;
    first.go();
    for (let minute = 0; minute < 120; minute += 1) {
      clock.time += 60_000;
      const leases = await Promise.all(Array.from({ length: 200 }, () => leaseOf(first, 1, [hourly, monthly])));
      for (const lease of leases) lease.settle(0.5);
    }
    // Of the hour that runs nobody but the first knows so far: 14:00:10 is the first minute in it.
    (await leaseOf(second, 1, [hourly, monthly])).settle(1);
    clock.time += 1000;
    first.comeBack();
    // A hundred at a time.
    for (let batch = 0; batch < 200; batch += 1) await settled();
    expect(await refusalOf(second, 1e6, [monthly])).toMatchObject({ spentUsd: 1 + 24_000 * 0.5 });
    expect(await refusalOf(second, 1e6, [hourly])).toMatchObject({ spentUsd: 1 + 200 * 0.5 });
  });

  test("nobody with a budget gets in where nothing may pass uncounted", async () => {
    const { join } = world({ whenDown: "closed" });
    const first = await join();
    first.go();
    const refused = { status: 503, code: "overloaded", retryAfterSeconds: 1 };
    expect(() => first.reserve([key], { usd: 1, ttlMs: 1000 })).toThrow(expect.objectContaining(refused));
  });
});
