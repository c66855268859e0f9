import { errorText } from "../lib/error-text.ts";
import { createId } from "../lib/ids.ts";
import { repeat } from "../lib/repeat.ts";
import type { DocumentChange, DocumentStore } from "../storage/document-store.ts";
import type { BudgetAccount } from "./budget-account.ts";
import { charged, foreignIn, foreignReservedIn, readSpending, type SpendingDocument } from "./budget-document.ts";
import type { BudgetLease } from "./budget-lease.ts";
import {
  type BudgetOwner,
  type BudgetRefusal,
  type BudgetView,
  type BudgetWindow,
  createBudgetLedger,
} from "./budget-ledger.ts";

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
  /** Budgets that are new to their owner begin with what it spent since the start of their windows (US dollars). */
  begin(owner: BudgetOwner, spentSince: SpentSince): Promise<void>;
  /** At least so much (US dollars) is spent, by requests that are over; nobody else has still to tell of any of them. */
  raise(owner: BudgetOwner, spentSince: SpentSince): Promise<void>;
  /** A change of any document, as the store tells it. */
  apply(change: DocumentChange): void;
  /** Forgets what an owner spent, here and in the store. Never rejects. */
  forget(ownerId: string): Promise<void>;
  /** Writes what has changed. Never rejects; what could not be written is tried again. */
  flush(): Promise<void>;
  start(): void;
  /** Writes what has changed, for two seconds at most. */
  close(): Promise<void>;
}

export interface BudgetsOptions {
  documents: Pick<DocumentStore, "update" | "remove">;
  log: { info(message: string): void; warn(message: string): void };
  now?: () => number;
  /** Repeats until the function it returns is called. */
  every?: (milliseconds: number, work: () => void) => () => void;
}

export const spendingKind = "spending";
const flushEveryMs = 500;
const closeMs = 2000;
/** Documents that are written in one transaction: whoever else changes one waits for its end. */
const mostTogether = 250;

/** What is known of one document. */
interface Copy {
  /** Of what is there, 0 = nothing. */
  version: number;
  /** What was spent here and is in it, of the window that begins at `writtenIn`. */
  written: number;
  writtenIn: number;
}

export function createBudgets({ documents, log, now = Date.now, every = repeat }: BudgetsOptions): Budgets {
  const ledger = createBudgetLedger();
  const copies = new Map<string, Copy>();
  const writer = createId("w");
  let flushing: Promise<void> | undefined;
  let problem: string | undefined;
  let endFlushes: (() => void) | undefined;

  function copyOf(id: string): Copy {
    let copy = copies.get(id);
    if (copy === undefined) {
      copy = { version: 0, written: 0, writtenIn: 0 };
      copies.set(id, copy);
    }
    return copy;
  }

  function writerIn(copy: Copy, start: number): { id: string; written: number } {
    return { id: writer, written: copy.writtenIn === start ? copy.written : 0 };
  }

  /** The document as it is now. */
  function saw(id: string, version: number, document: SpendingDocument | undefined): void {
    const copy = copyOf(id);
    copy.version = version;
    if (document === undefined) return;
    const { start, end } = document;
    const usd = foreignIn(document, writerIn(copy, start));
    ledger.setForeign(id, { start, end, usd, reserved: foreignReservedIn(document, writer) });
  }

  /** What a document becomes with what is spent here; where the window is over for others it stays. */
  function become(account: BudgetAccount, document: SpendingDocument | undefined): SpendingDocument | undefined {
    const time = now();
    const { span, spent, own: reserved, foreign } = account.at(time);
    const writer = writerIn(copyOf(account.id), span.start);
    return charged(document, { span, spent, reserved, foreign: foreign.usd, writer, time });
  }

  /** Whose last answer was lost finds its own share in the document, and charges nothing twice. */
  async function save(accounts: readonly BudgetAccount[]): Promise<void> {
    const byId = new Map(accounts.map((account) => [account.id, account]));
    const written = new Map<string, SpendingDocument>();
    const stored = await documents.update({
      kind: spendingKind,
      ids: [...byId.keys()],
      become(id, found) {
        const account = byId.get(id);
        const value = account && become(account, found && readSpending(found.value));
        if (value === undefined) written.delete(id);
        else written.set(id, value);
        return value;
      },
    });
    for (const [id, { version, value }] of stored) {
      const copy = copyOf(id);
      const mine = written.get(id);
      if (mine !== undefined) {
        copy.written = mine.writers[writer]?.[0] ?? 0;
        copy.writtenIn = mine.start;
      }
      if (version > copy.version) saw(id, version, mine ?? readSpending(value));
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

  async function raise(owner: BudgetOwner, spentSince: SpentSince, besides?: "reserved"): Promise<void> {
    const windows = ledger.windows([owner], now());
    const spent = await Promise.all(windows.map(({ start }) => spentSince(start)));
    const how = { time: now(), ...(besides && { besides }) };
    for (const [at, window] of windows.entries()) ledger.raise(window, { usd: spent[at] ?? 0, ...how });
  }

  async function removeAll(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      copies.delete(id);
      await documents.remove({ kind: spendingKind, id });
    }
  }

  return {
    reserve: (owners, { usd, ttlMs }) => ledger.reserve(owners, { usd, ttlMs, time: now() }),
    hold: (owners, { usd, ttlMs }) => ledger.hold(owners, { usd, ttlMs, time: now() }),
    windows: (owners) => ledger.windows(owners, now()),
    view: (owner) => ledger.view(owner, now()),
    begin: (owner, spentSince) => raise(owner, spentSince),
    raise: (owner, spentSince) => raise(owner, spentSince, "reserved"),
    apply(change) {
      const { kind, id, version } = change;
      if (kind !== spendingKind || version <= (copies.get(id)?.version ?? 0)) return;
      const document = "value" in change ? readSpending(change.value) : undefined;
      // Of a window that is over nothing needs to be known, unless it is written here.
      const isOver = document === undefined || document.end <= now();
      if (isOver && ledger.account(id) === undefined) return;
      saw(id, "value" in change ? version : 0, document);
    },
    async forget(ownerId) {
      try {
        await flushing;
        await removeAll(ledger.forget(ownerId));
      } catch (error) {
        log.warn(`What ${ownerId} spent stays in the store: ${errorText(error)}`);
      }
    },
    flush,
    start() {
      endFlushes ??= every(flushEveryMs, () => void flush());
    },
    async close() {
      endFlushes?.();
      endFlushes = undefined;
      const { promise: timeIsUp, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, closeMs);
      // What was under way may have left something.
      await Promise.race([flush().then(flush), timeIsUp]);
      clearTimeout(timer);
    },
  };
}
