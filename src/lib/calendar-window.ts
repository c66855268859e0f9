/** Lengths of calendar windows; a week begins on Monday (ISO 8601). */
export const calendarWindows = ["hour", "day", "week", "month"] as const;
export type CalendarWindow = (typeof calendarWindows)[number];

/** As in `10 USD an hour`. */
export function perWindow(window: CalendarWindow): string {
  return window === "hour" ? "an hour" : `a ${window}`;
}

/** Epoch milliseconds; the end is the next one's start. */
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
}

const hourMs = 3_600_000;
/** Temporal would take whole dates for the zone they name. */
const zoneShape = /^[A-Za-z][A-Za-z0-9_+\-/]{0,59}$|^[+-]\d\d:\d\d$/;

function zonedAt(time: number, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timeZone);
}

/** Whether it is an IANA name (`Europe/Berlin`) or an offset (`+05:30`). */
export function isTimeZone(name: string): boolean {
  if (!zoneShape.test(name)) return false;
  try {
    zonedAt(0, name);
    return true;
  } catch {
    return false;
  }
}

function offsetMs({ offsetNanoseconds }: Temporal.ZonedDateTime): number {
  return Math.floor(offsetNanoseconds / 1e6);
}

/** A change of the clocks within an hour, which few zones have, ends it and begins another one. */
function hourAt(time: number, timeZone: string): TimeSpan {
  const zoned = zonedAt(time, timeZone);
  const offset = offsetMs(zoned);
  const intoHour = (((time + offset) % hourMs) + hourMs) % hourMs;
  let start = time - intoHour;
  let end = start + hourMs;
  if (offsetMs(zonedAt(start, timeZone)) !== offset) {
    const change = zonedAt(time + 1, timeZone).getTimeZoneTransition("previous");
    start = Math.max(start, change?.epochMilliseconds ?? start);
  }
  if (offsetMs(zonedAt(end - 1, timeZone)) !== offset) {
    const change = zoned.getTimeZoneTransition("next");
    end = Math.min(end, change?.epochMilliseconds ?? end);
  }
  return { start, end };
}

function firstDay(date: Temporal.PlainDate, window: Exclude<CalendarWindow, "hour">): Temporal.PlainDate {
  if (window === "day") return date;
  return window === "week" ? date.subtract({ days: date.dayOfWeek - 1 }) : date.with({ day: 1 });
}

/** The first moment of a day: not midnight where the clocks go forward then, and the first of two midnights. */
function startOf(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime({ timeZone }).epochMilliseconds;
}

const lengths = { day: { days: 1 }, week: { days: 7 }, month: { months: 1 } } as const;

/**
 * The window that an instant belongs to, by the clocks of a time zone: a day may have 23 or 25 hours. Each instant is in
 * exactly one. Throws RangeError for a zone that does not exist.
 */
export function calendarWindowAt(time: number, window: CalendarWindow, timeZone = "UTC"): TimeSpan {
  if (window === "hour") return hourAt(time, timeZone);
  const first = firstDay(zonedAt(time, timeZone).toPlainDate(), window);
  const next = first.add(lengths[window]);
  const span = { start: startOf(first, timeZone), end: startOf(next, timeZone) };
  // Clocks that are set back over midnight show the old day a second time.
  return time < span.end ? span : { start: span.end, end: startOf(next.add(lengths[window]), timeZone) };
}
