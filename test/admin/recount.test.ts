import { expect, test } from "bun:test";
import type { KeyBudget } from "../../src/keys/virtual-key.ts";
import { isBudgetRefusal } from "../../src/limits/budget-ledger.ts";
import { until } from "../support/e2e.ts";
import { type KeyHouse, openKeyStore, startKeyHouse } from "../support/key-house.ts";
import { makeRecord } from "../support/make-record.ts";

const clock = Date.parse("2026-11-20T10:30:00Z");
const budgets: KeyBudget[] = [{ usd: 100, window: "day" }];
const heardMs = 5000;

type KeyStore = ReturnType<typeof openKeyStore>;

/** Timers that ring when they are told to. */
function createTimers() {
  const waiting: { milliseconds: number; work: () => void }[] = [];
  const has = (milliseconds: number) => waiting.some((timer) => timer.milliseconds === milliseconds);
  return {
    after: (milliseconds: number, work: () => void): (() => void) => {
      const timer = { milliseconds, work };
      waiting.push(timer);
      return () => void (waiting.includes(timer) && waiting.splice(waiting.indexOf(timer), 1));
    },
    has,
    async ring(milliseconds: number): Promise<void> {
      await until(() => has(milliseconds), `a timer of ${milliseconds} ms waits`);
      const [timer] = waiting.splice(
        waiting.findIndex((each) => each.milliseconds === milliseconds),
        1,
      );
      timer?.work();
    },
  };
}

type Timers = ReturnType<typeof createTimers>;

function startHouse({ store }: KeyStore, { after }: Timers, options: { heardMs?: number } = {}): Promise<KeyHouse> {
  return startKeyHouse({ store, now: () => clock, after, ...options });
}

async function spent({ store }: KeyStore, keyId: string, costUsd: number): Promise<void> {
  await store.requests.insert([makeRecord({ keyId, startedAt: clock, costUsd })]);
}

async function issued(house: KeyHouse, input: object): Promise<string> {
  return String((await house.ask("POST", "/api/keys", { name: "spender", ...input })).body["id"]);
}

function spentOf(house: KeyHouse, id: string): number | undefined {
  return house.budgets.view({ kind: "key", id, budgets })[0]?.spentUsd;
}

/** As a request does that was let in with the budget. */
function charge(house: KeyHouse, id: string, usd: number): void {
  const lease = house.budgets.reserve([{ kind: "key", id, budgets }], { usd, ttlMs: 600_000 });
  if (isBudgetRefusal(lease)) throw new Error("There is room");
  lease.settle(usd);
}

test("a request that is under way when a budget is put on counts once it is over, and once", async () => {
  using own = openKeyStore();
  const timers = createTimers();
  using house = await startHouse(own, timers);
  const id = await issued(house, {});
  await house.ask("PATCH", `/api/keys/${id}`, { budgets });
  expect(spentOf(house, id)).toBe(0);

  await spent(own, id, 1);
  await timers.ring(1000);
  await until(() => timers.has(heardMs), "the records are read");
  // Charged, and in the records only after they were read, or before: it is the same money.
  charge(house, id, 4);
  await spent(own, id, 4);
  await timers.ring(heardMs);
  await until(() => spentOf(house, id) === 4, "no less than the records said is spent");

  await timers.ring(10_000);
  await timers.ring(heardMs);
  await until(() => spentOf(house, id) === 5, "all of both is spent");
  for (const milliseconds of [3000, 60_000, 300_000, 900_000]) {
    await timers.ring(milliseconds);
    await timers.ring(heardMs);
  }
  expect(spentOf(house, id)).toBe(5);
});

test("where nobody else charges, what is missing is counted also while more is spent", async () => {
  using own = openKeyStore();
  const timers = createTimers();
  using house = await startHouse(own, timers, { heardMs: 0 });
  const id = await issued(house, {});
  await house.ask("PATCH", `/api/keys/${id}`, { budgets });
  await spent(own, id, 1);
  charge(house, id, 4);
  await spent(own, id, 4);
  await timers.ring(1000);
  await until(() => spentOf(house, id) === 5, "all of both is spent");
});

test("a team's new budget counts what was under way for its keys", async () => {
  using own = openKeyStore();
  const timers = createTimers();
  using house = await startHouse(own, timers);
  const team = String((await house.ask("POST", "/api/teams", { name: "ours" })).body["id"]);
  const id = await issued(house, { teamId: team });
  await house.ask("PATCH", `/api/teams/${team}`, { budgets });
  await spent(own, id, 3);
  await timers.ring(1000);
  await timers.ring(heardMs);
  const usd = () => house.budgets.view({ kind: "team", id: team, budgets })[0]?.spentUsd;
  await until(() => usd() === 3, "what the key spent is the team's too");
});

test("what a killed process had charged, and not written, is counted from its records", async () => {
  using own = openKeyStore();
  const timers = createTimers();
  using house = await startHouse(own, timers);
  const id = await issued(house, { budgets });
  charge(house, id, 2);
  await spent(own, id, 2);
  await spent(own, id, 5);
  house.afterCrash();
  await timers.ring(1000);
  await timers.ring(heardMs);
  await until(() => spentOf(house, id) === 7, "the records of the killed one count");
});

test("a key that is gone by then, or has lost its budget, is let be", async () => {
  using own = openKeyStore();
  const timers = createTimers();
  using house = await startHouse(own, timers);
  const [gone, unbounded] = [await issued(house, {}), await issued(house, {})];
  for (const id of [gone, unbounded]) {
    await house.ask("PATCH", `/api/keys/${id}`, { budgets });
    await spent(own, id, 1);
  }
  await house.ask("DELETE", `/api/keys/${gone}`);
  await house.ask("PATCH", `/api/keys/${unbounded}`, { budgets: null });
  for (const milliseconds of [1000, heardMs, 1000, heardMs]) await timers.ring(milliseconds);
  expect([spentOf(house, gone), spentOf(house, unbounded)]).toEqual([0, 0]);
  expect(house.told).toEqual([]);
});
