import type { UsageLabels } from "./labels.ts";

/**
 * Totals are kept in several views, each for the questions that read it alone: few rows answer each, however many
 * combinations of keys, models and providers there are.
 *
 * A row's id says everything about it but its numbers: `key:model/2c26…/00001795000000000/fcde…/…`, so that one range of
 * ids answers a question. Its last part is the writer's own: nobody else ever writes that row.
 */
export interface UsageView {
  readonly name: string;
  readonly grainMs: number;
  /** Labels that its rows tell apart. */
  readonly labels: readonly (keyof UsageLabels)[];
  /** Its rows stand together for each key, before they do by time. */
  readonly isByKey?: true;
}

const minuteMs = 60_000;
export const quarterMs = 15 * minuteMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

export const usageViews = {
  /** Every combination; of one key all rows stand together. */
  base: { name: "base", grainMs: hourMs, labels: ["key", "model", "provider"], isByKey: true },
  hour: { name: "hour", grainMs: hourMs, labels: [] },
  /** Some time zones are not whole hours away from UTC. */
  quarter: { name: "quarter", grainMs: quarterMs, labels: [] },
  day: { name: "day", grainMs: dayMs, labels: [] },
  hourByKey: { name: "hour-key", grainMs: hourMs, labels: ["key"] },
  hourByModel: { name: "hour-model", grainMs: hourMs, labels: ["model"] },
  hourByProvider: { name: "hour-provider", grainMs: hourMs, labels: ["provider"] },
  dayByKey: { name: "day-key", grainMs: dayMs, labels: ["key"] },
  dayByModel: { name: "day-model", grainMs: dayMs, labels: ["model"] },
  dayByProvider: { name: "day-provider", grainMs: dayMs, labels: ["provider"] },
} as const satisfies Readonly<Record<string, UsageView>>;

/** Start of the bucket that an instant lies in; epoch milliseconds, days are those of UTC. */
export function bucketStart(instant: number, grainMs: number): number {
  return Math.floor(instant / grainMs) * grainMs;
}

/** Start of the first bucket that begins at or after an instant. */
export function nextBucketStart(instant: number, grainMs: number): number {
  return Math.ceil(instant / grainMs) * grainMs;
}

const timeDigits = 14;

/** An instant in an id: ids sort as their times do, from 1970 on. */
export function timePart(instant: number): string {
  return String(Math.max(0, instant)).padStart(timeDigits, "0");
}

const hashes = new Map<string, string>();
const mostHashes = 5000;

/** A label in an id: of one length, and without characters that an engine would compare in its own way. */
export function labelPart(label: string): string {
  const known = hashes.get(label);
  if (known !== undefined) return known;
  if (hashes.size >= mostHashes) hashes.clear();
  const hash = new Bun.CryptoHasher("sha256").update(label).digest("base64url").slice(0, 22);
  hashes.set(label, hash);
  return hash;
}

/** An id without its last part. */
export function usageSlot(view: UsageView, at: number, labels: UsageLabels): string {
  const time = timePart(at);
  if (view.isByKey !== true) return [view.name, time, ...view.labels.map((name) => labelPart(labels[name]))].join("/");
  const [first = "key", ...others] = view.labels;
  const rest = others.map((name) => labelPart(labels[name]));
  return [view.name, labelPart(labels[first]), time, ...rest].join("/");
}
