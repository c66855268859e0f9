import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../lib/error-text.ts";
import type { AuditLog } from "./audit-log.ts";
import type { DocumentStore } from "./document-store.ts";
import type { RequestStore } from "./store.ts";

interface Shortened {
  readonly requests: Pick<RequestStore, "deleteBefore" | "deleteTotalsBefore" | "boundaryOf">;
  readonly documents: Pick<DocumentStore, "forgetRemoved">;
  readonly audit: Pick<AuditLog, "deleteBefore">;
}

export interface RetentionOptions {
  store: Shortened;
  /** Milliseconds; 0 = requests may be of any age. */
  maxAge: number;
  /** 0 = there may be any number. */
  maxBytes: number;
  /** Milliseconds; 0 = totals may be of any age. */
  totals: number;
  /** Milliseconds; 0 = entries of the audit log may be of any age. */
  audit: number;
  /** Removes some of what has expired by itself; how many. */
  removeExpired?: () => Promise<number>;
  onWarning: (message: string) => void;
  now?: () => number;
  /** Between two looks; default 10 minutes. */
  intervalMs?: number;
  /** Between two deletions of some hundreds, so that everybody else gets his turn; default 50 ms. */
  pauseMs?: number;
}

/** How much was deleted. */
export interface Deleted {
  readonly requests: number;
  /** Rows of totals. */
  readonly totals: number;
  readonly audit: number;
  /** What was left of removed documents. */
  readonly removed: number;
}

/** Deletes what is too old or too much, a few hundred at a time. */
export interface Retention {
  /** Later calls do nothing. */
  start(): void;
  /** One look, to its end. Rejects when the store cannot be used. */
  run(): Promise<Deleted>;
  stop(): void;
}

const firstMs = 15_000;
/** What is left of a removed document tells gateways that follow changes: those that have not looked for so long begin anew. */
const removedKeptMs = 24 * 60 * 60 * 1000;

export function createRetention(options: RetentionOptions): Retention {
  const { store, maxAge, maxBytes, audit, removeExpired, onWarning, now = Date.now } = options;
  const { totals, intervalMs = 10 * 60 * 1000, pauseMs = 50 } = options;
  const life = { isStopped: false };
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the last change that was looked at: removals before it are forgotten. */
  let version = 0;

  /** The instant before which requests go; `undefined` = all may stay. */
  async function boundary(): Promise<number | undefined> {
    const ofAge = maxAge === 0 ? undefined : now() - maxAge;
    const ofSize = maxBytes === 0 ? undefined : await store.requests.boundaryOf(maxBytes);
    if (ofAge === undefined || ofSize === undefined) return ofAge ?? ofSize;
    return Math.max(ofAge, ofSize);
  }

  /** Deletes until there is no more; how many those were. */
  async function deleteAll(deleteSome: () => Promise<number> | number): Promise<number> {
    let total = 0;
    while (!life.isStopped) {
      const deleted = await deleteSome();
      total += deleted;
      if (deleted === 0) break;
      await sleep(pauseMs, undefined, { ref: false });
    }
    return total;
  }

  async function forgetRemoved(): Promise<number> {
    let total = 0;
    while (!life.isStopped) {
      const forgotten = await store.documents.forgetRemoved({ version, before: now() - removedKeptMs });
      version = forgotten.version;
      total += forgotten.deleted;
      if (forgotten.isLast) break;
      await sleep(pauseMs, undefined, { ref: false });
    }
    return total;
  }

  async function run(): Promise<Deleted> {
    const before = await boundary();
    const requests = before === undefined ? 0 : await deleteAll(() => store.requests.deleteBefore(before));
    // Behind the requests: totals of what is there stay.
    const totalsBefore = now() - totals;
    const rows = totals === 0 ? 0 : await deleteAll(() => store.requests.deleteTotalsBefore(totalsBefore));
    const auditBefore = now() - audit;
    const entries = audit === 0 ? 0 : await deleteAll(() => store.audit.deleteBefore(auditBefore));
    if (removeExpired !== undefined) await deleteAll(removeExpired);
    return { requests, totals: rows, audit: entries, removed: await forgetRemoved() };
  }

  async function look(): Promise<void> {
    try {
      await run();
    } catch (error) {
      onWarning(`What is old cannot be deleted from the database: ${errorText(error)} It is tried again.`);
    }
    if (!life.isStopped) wait(intervalMs);
  }

  function wait(milliseconds: number): void {
    timer = setTimeout(() => void look(), milliseconds);
    timer.unref();
  }

  return {
    start() {
      // Not in the busy first moments.
      if (timer === undefined) wait(Math.min(firstMs, intervalMs));
    },
    run,
    stop() {
      life.isStopped = true;
      clearTimeout(timer);
    },
  };
}
