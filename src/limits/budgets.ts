import { errorText } from "../lib/error-text.ts";
import { createId } from "../lib/ids.ts";
import { repeat } from "../lib/repeat.ts";
import { isConflict } from "../storage/conflict.ts";
import type { DocumentChange, DocumentStore, StoredDocument } from "../storage/document-store.ts";
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
  documents: Pick<DocumentStore, "get" | "put" | "remove">;
  log: { info(message: string): void; warn(message: string): void };
  now?: () => number;
  /** Repeats until the function it returns is called. */
  every?: (milliseconds: number, work: () => void) => () => void;
}

export const spendingKind = "spending";
const flushEveryMs = 500;
const closeMs = 2000;
/** Documents that are written at the same time. */
const width = 8;
const mostTries = 5;

/** What is known of one document. */
interface Copy {
  /** Of what is there, 0 = nothing. */
  version: number;
  document: SpendingDocument | undefined;
  /** What was spent here and is in it, of the window that begins at `writtenIn`. */
  written: number;
  writtenIn: number;
  /** The answer to a change was lost. */
  isInDoubt: boolean;
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
      copy = { version: 0, document: undefined, written: 0, writtenIn: 0, isInDoubt: false };
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
    copy.document = document;
    if (document === undefined) return;
    const { start, end } = document;
    const usd = foreignIn(document, writerIn(copy, start));
    ledger.setForeign(id, { start, end, usd, reserved: foreignReservedIn(document, writer) });
  }

  async function look(id: string): Promise<void> {
    const found = await documents.get(spendingKind, id);
    saw(id, found?.version ?? 0, found && readSpending(found.value));
    copyOf(id).isInDoubt = false;
  }

  /** Whether it is written; `false` = somebody else was faster. */
  async function put(account: BudgetAccount): Promise<boolean> {
    const { id } = account;
    const copy = copyOf(id);
    const time = now();
    const { span, spent, own: reserved, foreign } = account.at(time);
    const charge = { span, spent, reserved, foreign: foreign.usd, writer: writerIn(copy, span.start), time };
    const value = charged(copy.document, charge);
    if (value === undefined) return true;
    let stored: StoredDocument;
    try {
      stored = await documents.put({ kind: spendingKind, id, value, expectedVersion: copy.version });
    } catch (error) {
      if (isConflict(error)) return false;
      copy.isInDoubt = true;
      throw error;
    }
    copy.written = spent;
    copy.writtenIn = span.start;
    if (stored.version > copy.version) saw(id, stored.version, value);
    return true;
  }

  async function save(account: BudgetAccount): Promise<void> {
    if (copyOf(account.id).isInDoubt) await look(account.id);
    for (let tries = 0; tries < mostTries; tries += 1) {
      if (await put(account)) return;
      await look(account.id);
    }
    ledger.markDirty(account);
  }

  async function saveAll(accounts: readonly BudgetAccount[]): Promise<void> {
    const rest = [...accounts];
    const work = async (): Promise<void> => {
      for (let account = rest.pop(); account !== undefined; account = rest.pop()) {
        try {
          await save(account);
        } catch (error) {
          for (const unsaved of [account, ...rest.splice(0)]) ledger.markDirty(unsaved);
          throw error;
        }
      }
    };
    const outcomes = await Promise.allSettled(Array.from({ length: width }, work));
    const failed = outcomes.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
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
      const { kind, id, version, isRewound } = change;
      if (kind !== spendingKind) return;
      if (version <= (copies.get(id)?.version ?? 0) && isRewound !== true) return;
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
