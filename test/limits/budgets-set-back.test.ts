import { describe, expect, test } from "bun:test";
import type { Budgets } from "../../src/limits/budgets.ts";
import { type BudgetScene, createBudgetScene, dayMs, follow, reserve, used } from "./budget-scene.ts";

const minuteMs = 60_000;

async function spend(budgets: Budgets, usd: number): Promise<void> {
  reserve(budgets, usd)?.settle(usd);
  await budgets.flush();
}

interface Gateways extends BudgetScene {
  /** Two that are at work. */
  first: Budgets;
  second: Budgets;
  /** Both look; `isRewound`: they find that the store was set back. */
  look: (how?: { isRewound: true }) => Promise<void>;
  /** Both have written, and heard of each other: what each sees, and a new one from the store alone. */
  agree: () => Promise<number[]>;
}

async function two(): Promise<Gateways> {
  const scene = createBudgetScene();
  const gateways = [await scene.begin(), await scene.begin()] as const;
  const look: Gateways["look"] = async (how) => {
    for (const budgets of gateways) await follow(scene.documents, budgets, how);
  };
  return {
    ...scene,
    first: gateways[0],
    second: gateways[1],
    look,
    async agree() {
      for (const budgets of gateways) await budgets.flush();
      await look();
      return [...gateways, await scene.begin()].map((budgets) => used(budgets)[0]);
    },
  };
}

/** The second has spent 3; the first has spent 5 since, which both know and the store does not any more. */
async function withoutLastFive(): Promise<Gateways> {
  const gateways = await two();
  const { first, second, documents, look } = gateways;
  await spend(second, 3);
  const setBack = documents.saved();
  await spend(first, 5);
  await look();
  setBack();
  return gateways;
}

describe("of a store that was set back, what gateways have spent since", () => {
  test("is written again, and takes nothing from what others spent before", async () => {
    const { first, look, agree } = await withoutLastFive();
    await look({ isRewound: true });
    expect(used(first)).toEqual([8, 0]);
    expect(await agree()).toEqual([8, 8, 8]);
    await spend(first, 0.5);
    expect(await agree()).toEqual([8.5, 8.5, 8.5]);
  });

  test("is so also when they write before they find out", async () => {
    const { first, look, agree } = await withoutLastFive();
    await spend(first, 0.5);
    expect(used(first)).toEqual([8.5, 0]);
    await look({ isRewound: true });
    expect(await agree()).toEqual([8.5, 8.5, 8.5]);
  });

  test("is written again where nothing of the window was stored by then, once", async () => {
    const { first, second, documents, clock, look, agree } = await two();
    await spend(second, 4);
    const setBack = documents.saved();
    clock.time += dayMs;
    await spend(first, 5);
    await look();
    await spend(second, 3);
    await look();
    setBack();
    await look({ isRewound: true });
    expect(await agree()).toEqual([8, 8, 8]);
  });

  test("and the document was not there yet, is written again once", async () => {
    const { first, second, documents, look, agree } = await two();
    const setBack = documents.saved();
    const lost = { kind: "spending", id: "key_1:day:UTC", version: 0, updatedAt: 0, isRemoved: true } as const;
    await spend(first, 5);
    await look();
    await spend(second, 3);
    await look();
    setBack();
    for (const budgets of [first, second]) budgets.apply({ ...lost, isRewound: true });
    expect(await agree()).toEqual([8, 8, 8]);
  });
});

test("what a gateway spent long before a store was set back, and is stored, counts once", async () => {
  const { first, second, documents, clock, look, agree } = await two();
  await spend(first, 2);
  clock.time += 11 * minuteMs;
  await look();
  await spend(second, 3);
  const setBack = documents.saved();
  await look();
  clock.time += 11 * minuteMs;
  await spend(first, 4);
  await look();
  setBack();
  await look({ isRewound: true });
  expect(used(first)).toEqual([9, 0]);
  expect(await agree()).toEqual([9, 9, 9]);
});

test("whoever has spent nothing writes nothing to a store that was set back", async () => {
  const { first, second, documents, look } = await two();
  await spend(first, 2);
  await look();
  const setBack = documents.saved();
  setBack();
  await look({ isRewound: true });
  const { writes } = documents;
  await second.flush();
  expect(documents.writes).toBe(writes);
});
