import { z } from "zod";
import type { TimeSpan } from "../lib/calendar-window.ts";
import type { Reserved } from "./budget-account.ts";

/** Of the documents in which it is stored. */
export const spendingKind = "spending";

/** US dollars that a process has spent, and when it last said so (epoch milliseconds). */
type Share = readonly [usd: number, at: number];

/** What all gateways together have spent of one budget in one window, and what each has set aside. */
export interface SpentInWindow extends TimeSpan {
  readonly usd: number;
  /**
   * How much of it came from whom, of those that wrote lately. Who does not know whether its last change arrived reads it
   * here, and charges nothing twice.
   */
  readonly writers: Readonly<Record<string, Share>>;
  /** Set aside besides, by whom; of a process that is gone it comes back by itself. */
  readonly reserved: Readonly<Record<string, Reserved>>;
}

/**
 * The latest window that anybody is in, and the one before. A gateway whose clock is ahead has begun another one than the others:
 * each charges its own, and nobody's spending is lost.
 */
export interface SpendingDocument extends SpentInWindow {
  readonly before?: SpentInWindow | undefined;
}

const amount = z.number().min(0);
const windowSchema = z.object({
  start: z.number(),
  end: z.number(),
  usd: amount,
  writers: z.record(z.string(), z.tuple([amount, z.number()])),
  reserved: z.record(z.string(), z.object({ usd: amount, until: z.number() })).default({}),
});
const schema = windowSchema.extend({ before: windowSchema.optional() });

/** Longer than anybody waits for the answer to a change. */
const shareKeptMs = 10 * 60_000;
/** What a process that lives has to say of a request that is over is known to others by then. */
const newsMs = 60_000;

/** `undefined` = it is none. */
export function readSpending(value: unknown): SpendingDocument | undefined {
  return schema.safeParse(value).data;
}

/** Binary fractions leave their noise behind the twelfth digit. */
function rounded(usd: number): number {
  return Math.max(0, Number(usd.toFixed(12)));
}

export interface Writer {
  readonly id: string;
  /** What it knows to be in the document; a share that is written there counts more. */
  readonly written: number;
}

/** The earlier one first. */
export function windowsIn({ before, ...latest }: SpendingDocument): SpentInWindow[] {
  return before === undefined ? [latest] : [before, latest];
}

/** The latest instant that the document knows of, by whatever clock. */
export function latestIn({ start, writers }: SpendingDocument): number {
  return Math.max(start, ...Object.values(writers).map(([, at]) => at));
}

/** What everybody else has spent: no less than their shares, whatever the writer believes to be in it. */
export function foreignIn({ usd, writers }: SpentInWindow, { id, written }: Writer): number {
  let others = 0;
  for (const [other, [share]] of Object.entries(writers)) if (other !== id) others += share;
  return rounded(Math.max(others, usd - (writers[id]?.[0] ?? written)));
}

/** What of a writer's is still in a window that was set back: its share, or at most what others had not spent before. */
export function stillWritten({ usd, writers }: SpentInWindow, { id, written }: Writer, foreign: number): number {
  return writers[id]?.[0] ?? Math.min(written, Math.max(0, usd - foreign));
}

/** What everybody else has set aside. */
export function foreignReservedIn({ reserved }: SpentInWindow, writer: string): Reserved[] {
  return Object.entries(reserved).flatMap(([id, share]) => (id === writer ? [] : [share]));
}

export interface Charge {
  readonly span: TimeSpan;
  /** All that this process has spent in the window. */
  readonly spent: number;
  /** And has set aside. */
  readonly reserved: Reserved;
  /** What others have spent, as far as this process knows; for where no document says so. */
  readonly foreign: number;
  readonly writer: Writer;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** A window with a process's own share as it is now; `undefined` = nobody has charged it yet. */
function chargedWindow(running: SpentInWindow | undefined, charge: Charge): SpentInWindow {
  const { span, spent, writer, time } = charge;
  const foreign = running === undefined ? charge.foreign : foreignIn(running, writer);
  const isOther = ([id]: readonly [string, unknown]): boolean => id !== writer.id;
  const writers = Object.entries(running?.writers ?? {}).filter(([, [, at]]) => time - at < shareKeptMs);
  const reserved = Object.entries(running?.reserved ?? {}).filter(([, { until }]) => until > time);
  const held = { usd: rounded(charge.reserved.usd), until: charge.reserved.until + newsMs };
  const share: Share = [rounded(spent), time];
  return {
    start: span.start,
    end: span.end,
    usd: rounded(foreign + spent),
    writers: Object.fromEntries([...writers.filter(isOther), [writer.id, share]]),
    reserved: Object.fromEntries([...reserved.filter(isOther), ...(held.usd > 0 ? [[writer.id, held] as const] : [])]),
  };
}

/** The document with a process's own share as it is now; `undefined` = the window is over for others. */
export function charged(document: SpendingDocument | undefined, charge: Charge): SpendingDocument | undefined {
  if (document === undefined) return chargedWindow(undefined, charge);
  const { before, ...latest } = document;
  const { start } = charge.span;
  if (start > latest.start) return { ...chargedWindow(undefined, charge), before: latest };
  if (start === latest.start) return { ...chargedWindow(latest, charge), before };
  if (before !== undefined && start < before.start) return undefined;
  return { ...latest, before: chargedWindow(before?.start === start ? before : undefined, charge) };
}
