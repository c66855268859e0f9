import { describe, expect, test } from "bun:test";
import type { BudgetLimit } from "../../src/limits/budget-account.ts";
import type { BudgetOwner } from "../../src/limits/budget-ledger.ts";
import { createBudgetScene, dayMs, follow, owner, reserve, used } from "./budget-scene.ts";

describe("what is spent", () => {
  test("is known again after a restart", async () => {
    const { begin } = createBudgetScene();
    const before = await begin();
    reserve(before, 4)?.settle(3.25);
    await before.close();
    const after = await begin();
    expect(used(after)).toEqual([3.25, 0]);
    expect(reserve(after, 7)).toBeUndefined();
    reserve(after, 6.75)?.settle(1);
    await after.close();
    expect(used(await begin())).toEqual([4.25, 0]);
  });

  test("is told to other gateways, and each keeps its own share", async () => {
    const { begin, documents } = createBudgetScene();
    const [first, second] = [await begin(), await begin()];
    reserve(first, 2)?.settle(2);
    reserve(second, 3)?.settle(3);
    await Promise.all([first.flush(), second.flush()]);
    for (const budgets of [first, second]) {
      await follow(documents, budgets);
      expect(used(budgets)).toEqual([5, 0]);
    }
    reserve(first, 1)?.settle(1);
    await first.flush();
    await follow(documents, second);
    expect(used(second)).toEqual([6, 0]);
    expect(reserve(second, 4.5)).toBeUndefined();
  });

  test("goes along to another time zone once, and not with each gateway", async () => {
    const { begin, documents } = createBudgetScene();
    const gateways = [await begin(), await begin(), await begin()];
    const everywhere = async (): Promise<void> => {
      for (const budgets of gateways) await budgets.flush();
      for (const budgets of gateways) await follow(documents, budgets);
    };
    const [first] = gateways;
    if (first !== undefined) reserve(first, 4)?.settle(4);
    await everywhere();
    const moved: BudgetOwner = { ...owner, budgets: [{ usd: 10, window: "day", timeZone: "Asia/Tokyo" }] };
    for (const budgets of gateways) reserve(budgets, 1, moved)?.settle(1);
    await everywhere();
    await everywhere();
    for (const budgets of [...gateways, await begin()]) expect(used(budgets, moved)).toEqual([7, 0]);
  });

  test("is written only when it has changed", async () => {
    const { begin, documents } = createBudgetScene();
    const budgets = await begin();
    for (let count = 0; count < 50; count += 1) reserve(budgets, 0.1)?.settle(0.1);
    await budgets.flush();
    await budgets.flush();
    expect(documents.writes).toBe(1);
  });

  test("begins anew with the next window, also in the store", async () => {
    const { begin, clock } = createBudgetScene();
    const budgets = await begin();
    reserve(budgets, 4)?.settle(4);
    await budgets.flush();
    clock.time += dayMs;
    reserve(budgets, 1)?.settle(1);
    await budgets.close();
    expect(used(await begin())).toEqual([1, 0]);
  });

  test("of a window that is over is not looked at any more", async () => {
    const { begin, clock } = createBudgetScene();
    const budgets = await begin();
    reserve(budgets, 4)?.settle(4);
    await budgets.close();
    clock.time += dayMs;
    expect(used(await begin())).toEqual([0, 0]);
  });

  test("of an owner that is gone is forgotten, also what is settled later", async () => {
    const { begin, documents } = createBudgetScene();
    const budgets = await begin();
    const lease = reserve(budgets, 4);
    await budgets.flush();
    await budgets.forget("key_1");
    lease?.settle(4);
    await budgets.flush();
    expect(await documents.list("spending")).toEqual([]);
  });

  test("of an owner that is back before it is removed stays, and is removed when it goes again", async () => {
    const { begin, documents } = createBudgetScene();
    const budgets = await begin();
    reserve(budgets, 4)?.settle(4);
    await budgets.flush();
    const removed = budgets.forget("key_1");
    budgets.welcome("key_1");
    await removed;
    expect(used(await begin())).toEqual([4, 0]);
    await follow(documents, budgets);
    const again = budgets.forget("key_1");
    budgets.welcome("key_1");
    void budgets.forget("key_1");
    await follow(documents, budgets);
    await again;
    await budgets.close();
    expect(await documents.list("spending")).toEqual([]);
  });
});

describe("a budget that begins with what its owner has spent", () => {
  test("counts what is still at work here besides, whatever that comes to", async () => {
    for (const cost of [0.01, 4]) {
      const { begin } = createBudgetScene();
      const budgets = await begin();
      const stream = reserve(budgets, 4);
      await budgets.begin(owner, () => Promise.resolve(5));
      expect(used(budgets)).toEqual([5, 4]);
      expect(reserve(budgets, 1.5)).toBeUndefined();
      stream?.settle(cost);
      await budgets.flush();
      expect(used(await begin())).toEqual([5 + cost, 0]);
    }
  });

  test("counts once what was spent and what others may have recorded before they told", async () => {
    const { begin, documents } = createBudgetScene();
    const [first, second] = [await begin(), await begin()];
    reserve(second, 4);
    await second.flush();
    reserve(first, 2)?.settle(2);
    await follow(documents, first);
    await first.begin(owner, () => Promise.resolve(6));
    expect(used(first)).toEqual([2, 4]);
    await first.begin(owner, () => Promise.resolve(7));
    expect(used(first)).toEqual([3, 4]);
  });
});

describe("a gateway whose clock is a day ahead", () => {
  test("takes nothing of what the others store of their window", async () => {
    const { begin, documents, told } = createBudgetScene();
    const [good, ahead] = [await begin(), await begin({ aheadMs: dayMs })];
    reserve(ahead, 1)?.settle(1);
    await ahead.flush();
    for (const usd of [2, 3]) {
      reserve(good, usd)?.settle(usd);
      await good.flush();
      reserve(ahead, 1)?.settle(1);
      await ahead.flush();
    }
    reserve(good, 4);
    await good.flush();
    await follow(documents, good);
    for (const budgets of [good, await begin()]) expect(used(budgets)).toEqual([5, 4]);
    expect(used(await begin({ aheadMs: dayMs }))).toEqual([3, 0]);
    expect(told).toEqual(Array.from({ length: 2 }, () => expect.stringContaining("clock is 1d or more ahead")));
  });

  test("does not make the others count their own spending twice, when they have not written for long", async () => {
    const { begin, documents, clock } = createBudgetScene();
    const [ahead, good, other] = [await begin({ aheadMs: dayMs }), await begin(), await begin()];
    reserve(ahead, 1)?.settle(1);
    await ahead.flush();
    reserve(good, 2)?.settle(2);
    await good.flush();
    clock.time += 11 * 60_000;
    reserve(other, 1)?.settle(1);
    await other.flush();
    await follow(documents, good);
    expect(used(good)).toEqual([3, 0]);
    reserve(good, 1)?.settle(1);
    await good.flush();
    for (const budgets of [good, await begin()]) expect(used(budgets)).toEqual([4, 0]);
  });

  test("and restarts after it was set right goes on where the others are", async () => {
    const { begin, clock } = createBudgetScene();
    const ahead = await begin({ aheadMs: dayMs });
    reserve(ahead, 1)?.settle(1);
    await ahead.close();
    const right = await begin();
    expect(used(right)).toEqual([0, 0]);
    reserve(right, 4)?.settle(4);
    await right.close();
    const again = await begin();
    expect(used(again)).toEqual([4, 0]);
    clock.time += dayMs;
    reserve(again, 2)?.settle(2);
    await again.close();
    expect(used(await begin())).toEqual([3, 0]);
  });
});

describe("a process that is killed", () => {
  test("leaves what it had reserved set aside, for as long as its requests may take", async () => {
    const { begin, clock } = createBudgetScene();
    const killed = await begin();
    reserve(killed, 1)?.settle(1);
    reserve(killed, 4);
    clock.time += 60_000;
    reserve(killed, 3);
    await killed.flush();
    const after = await begin();
    expect(used(after)).toEqual([1, 7]);
    expect(reserve(after, 2.5)).toBeUndefined();
    reserve(after, 2)?.settle(2);
    await after.flush();
    clock.time += 600_000;
    expect(used(await begin())).toEqual([3, 7]);
    clock.time += 61_000;
    expect(used(after)).toEqual([3, 0]);
    reserve(after, 7)?.settle(6.5);
    await after.close();
    expect(used(await begin())).toEqual([9.5, 0]);
  });

  test("is not one that lives: what that has reserved is seen by others, and settled once", async () => {
    const { begin, documents, clock } = createBudgetScene();
    const [first, second] = [await begin(), await begin()];
    const lease = reserve(first, 4);
    await first.flush();
    await follow(documents, second);
    expect(used(second)).toEqual([0, 4]);
    clock.time += 599_000;
    lease?.settle(2.5);
    await first.flush();
    await follow(documents, second);
    for (const budgets of [first, second, await begin()]) expect(used(budgets)).toEqual([2.5, 0]);
  });

  test("loses what it had not written yet, and nothing before", async () => {
    const { begin } = createBudgetScene();
    const killed = await begin();
    reserve(killed, 4)?.settle(4);
    await killed.flush();
    reserve(killed, 2)?.settle(2);
    expect(used(await begin())).toEqual([4, 0]);
  });
});

describe("a store that fails", () => {
  test("does not keep budgets from holding, and is told about once", async () => {
    const { begin, documents, told } = createBudgetScene();
    const budgets = await begin();
    documents.fault = "down";
    for (let count = 0; count < 20; count += 1) {
      reserve(budgets, 1)?.settle(1);
      await budgets.flush();
    }
    expect(used(budgets)).toEqual([10, 0]);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("cannot be stored");
    documents.fault = undefined;
    await budgets.flush();
    expect(told[1]).toContain("can be stored again");
    expect(used(await begin())).toEqual([10, 0]);
  });

  test("and loses its answers charges nothing twice", async () => {
    const { begin, documents } = createBudgetScene();
    const budgets = await begin();
    for (let count = 0; count < 5; count += 1) {
      reserve(budgets, 1)?.settle(1);
      documents.fault = "lost-answers";
      await budgets.flush();
      documents.fault = undefined;
      await budgets.flush();
    }
    expect(used(budgets)).toEqual([5, 0]);
    expect(used(await begin())).toEqual([5, 0]);
  });

  test("and lost everything gets what is known here", async () => {
    const { begin, documents } = createBudgetScene();
    const first = await begin();
    reserve(first, 3)?.settle(3);
    await first.close();
    const second = await begin();
    reserve(second, 1)?.settle(1);
    await second.flush();
    await documents.remove({ kind: "spending", id: "key_1:day:UTC" });
    reserve(second, 1)?.settle(1);
    await second.flush();
    expect(used(await begin())).toEqual([5, 0]);
  });

  test("and never answers does not hold up the end of the process", async () => {
    const { begin, documents } = createBudgetScene();
    const budgets = await begin();
    reserve(budgets, 3)?.settle(3);
    documents.fault = "frozen";
    const from = performance.now();
    await budgets.close();
    expect(performance.now() - from).toBeLessThan(2500);
  });

  test("and holds nonsense is not believed", async () => {
    const { begin, documents } = createBudgetScene();
    await documents.put({ kind: "spending", id: "key_1:day:UTC", value: { usd: "many" } });
    await documents.put({ kind: "spending", id: "no such name", value: { start: 0, end: 9e15, usd: 1, writers: {} } });
    const budgets = await begin();
    reserve(budgets, 3)?.settle(3);
    await budgets.flush();
    expect(used(await begin())).toEqual([3, 0]);
  });
});

test("many owners are written together", async () => {
  const { begin, documents } = createBudgetScene();
  const budgets = await begin();
  const limits: readonly BudgetLimit[] = [
    { usd: 10, window: "day" },
    { usd: 90, window: "month" },
  ];
  for (let index = 0; index < 300; index += 1)
    reserve(budgets, 1, { kind: "key", id: `key_${index}`, budgets: [...limits] })?.settle(1);
  await budgets.flush();
  expect(await documents.list("spending")).toHaveLength(600);
  expect(documents.writes).toBe(600);
  expect(documents.transactions).toBe(3);
  documents.fault = "down";
  for (const id of ["key_0", "key_299"]) reserve(budgets, 1, { kind: "key", id, budgets: [...limits] })?.settle(1);
  await budgets.flush();
  documents.fault = undefined;
  await budgets.flush();
  const after = await begin();
  expect(used(after, { kind: "key", id: "key_299", budgets: [...limits] })).toEqual([2, 0]);
  expect([documents.writes, documents.transactions]).toEqual([604, 4]);
});
