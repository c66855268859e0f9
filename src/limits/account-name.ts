import { type CalendarWindow, calendarWindows } from "../lib/calendar-window.ts";

/** What an account's id says of it: `key_…:day:Europe/Berlin`. */
export interface AccountName {
  readonly owner: string;
  readonly window: CalendarWindow;
  /** May be an offset (`+05:30`). */
  readonly timeZone: string;
}

/** `undefined` = no account has such an id. */
export function readAccountName(id: string): AccountName | undefined {
  const [, owner, name, timeZone] = /^([^:]+):([^:]+):(.+)$/.exec(id) ?? [];
  const window = calendarWindows.find((known) => known === name);
  return owner === undefined || timeZone === undefined || window === undefined
    ? undefined
    : { owner, window, timeZone };
}

export function accountIdOf({ owner, window, timeZone }: AccountName): string {
  return `${owner}:${window}:${timeZone}`;
}
