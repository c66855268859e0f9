import { repeat } from "../lib/repeat.ts";
import { within } from "../lib/within.ts";
import type { DocumentChange, DocumentStore } from "../storage/document-store.ts";
import { readAccountName } from "./account-name.ts";
import { readSpending, spendingKind } from "./budget-document.ts";
import type { BudgetLease } from "./budget-lease.ts";
import {
  type BudgetOwner,
  type BudgetRefusal,
  type BudgetView,
  type BudgetWindow,
  createBudgetLedger,
} from "./budget-ledger.ts";
import type { RaiseTogether, SpentWindow } from "./raise-together.ts";
import { createSpendingCopies } from "./spending-copies.ts";
import { createSpendingRemoval } from "./spending-removal.ts";
import { createSpendingWriter } from "./spending-writer.ts";

interface Estimate {
  /** US dollars. */
  readonly usd: number;
  /** The request is over after that, whatever became of it. */
  readonly ttlMs: number;
}

type SpentSince = (start: number) => Promise<number>;

/** Budgets of keys and teams, and what is spent of them, kept over restarts. */
export interface Budgets {
  /** Sets money aside, at once: what is stored follows. */
  reserve(owners: readonly BudgetOwner[], estimate: Estimate): BudgetLease | BudgetRefusal;
  /** Sets it aside, room or not: several gateways have let it in together. */
  hold(owners: readonly BudgetOwner[], estimate: Estimate): BudgetLease;
  /** The running windows of all budgets of these owners. */
  windows(owners: readonly BudgetOwner[]): BudgetWindow[];
  view(owner: BudgetOwner): BudgetView[];
  /**
   * Budgets that are new to their owner begin with what it spent since the start of their windows (US dollars). When it settles,
   * that is stored and told: whoever hears of the budgets later has heard of it.
   */
  begin(owner: BudgetOwner, spentSince: SpentSince): Promise<void>;
  /** At least so much (US dollars) is spent, by requests that are over; nobody else has still to tell of any of them. */
  raise(owner: BudgetOwner, spentSince: SpentSince): Promise<void>;
  /** A change of any document, as the store tells it. */
  apply(change: DocumentChange): void;
  /** Forgets what an owner spent, here and in the store, also what others write of it after that. Never rejects. */
  forget(ownerId: string): Promise<void>;
  /** An owner that may have been forgotten is there again. */
  welcome(ownerId: string): void;
  /** Writes what has changed. Never rejects; what could not be written is tried again. */
  flush(): Promise<void>;
  start(): void;
  /** Writes what has changed, for two seconds at most. */
  close(): Promise<void>;
}

export interface BudgetsOptions {
  documents: Pick<DocumentStore, "update" | "remove">;
  log: { info(message: string): void; warn(message: string): void };
  /** Where several gateways charge budgets together. */
  raiseTogether?: RaiseTogether | undefined;
  now?: () => number;
  /** Repeats until the function it returns is called. */
  every?: (milliseconds: number, work: () => void) => () => void;
}

const flushEveryMs = 500;
const closeMs = 2000;

export function createBudgets(options: BudgetsOptions): Budgets {
  const { documents, log, raiseTogether, now = Date.now, every = repeat } = options;
  const ledger = createBudgetLedger();
  const copies = createSpendingCopies({ accounts: ledger, log, now });
  const writer = createSpendingWriter({ ledger, copies, documents, log, now });
  const removal = createSpendingRemoval({ documents, log, written: () => writer.underWay() });
  let endFlushes: (() => void) | undefined;

  /** All that is to be written is, and what is to be removed is gone. */
  async function written(): Promise<void> {
    await writer.flush();
    // What was under way may have left something.
    await writer.flush();
    await removal.done();
  }

  async function raise(
    owner: BudgetOwner,
    spentSince: SpentSince,
    besides: "own" | "reserved",
  ): Promise<SpentWindow[]> {
    const windows = ledger.windows([owner], now());
    const spent = await Promise.all(windows.map(({ start }) => spentSince(start)));
    const how = { time: now(), besides };
    return windows.map((window, at) => {
      const spentUsd = spent[at] ?? 0;
      ledger.raise(window, { usd: spentUsd, ...how });
      return { ...window, spentUsd };
    });
  }

  async function begin(owner: BudgetOwner, spentSince: SpentSince): Promise<void> {
    if (owner.budgets.length === 0) return;
    // What is still to be removed of an owner that is there again would be this.
    await removal.done();
    // Of what others have set aside some may be over, and recorded already.
    const windows = await raise(owner, spentSince, "own");
    // What is being written may be without it.
    await writer.underWay();
    await Promise.all([writer.flush(), raiseTogether?.(windows)]);
  }

  function apply(change: DocumentChange): void {
    const { kind, id, version, isRewound } = change;
    if (kind !== spendingKind) return;
    const owner = readAccountName(id)?.owner;
    if (owner !== undefined && ledger.isForgotten(owner)) {
      if ("value" in change) void removal.remove(owner, [id]).then(() => ledger.isForgotten(owner) || apply(change));
      return;
    }
    if (version <= copies.versionOf(id) && isRewound !== true) return;
    const document = "value" in change ? readSpending(change.value) : undefined;
    const account = ledger.account(id);
    // Of a window that is over nothing needs to be known, unless it is written here.
    const isOver = document === undefined || document.end <= now();
    if (isOver && account === undefined) return;
    if (isRewound === true) copies.rewind(id, document);
    copies.saw(id, "value" in change ? version : 0, document);
    // Who took it away had not heard that its owner is there again.
    if (!("value" in change) && account !== undefined) ledger.markDirty(account);
  }

  return {
    reserve: (owners, { usd, ttlMs }) => ledger.reserve(owners, { usd, ttlMs, time: now() }),
    hold: (owners, { usd, ttlMs }) => ledger.hold(owners, { usd, ttlMs, time: now() }),
    windows: (owners) => ledger.windows(owners, now()),
    view: (owner) => ledger.view(owner, now()),
    begin,
    async raise(owner, spentSince) {
      const windows = await raise(owner, spentSince, "reserved");
      await raiseTogether?.(windows);
    },
    apply,
    forget(ownerId) {
      const ids = ledger.forget(ownerId);
      copies.forget(ids);
      return removal.remove(ownerId, ids);
    },
    welcome(ownerId) {
      ledger.welcome(ownerId);
      removal.keep(ownerId);
    },
    flush: () => writer.flush(),
    start() {
      endFlushes ??= every(flushEveryMs, () => void writer.flush());
    },
    async close() {
      endFlushes?.();
      endFlushes = undefined;
      await within(closeMs, written());
    },
  };
}
