import { expect, test } from "bun:test";
import type { BudgetLease } from "../../src/limits/budget-lease.ts";
import { type BudgetOwner, isBudgetRefusal } from "../../src/limits/budget-ledger.ts";
import { type Budgets, createBudgets } from "../../src/limits/budgets.ts";
import { createMemoryDocuments } from "../support/memory-documents.ts";
import { createRandom } from "../support/random.ts";

const lives = 100_000;
const ttlMs = 600_000;
const budgetUsd = 50;
const owner: BudgetOwner = { kind: "key", id: "key_1", budgets: [{ usd: budgetUsd, window: "day" }] };

/** A request: what was reserved for it, and what it costs in truth. */
interface Life {
  readonly lease: BudgetLease;
  readonly reserved: number;
  readonly actual: number;
  readonly day: number;
  /** What was reserved counts as spent from then on, where nobody settles it. */
  readonly until: number;
}

interface Day {
  /** Settled, or lost without anybody knowing. */
  spent: number;
  /** By how much settled requests exceeded their estimates. */
  excess: number;
  /** Lost with a process: settled and not yet written, or reserved. */
  lost: number;
}

const dayMs = 86_400_000;
const noLog = { info: () => undefined, warn: () => undefined };

/** Random lives of requests, gateways and a store; after each step nothing may be spent that the budget did not hold. */
async function live(seed: number): Promise<{ refused: number; crashes: number; days: number }> {
  const random = createRandom(seed);
  const clock = { time: Date.parse("2026-11-21T00:00:00Z") };
  const documents = createMemoryDocuments(() => clock.time);
  const days = new Map<number, Day>();
  let open: Life[] = [];
  /** Those that nobody will settle, as long as they are reserved for. */
  let unheard: Life[] = [];
  let unwritten: { day: number; usd: number; life?: Life }[] = [];
  let refused = 0;
  let crashes = 0;

  async function begin(): Promise<Budgets> {
    const made = createBudgets({ documents, log: noLog, now: () => clock.time, every: () => () => undefined });
    for (const change of (await documents.changesSince(0)).changes) made.apply(change);
    return made;
  }
  const today = (): number => Math.floor(clock.time / dayMs);
  const dayOf = (day: number): Day => {
    let found = days.get(day);
    if (found === undefined) days.set(day, (found = { spent: 0, excess: 0, lost: 0 }));
    return found;
  };
  let budgets = await begin();

  function ask(): void {
    const reserved = random() < 0.02 ? 0 : random() * 2;
    const outcome = budgets.reserve([owner], { usd: reserved, ttlMs });
    if (isBudgetRefusal(outcome)) {
      refused += 1;
      return;
    }
    // Estimates are exceeded now and then.
    const actual = reserved * (random() < 0.05 ? 1 + random() : random());
    const life = { lease: outcome, reserved, actual, day: today(), until: clock.time + ttlMs };
    open.push(life);
    unwritten.push({ day: life.day, usd: reserved, life });
  }

  function settle(): void {
    const [life] = open.splice(Math.floor(random() * open.length), 1);
    if (life === undefined) return;
    const day = dayOf(life.day);
    const how = random();
    // Some costs are not known, some requests cost nothing, some are never heard of again.
    const cost = how < 0.1 ? life.reserved : how < 0.2 ? 0 : life.actual;
    if (how < 0.02) {
      unheard.push(life);
      return void ((day.spent += life.actual), (day.excess += Math.max(0, life.actual - life.reserved)));
    }
    life.lease.settle(how < 0.1 ? undefined : cost);
    day.spent += cost;
    day.excess += Math.max(0, cost - life.reserved);
    unwritten = unwritten.filter((entry) => entry.life !== life);
    unwritten.push({ day: life.day, usd: cost });
  }

  async function write(): Promise<void> {
    await budgets.flush();
    unwritten = [];
    unheard = unheard.filter(({ until }) => until > clock.time);
  }

  async function crash(): Promise<void> {
    crashes += 1;
    // What was at work goes on upstream, and costs what it costs.
    for (const { day, actual, reserved } of open) {
      dayOf(day).spent += actual;
      dayOf(day).excess += Math.max(0, actual - reserved);
    }
    // What was reserved comes back.
    const reserving = [...open, ...unheard];
    for (const { day, reserved } of reserving) dayOf(day).lost += reserved;
    for (const { day, usd, life } of unwritten) if (life === undefined) dayOf(day).lost += usd;
    open = [];
    unheard = [];
    unwritten = [];
    budgets = await begin();
  }

  function check(): void {
    const { spent, excess, lost } = dayOf(today());
    const [view] = budgets.view(owner);
    if (view === undefined) throw new Error("no view");
    const counted = view.spentUsd + view.reservedUsd;
    const slack = 1e-6;
    if (counted > budgetUsd + excess + slack) throw new Error(`counted ${counted}, exceeded estimates ${excess}`);
    if (spent > budgetUsd + excess + lost + slack) throw new Error(`spent ${spent} of ${budgetUsd}, lost ${lost}`);
    if (counted < spent - lost - excess - slack) throw new Error(`counted ${counted} of ${spent}, lost ${lost}`);
  }

  for (let life = 0; life < lives;) {
    const step = random();
    if (step < 0.5) {
      ask();
      life += 1;
    } else if (step < 0.96) settle();
    else if (step < 0.99) await write();
    else if (step < 0.9905) await crash();
    else clock.time += Math.floor(random() * (random() < 0.02 ? dayMs : 120_000));
    check();
  }
  return { refused, crashes, days: days.size };
}

for (const seed of [1, 2]) {
  test(`100,000 requests never spend more than the budget but for their estimates' errors (${seed})`, async () => {
    const { refused, crashes, days } = await live(seed);
    // Or nothing was put to the test.
    expect(refused).toBeGreaterThan(lives / 20);
    expect(crashes).toBeGreaterThan(20);
    expect(days).toBeGreaterThan(10);
  }, 60_000);
}
