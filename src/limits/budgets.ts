import { mostAheadMs } from "../coordination/decisions.ts";
import { errorText } from "../lib/error-text.ts";
import { createId } from "../lib/ids.ts";
import { repeat } from "../lib/repeat.ts";
import { within } from "../lib/within.ts";
import type { DocumentChange, DocumentStore } from "../storage/document-store.ts";
import { readAccountName } from "./account-name.ts";
import type { BudgetAccount } from "./budget-account.ts";
import {
  type Charge,
  charged,
  foreignIn,
  foreignReservedIn,
  latestIn,
  readSpending,
  spendingKind,
  type SpendingDocument,
  stillWritten,
  windowsIn,
} from "./budget-document.ts";
import type { BudgetLease } from "./budget-lease.ts";
import {
  type BudgetOwner,
  type BudgetRefusal,
  type BudgetView,
  type BudgetWindow,
  createBudgetLedger,
} from "./budget-ledger.ts";
import { createClockWarning } from "./clock-warning.ts";
import type { RaiseTogether, SpentWindow } from "./raise-together.ts";
import { createSpendingRemoval } from "./spending-removal.ts";

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
/** Documents that are written in one transaction: whoever else changes one waits for its end. */
const mostTogether = 250;

/** What is known of one document. */
interface Copy {
  /** Who writes here. */
  readonly writer: string;
  /** Of what is there, 0 = nothing. */
  version: number;
  /** What was spent here and is in it, of the window that begins at `writtenIn`. */
  written: number;
  writtenIn: number;
}

export function createBudgets(options: BudgetsOptions): Budgets {
  const { documents, log, raiseTogether, now = Date.now, every = repeat } = options;
  const ledger = createBudgetLedger();
  const copies = new Map<string, Copy>();
  let writer = createId("w");
  let flushing: Promise<void> | undefined;
  const removal = createSpendingRemoval({ documents, log, written: () => flushing });
  let problem: string | undefined;
  let endFlushes: (() => void) | undefined;
  const warnOfClock = createClockWarning(
    log,
    (ahead) =>
      `A gateway whose clock is ${ahead} or more ahead of this one's charges budgets: each of the two goes by its own clock. Set the wrong one right, and start that gateway again.`,
  );

  function copyOf(id: string): Copy {
    let copy = copies.get(id);
    if (copy === undefined) {
      copy = { writer, version: 0, written: 0, writtenIn: 0 };
      copies.set(id, copy);
    }
    return copy;
  }

  function writerIn(copy: Copy, start: number): { id: string; written: number } {
    return { id: copy.writer, written: copy.writtenIn === start ? copy.written : 0 };
  }

  /** The document as it is now. */
  function saw(id: string, version: number, document: SpendingDocument | undefined): void {
    const copy = copyOf(id);
    copy.version = version;
    if (document === undefined) return;
    const time = now();
    if (document.start > time + mostAheadMs) warnOfClock(latestIn(document) - time);
    for (const window of windowsIn(document)) {
      const { start, end } = window;
      // An account begins with a window that has begun.
      if (start > time + mostAheadMs && ledger.account(id) === undefined) continue;
      const usd = foreignIn(window, writerIn(copy, start));
      ledger.setForeign(id, { start, end, usd, reserved: foreignReservedIn(window, copy.writer) });
    }
  }

  /** The store was set back: what was spent here since may be lost to it, and is no part of what others spent. */
  function rewind(id: string, document: SpendingDocument | undefined): void {
    const account = ledger.account(id);
    if (account === undefined) return;
    const { span, spent, own, foreign } = account.at(now());
    if (spent > 0 || own.usd > 0) ledger.markDirty(account);
    const copy = copyOf(id);
    const window = document && windowsIn(document).find(({ start }) => start === span.start);
    if (window === undefined || copy.writtenIn !== span.start) return;
    copy.written = stillWritten(window, writerIn(copy, span.start), foreign.usd);
  }

  function chargeOf(account: BudgetAccount): Charge {
    const time = now();
    const { span, spent, own: reserved, foreign } = account.at(time);
    return { span, spent, reserved, foreign: foreign.usd, writer: writerIn(copyOf(account.id), span.start), time };
  }

  /** Whose last answer was lost finds its own share in the document, and charges nothing twice. */
  async function save(accounts: readonly BudgetAccount[]): Promise<void> {
    const byId = new Map(accounts.map((account) => [account.id, account]));
    const written = new Map<string, { document: SpendingDocument; start: number }>();
    const stored = await documents.update({
      kind: spendingKind,
      ids: [...byId.keys()],
      become(id, found) {
        written.delete(id);
        const account = byId.get(id);
        if (account === undefined || account.isForgotten) return undefined;
        const charge = chargeOf(account);
        const document = charged(found && readSpending(found.value), charge);
        if (document !== undefined) written.set(id, { document, start: charge.span.start });
        return document;
      },
    });
    for (const [id, { version, value }] of stored) {
      const copy = copyOf(id);
      const mine = written.get(id);
      if (mine !== undefined) {
        const { start, document } = mine;
        copy.written = windowsIn(document).find((window) => window.start === start)?.writers[copy.writer]?.[0] ?? 0;
        copy.writtenIn = start;
      }
      if (version > copy.version) saw(id, version, mine?.document ?? readSpending(value));
    }
  }

  async function saveAll(accounts: readonly BudgetAccount[]): Promise<void> {
    for (let at = 0; at < accounts.length; at += mostTogether) {
      try {
        await save(accounts.slice(at, at + mostTogether));
      } catch (error) {
        for (const unsaved of accounts.slice(at)) ledger.markDirty(unsaved);
        throw error;
      }
    }
  }

  async function write(): Promise<void> {
    ledger.expire(now());
    const dirty = ledger.takeDirty();
    if (dirty.length === 0) return;
    try {
      await saveAll(dirty);
      if (problem !== undefined) log.info("What is spent of budgets can be stored again.");
      problem = undefined;
    } catch (error) {
      const text = errorText(error);
      if (problem === undefined)
        log.warn(`What is spent of budgets cannot be stored: ${text} Budgets hold meanwhile; it is tried again.`);
      problem = text;
    }
  }

  function flush(): Promise<void> {
    flushing ??= write().finally(() => (flushing = undefined));
    return flushing;
  }

  /** All that is to be written is, and what is to be removed is gone. */
  async function written(): Promise<void> {
    await flush();
    // What was under way may have left something.
    await flush();
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
    // Of what others have set aside some may be over, and recorded already.
    const windows = await raise(owner, spentSince, "own");
    // What is being written may be without it.
    await flushing;
    await Promise.all([flush(), raiseTogether?.(windows)]);
  }

  /** Should what was stored come back, it is not of this process any more, which has forgotten it. */
  function forget(ownerId: string): Promise<void> {
    const ids = ledger.forget(ownerId);
    for (const id of ids) copies.delete(id);
    writer = createId("w");
    return removal.remove(ownerId, ids);
  }

  return {
    reserve: (owners, { usd, ttlMs }) => ledger.reserve(owners, { usd, ttlMs, time: now() }),
    hold: (owners, { usd, ttlMs }) => ledger.hold(owners, { usd, ttlMs, time: now() }),
    windows: (owners) => ledger.windows(owners, now()),
    view: (owner) => ledger.view(owner, now()),
    begin,
    async raise(owner, spentSince) {
      await raise(owner, spentSince, "reserved");
    },
    apply(change) {
      const { kind, id, version, isRewound } = change;
      if (kind !== spendingKind) return;
      const owner = readAccountName(id)?.owner;
      if (owner !== undefined && ledger.isForgotten(owner)) {
        if ("value" in change) void removal.remove(owner, [id]);
        return;
      }
      if (version <= (copies.get(id)?.version ?? 0) && isRewound !== true) return;
      const document = "value" in change ? readSpending(change.value) : undefined;
      // Of a window that is over nothing needs to be known, unless it is written here.
      const isOver = document === undefined || document.end <= now();
      if (isOver && ledger.account(id) === undefined) return;
      if (isRewound === true) rewind(id, document);
      saw(id, "value" in change ? version : 0, document);
    },
    forget,
    welcome(ownerId) {
      ledger.welcome(ownerId);
      removal.keep(ownerId);
    },
    flush,
    start() {
      endFlushes ??= every(flushEveryMs, () => void flush());
    },
    async close() {
      endFlushes?.();
      endFlushes = undefined;
      await within(closeMs, written());
    },
  };
}
