import { createDocumentFeed, type DocumentFeedOptions, type FeedState } from "../keys/document-feed.ts";
import { createKeyBook, type KeyBook } from "../keys/key-book.ts";
import { keyKind, teamKind } from "../keys/virtual-key.ts";
import { within } from "../lib/within.ts";
import { type Budgets, type BudgetsOptions, createBudgets } from "../limits/budgets.ts";
import type { DocumentChange } from "../storage/document-store.ts";
import { followOwners } from "./follow-owners.ts";
import { type Admin, type AdminOptions, createAdmin } from "./index.ts";
import { createRecount } from "./recount.ts";

/** Everything about virtual keys that lives as long as the process: who holds one, what is spent, and how both are changed. */
export interface VirtualKeys {
  readonly book: KeyBook;
  readonly budgets: Budgets;
  readonly admin: Admin;
  /** Settles when all keys are known, which with a database that does not answer may never be. */
  readonly ready: Promise<void>;
  /** Whether what others change is heard of. */
  state(): FeedState;
  /** Reads what the store has, and follows it from then on. Later calls do nothing. */
  start(): void;
  /** Looks for changes now. Never rejects. */
  look(): Promise<void>;
  /** A process that charged budgets was killed: what it did not write of that is counted from its records. */
  afterCrash(): void;
  /** Writes what is still to be written; the store must be open meanwhile. */
  close(): Promise<void>;
}

export interface VirtualKeysOptions {
  readonly store: AdminOptions["store"];
  readonly log: { info(message: string): void; warn(message: string): void };
  /** Told of every change of any document, in the order of versions. */
  readonly onChange?: (change: DocumentChange) => void;
  readonly raiseTogether?: BudgetsOptions["raiseTogether"];
  /** Nobody else writes to the store. */
  readonly isAlone?: boolean;
  /** What others charge is heard of here within that time; 0 = nobody else charges anything. */
  readonly heardMs?: number | undefined;
  readonly now?: () => number;
  readonly every?: NonNullable<BudgetsOptions["every"]>;
  readonly after?: NonNullable<DocumentFeedOptions["after"]>;
}

const closeMs = 2000;

export function createVirtualKeys(options: VirtualKeysOptions): VirtualKeys {
  const { store, log, onChange, raiseTogether, isAlone = false, heardMs, now = Date.now, every, after } = options;
  const { documents } = store;
  const book = createKeyBook({ onProblem: (message) => log.warn(message), now });
  const charged = createBudgets({ documents, log, raiseTogether, now, ...(every && { every }) });
  const recount = createRecount({
    book,
    budgets: charged,
    requests: store.requests,
    log,
    heardMs,
    ...(after && { after }),
  });
  const budgets: Budgets = {
    ...charged,
    async begin(owner, spentSince) {
      await charged.begin(owner, spentSince);
      if (owner.budgets.length > 0) recount.afterChange(owner);
    },
  };
  const admin = createAdmin({ store, book, budgets, log, now });
  const feed = createDocumentFeed({
    documents,
    // What is stored of an owner that is not known to be back would be removed.
    first: [keyKind, teamKind],
    onChange(change) {
      followOwners(change, { book, budgets });
      budgets.apply(change);
      onChange?.(change);
    },
    onLoaded() {
      book.loaded();
      if (isAlone) void recount.atStart();
    },
    log,
    now,
    ...(after && { after }),
  });
  return {
    book,
    budgets,
    admin,
    ready: feed.ready,
    state: () => feed.state(),
    look: () => feed.look(),
    start() {
      feed.start();
      budgets.start();
    },
    afterCrash: () => recount.afterCrash(),
    async close() {
      feed.stop();
      recount.stop();
      await Promise.all([budgets.close(), within(closeMs, admin.flush())]);
    },
  };
}
