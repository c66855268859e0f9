import { mostAheadMs } from "../coordination/decisions.ts";
import { createId } from "../lib/ids.ts";
import type { AccountBook } from "./account-book.ts";
import type { BudgetAccount } from "./budget-account.ts";
import {
  type Charge,
  foreignIn,
  foreignReservedIn,
  latestIn,
  type SpendingDocument,
  stillWritten,
  windowsIn,
  type Writer,
} from "./budget-document.ts";
import { createClockWarning } from "./clock-warning.ts";

/** What is known of the stored documents, and what of it was spent here. */
export interface SpendingCopies {
  /** 0 = nothing is known to be there. */
  versionOf(id: string): number;
  /** The document as it is now. */
  saw(id: string, version: number, document: SpendingDocument | undefined): void;
  /** The store was set back: what was spent here since may be lost to it, and is no part of what others spent. */
  rewind(id: string, document: SpendingDocument | undefined): void;
  chargeOf(account: BudgetAccount): Charge;
  /** The document was written, with what was spent here in the window that begins at `start`. */
  wrote(id: string, document: SpendingDocument, start: number): void;
  /** Should what was stored come back, it is not of this process any more, which has forgotten it. */
  forget(ids: readonly string[]): void;
}

export interface SpendingCopiesOptions {
  readonly accounts: Pick<AccountBook, "account" | "markDirty" | "setForeign">;
  readonly log: { warn(message: string): void };
  readonly now: () => number;
}

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

function writerIn({ writer, written, writtenIn }: Copy, start: number): Writer {
  return { id: writer, written: writtenIn === start ? written : 0 };
}

function windowAt(document: SpendingDocument | undefined, start: number) {
  return document && windowsIn(document).find((window) => window.start === start);
}

export function createSpendingCopies({ accounts, log, now }: SpendingCopiesOptions): SpendingCopies {
  const copies = new Map<string, Copy>();
  let writer = createId("w");
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

  return {
    versionOf: (id) => copies.get(id)?.version ?? 0,
    saw(id, version, document) {
      const copy = copyOf(id);
      copy.version = version;
      if (document === undefined) return;
      const time = now();
      if (document.start > time + mostAheadMs) warnOfClock(latestIn(document) - time);
      for (const window of windowsIn(document)) {
        const { start, end } = window;
        // An account begins with a window that has begun.
        if (start > time + mostAheadMs && accounts.account(id) === undefined) continue;
        const usd = foreignIn(window, writerIn(copy, start));
        accounts.setForeign(id, { start, end, usd, reserved: foreignReservedIn(window, copy.writer) });
      }
    },
    rewind(id, document) {
      const account = accounts.account(id);
      if (account === undefined) return;
      const { span, spent, own, foreign } = account.at(now());
      if (spent > 0 || own.usd > 0) accounts.markDirty(account);
      const copy = copyOf(id);
      const window = windowAt(document, span.start);
      if (window === undefined || copy.writtenIn !== span.start) return;
      copy.written = stillWritten(window, writerIn(copy, span.start), foreign.usd);
    },
    chargeOf(account) {
      const time = now();
      const { span, spent, own: reserved, foreign } = account.at(time);
      return { span, spent, reserved, foreign: foreign.usd, writer: writerIn(copyOf(account.id), span.start), time };
    },
    wrote(id, document, start) {
      const copy = copyOf(id);
      copy.written = windowAt(document, start)?.writers[copy.writer]?.[0] ?? 0;
      copy.writtenIn = start;
    },
    forget(ids) {
      for (const id of ids) copies.delete(id);
      writer = createId("w");
    },
  };
}
