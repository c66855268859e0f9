import { parseDuration } from "../lib/duration.ts";
import { usageError } from "./output.ts";

/** Epoch milliseconds of `--since`: a duration back from now, a date in the machine's time zone, or `all`. */
export function sinceOf(text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined) return Math.max(0, Date.now() - duration);
  if (text === "all") return 0;
  // Without a time of day Date.parse would take midnight UTC, and people mean their own.
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00`) : Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(time)) return time;
  throw usageError(`--since ${text}: write a duration (30m, 24h, 7d), a date (2026-11-20) or all`);
}
