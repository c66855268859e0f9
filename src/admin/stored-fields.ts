import { isPlainObject } from "../config/path.ts";

/** Without what is not there: `null` stands for "none" in what somebody sends. */
export function withoutNulls(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

/** A stored value with some of its fields changed; `null` takes one away, `undefined` leaves it. */
export function withChanges(stored: unknown, changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  return withoutNulls({ ...(isPlainObject(stored) ? stored : {}), ...Object.fromEntries(given) });
}

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
