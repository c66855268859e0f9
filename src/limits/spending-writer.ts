import { errorText } from "../lib/error-text.ts";
import type { DocumentStore } from "../storage/document-store.ts";
import type { BudgetAccount } from "./budget-account.ts";
import { charged, readSpending, type SpendingDocument, spendingKind } from "./budget-document.ts";
import type { BudgetLedger } from "./budget-ledger.ts";
import type { SpendingCopies } from "./spending-copies.ts";

/** Writes what is spent to the store. */
export interface SpendingWriter {
  /** Writes what has changed. Never rejects; what could not be written is tried again. */
  flush(): Promise<void>;
  /** Settles when what is being written now is; `undefined` = nothing is. */
  underWay(): Promise<void> | undefined;
}

export interface SpendingWriterOptions {
  readonly ledger: Pick<BudgetLedger, "expire" | "takeDirty" | "markDirty">;
  readonly copies: Pick<SpendingCopies, "chargeOf" | "wrote" | "saw" | "versionOf">;
  readonly documents: Pick<DocumentStore, "update">;
  readonly log: { info(message: string): void; warn(message: string): void };
  readonly now: () => number;
}

/** Documents that are written in one transaction: whoever else changes one waits for its end. */
const mostTogether = 250;

export function createSpendingWriter({ ledger, copies, documents, log, now }: SpendingWriterOptions): SpendingWriter {
  let flushing: Promise<void> | undefined;
  let problem: string | undefined;

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
        const charge = copies.chargeOf(account);
        const document = charged(found && readSpending(found.value), charge);
        if (document !== undefined) written.set(id, { document, start: charge.span.start });
        return document;
      },
    });
    for (const [id, { version, value }] of stored) {
      const mine = written.get(id);
      if (mine !== undefined) copies.wrote(id, mine.document, mine.start);
      if (version > copies.versionOf(id)) copies.saw(id, version, mine?.document ?? readSpending(value));
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

  return {
    flush() {
      flushing ??= write().finally(() => (flushing = undefined));
      return flushing;
    },
    underWay: () => flushing,
  };
}
