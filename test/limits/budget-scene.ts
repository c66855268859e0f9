import type { BudgetLease } from "../../src/limits/budget-lease.ts";
import { type BudgetOwner, isBudgetRefusal } from "../../src/limits/budget-ledger.ts";
import { type Budgets, createBudgets } from "../../src/limits/budgets.ts";
import type { DocumentChange } from "../../src/storage/document-store.ts";
import { createMemoryDocuments, type MemoryDocuments } from "../support/memory-documents.ts";

const noon = Date.parse("2026-11-21T12:00:00Z");
export const dayMs = 86_400_000;
export const owner: BudgetOwner = { kind: "key", id: "key_1", budgets: [{ usd: 10, window: "day" }] };

/** Gateways with one store, and nothing that happens by itself. */
export interface BudgetScene {
  documents: MemoryDocuments;
  clock: { time: number };
  told: string[];
  /** Another process, with what the store knows. */
  begin: (clock?: { aheadMs: number }) => Promise<Budgets>;
}

export function createBudgetScene(): BudgetScene {
  const clock = { time: noon };
  const documents = createMemoryDocuments(() => clock.time);
  const told: string[] = [];
  const log = { info: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) };
  return {
    documents,
    clock,
    told,
    async begin({ aheadMs } = { aheadMs: 0 }) {
      const now = (): number => clock.time + aheadMs;
      const budgets = createBudgets({ documents, log, now, every: () => () => undefined });
      await follow(documents, budgets);
      return budgets;
    },
  };
}

export async function follow(
  documents: MemoryDocuments,
  budgets: Budgets,
  how: Pick<DocumentChange, "isRewound"> = {},
): Promise<void> {
  for (const change of (await documents.changesSince(0)).changes) budgets.apply({ ...change, ...how });
}

export function reserve(budgets: Budgets, usd: number, who = owner): BudgetLease | undefined {
  const outcome = budgets.reserve([who], { usd, ttlMs: 600_000 });
  return isBudgetRefusal(outcome) ? undefined : outcome;
}

export function used(budgets: Budgets, who = owner): [number, number] {
  const [first] = budgets.view(who);
  return [first?.spentUsd ?? Number.NaN, first?.reservedUsd ?? Number.NaN];
}
