import { maxDurationMs } from "../../lib/duration.ts";
import { wireValue } from "../upstream-headers.ts";
import type { Part } from "./part.ts";

/** A number, or a variable (`${NAME}`) that will hold one. */
export type Amount = number | string;

const reference = /^\$\{[A-Za-z_]\w*\}$/;

/** Whether a value of our file is one variable and nothing else. */
export function isReference(value: unknown): boolean {
  return typeof value === "string" && reference.test(value);
}

/** A number or a variable; anything else is refused. */
export function amount(part: Part): Amount | undefined {
  return isReference(part.value) ? part.text() : part.number();
}

/** A count from 1 on. What is less is noted and left out. */
export function count(part: Part): Amount | undefined {
  const found = amount(part);
  if (typeof found !== "number") return found;
  if (found >= 1) return Math.min(Math.floor(found), Number.MAX_SAFE_INTEGER);
  part.note("a limit is 1 or more here; left out, which means no limit");
  return undefined;
}

const wireText = wireValue();

/** Whether a text can be an API key; refuses it otherwise. */
export function isSendable(key: string, part: Part): boolean {
  if (wireText.safeParse(key).success) return true;
  part.refuse("an API key is one line of Latin letters, digits and signs");
  return false;
}

/** Seconds as one of our durations; 0 and less are left out. */
export function seconds(part: Part): string | undefined {
  const found = amount(part);
  if (typeof found !== "number") return found;
  if (found <= 0) return undefined;
  return durationText(Math.min(found * 1000, maxDurationMs));
}

/** Milliseconds as text. */
export function durationText(milliseconds: number): string {
  const whole = Math.max(1, Math.round(milliseconds));
  return whole % 1000 === 0 ? `${whole / 1000}s` : `${whole}ms`;
}

/** The same object without keys that hold nothing: `undefined`, an empty list or an empty object. */
export function compact(tree: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tree).filter(([, value]) => {
      if (typeof value !== "object" || value === null) return value !== undefined;
      return Object.keys(value).length > 0;
    }),
  );
}

/** Notes every key that was not looked at. */
export function noteRest(part: Part, reason = "there is no counterpart; left out"): void {
  for (const unknown of part.rest()) unknown.note(reason);
}
