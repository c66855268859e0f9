import { afterAll, afterEach, describe, expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import { createRedisCoordinator } from "../../src/coordination/redis/redis-coordinator.ts";
import type { BudgetLease } from "../../src/limits/budget-lease.ts";
import { type BudgetOwner, isBudgetRefusal } from "../../src/limits/budget-ledger.ts";
import { createBudgets } from "../../src/limits/budgets.ts";
import { createSharedBudgets, type SharedBudgets } from "../../src/limits/shared-budgets.ts";
import { until, untilUp } from "../coordination/until-up.ts";
import { createMemoryDocuments } from "../support/memory-documents.ts";
import { startRedisServer } from "../support/redis-server.ts";

const key: BudgetOwner = { kind: "key", id: "key_1", budgets: [{ usd: 1e6, window: "day" }] };
const log = { info: () => undefined, warn: () => undefined };
const server = await startRedisServer();

async function leaseOf({ reserve }: SharedBudgets, usd: number): Promise<BudgetLease> {
  const outcome = await reserve([key], { usd, ttlMs: 600_000 });
  if (isBudgetRefusal(outcome)) throw new Error("There is no room");
  return outcome;
}

if (server !== undefined) {
  let prefixes = 0;
  const open: { close(): unknown }[] = [];

  async function join(prefix: string): Promise<{ coordinator: Coordinator; shared: SharedBudgets }> {
    const coordinator = createRedisCoordinator({
      url: server?.url ?? "",
      address: "127.0.0.1",
      timeoutMs: 200,
      prefix,
    });
    const budgets = createBudgets({ documents: createMemoryDocuments(), log, every: () => () => undefined });
    await untilUp(coordinator);
    const shared = createSharedBudgets({ coordinator, budgets, whenDown: "local", replicas: () => 1, log });
    open.push(shared, coordinator);
    return { coordinator, shared };
  }

  async function keysOf(prefix: string, kind: string): Promise<string[]> {
    return (await server?.ask("KEYS", `{${prefix}}:${kind}:*`)) as string[];
  }

  /** In dollars, as Redis has it. */
  async function spentIn(prefix: string): Promise<number> {
    const [account = ""] = await keysOf(prefix, "budget");
    return Number(await server?.ask("HGET", account, "spent")) / 1e9;
  }

  async function untilSpent(prefix: string, usd: number): Promise<void> {
    const giveUpAt = Date.now() + 10_000;
    while ((await spentIn(prefix)) !== usd && Date.now() < giveUpAt) await Bun.sleep(20);
    expect(await spentIn(prefix)).toBe(usd);
  }

  describe("budgets in Redis", () => {
    afterEach(() => open.splice(0).map((one) => one.close()));
    afterAll(() => server.stop());

    test("of requests that are over nothing is left but their sum", async () => {
      const prefix = `over-${(prefixes += 1)}`;
      const { shared } = await join(prefix);
      for (let wave = 1; wave <= 50; wave += 1) {
        const leases = await Promise.all(Array.from({ length: 20 }, () => leaseOf(shared, 2)));
        for (const lease of leases) lease.settle(1);
        await untilSpent(prefix, wave * 20);
      }
      // Those of the last wave are forgotten with the next one.
      expect((await keysOf(prefix, "money")).length).toBeLessThanOrEqual(40);
      expect(await keysOf(prefix, "open")).toEqual([]);
    });

    test("of 15,000 requests that end while it is away each is counted once when it is back", async () => {
      const prefix = `away-${(prefixes += 1)}`;
      const { shared } = await join(prefix);
      (await leaseOf(shared, 1)).settle(1);
      await untilSpent(prefix, 1);
      server.freeze();
      try {
        for (let at = 0; at < 15_000; at += 1) (await leaseOf(shared, 1)).settle(1);
      } finally {
        server.thaw();
      }
      await untilSpent(prefix, 15_001);
    }, 20_000);

    test("an end whose answer was lost is counted once, whatever was forgotten meanwhile", async () => {
      const prefix = `lost-${(prefixes += 1)}`;
      const [first, second] = [await join(prefix), await join(prefix)];
      const leases = await Promise.all(Array.from({ length: 20 }, () => leaseOf(first.shared, 2)));
      await leaseOf(second.shared, 1);
      server.freeze();
      try {
        for (const lease of leases) lease.settle(1);
        await until(false, first.coordinator);
      } finally {
        server.thaw();
      }
      await Promise.all([untilUp(first.coordinator), untilUp(second.coordinator)]);
      for (let at = 0; at < 30; at += 1) {
        for (const { shared } of [first, second]) (await leaseOf(shared, 2)).settle(1);
        await Bun.sleep(0);
      }
      await untilSpent(prefix, 80);
      const before = await keysOf(prefix, "money");
      (await leaseOf(second.shared, 2)).settle(1);
      await untilSpent(prefix, 81);
      // What was told again is known for as long as the first telling may be under way.
      expect(before.length).toBeGreaterThanOrEqual(20);
    }, 20_000);
  });
}
