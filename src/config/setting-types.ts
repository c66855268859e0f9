import { z } from "zod";
import { parseAddressRange } from "../lib/cidr.ts";
import { formatDuration, maxDurationMs, parseDuration } from "../lib/duration.ts";
import { switchOf } from "./switch-text.ts";

// Zod would compile a function for every object it meets: that takes longer than the few parses of a process's life.
z.config({ jitless: true });

interface DurationBounds {
  readonly minMs?: number;
  readonly maxMs?: number;
  /** No timer waits for it, so it may be longer than one can. */
  readonly isAge?: boolean;
}

const longestAgeMs = 100 * 366 * 24 * 60 * 60 * 1000;

function durationProblem(value: string | number, bounds: DurationBounds): string {
  const { minMs = 0, isAge = false } = bounds;
  const longest = isAge ? longestAgeMs : maxDurationMs;
  const { maxMs = longest } = bounds;
  const milliseconds = parseDuration(String(value));
  if (milliseconds === undefined || milliseconds > longest)
    return `'${value}' is no duration; write 500ms, 30s, 10m or 24h (at most ${isAge ? "36600d" : "24d"})`;
  if (milliseconds > maxMs) return `must be at most ${formatDuration(maxMs)}`;
  if (milliseconds >= minMs) return "";
  return `must be at least ${formatDuration(minMs)}${milliseconds === 0 ? "; 0 does not switch it off" : ""}`;
}

/** A length of time as text or as a number of seconds; milliseconds once read. */
export function duration(fallback: string, bounds: DurationBounds = {}) {
  return z
    .union([z.string(), z.number()])
    .default(fallback)
    .transform((value, context) => {
      const message = durationProblem(value, bounds);
      if (message === "") return parseDuration(String(value)) ?? z.NEVER;
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    });
}

/** A deadline of nothing would end everything at once. */
export function deadline(fallback: string) {
  return duration(fallback, { minMs: 1 });
}

export const port = z.coerce.number().int().min(0).max(65_535);

/** A boolean that may come as text from the environment. */
export const flag = z.preprocess((value) => switchOf(value) ?? value, z.boolean());

/** A list that may come as one comma-separated text from the environment. */
export function list<T extends z.ZodType>(item: T) {
  return z.preprocess(
    (value) =>
      typeof value === "string"
        ? value
            .split(",")
            .map((part) => part.trim())
            .filter((part) => part !== "")
        : value,
    z.array(item),
  );
}

/** A count from 1 on. */
export const count = z.coerce.number().int().min(1);

/** A share between nothing (0) and all (1). */
export function share(fallback: number) {
  return z.coerce.number().min(0).max(1).default(fallback);
}

/** Addresses as text; `parseAddressRange` reads them. */
export const addressRange = z.string().refine((text) => parseAddressRange(text) !== undefined, {
  message: "must be an address or a range such as 10.0.0.0/8 or 2001:db8::/32",
});
