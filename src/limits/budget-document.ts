import { z } from "zod";
import type { TimeSpan } from "../lib/calendar-window.ts";

/** US dollars that a process has charged, and when it last said so (epoch milliseconds). */
type Share = readonly [usd: number, at: number];

/** What all gateways together have charged to one budget in its running window: reserved is charged too. */
export interface SpendingDocument extends TimeSpan {
  readonly usd: number;
  /**
   * How much of it came from whom, of those that wrote lately. Who does not know whether its last change arrived reads it
   * here, and charges nothing twice.
   */
  readonly writers: Readonly<Record<string, Share>>;
}

const amount = z.number().min(0);
const schema = z.object({
  start: z.number(),
  end: z.number(),
  usd: amount,
  writers: z.record(z.string(), z.tuple([amount, z.number()])),
});

/** Longer than anybody waits for the answer to a change. */
const shareKeptMs = 10 * 60_000;

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

/** What everybody else has charged. */
export function foreignIn(document: SpendingDocument, { id, written }: Writer): number {
  return rounded(document.usd - (document.writers[id]?.[0] ?? written));
}

export interface Charge {
  readonly span: TimeSpan;
  /** All that this process has charged in the window. */
  readonly own: number;
  /** What others have, as far as this process knows; for where no document says so. */
  readonly foreign: number;
  readonly writer: Writer;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** The document with a process's own share as it is now; `undefined` = the window is over for others. */
export function charged(document: SpendingDocument | undefined, charge: Charge): SpendingDocument | undefined {
  const { span, own, writer, time } = charge;
  if (document !== undefined && document.start > span.start) return undefined;
  const isRunning = document !== undefined && document.start === span.start;
  const foreign = isRunning ? foreignIn(document, writer) : charge.foreign;
  const recent = isRunning ? Object.entries(document.writers).filter(([, [, at]]) => time - at < shareKeptMs) : [];
  const share: Share = [rounded(own), time];
  const writers = Object.fromEntries([...recent.filter(([id]) => id !== writer.id), [writer.id, share]]);
  return { start: span.start, end: span.end, usd: rounded(foreign + own), writers };
}
