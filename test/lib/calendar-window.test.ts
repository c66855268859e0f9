import { describe, expect, test } from "bun:test";
import {
  type CalendarWindow,
  calendarWindowAt,
  calendarWindows,
  isTimeZone,
  perWindow,
} from "../../src/lib/calendar-window.ts";
import { createRandom } from "../support/random.ts";

const at = (text: string): number => Date.parse(text);

function spanOf(time: string, window: CalendarWindow, timeZone?: string): [string, string] {
  const { start, end } = calendarWindowAt(at(time), window, timeZone);
  return [new Date(start).toISOString(), new Date(end).toISOString()];
}

test("windows are those of the calendar, UTC's where no zone is named", () => {
  expect(spanOf("2026-11-21T17:45:12.345Z", "hour")).toEqual(["2026-11-21T17:00:00.000Z", "2026-11-21T18:00:00.000Z"]);
  expect(spanOf("2026-11-21T17:45:12.345Z", "day")).toEqual(["2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z"]);
  expect(spanOf("2026-11-21T17:45:12.345Z", "week")).toEqual(["2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"]);
  expect(spanOf("2026-11-21T17:45:12.345Z", "month")).toEqual(["2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"]);
});

test("windows are named as in a price for each", () => {
  expect(calendarWindows.map(perWindow)).toEqual(["an hour", "a day", "a week", "a month"]);
});

test("a week begins on Monday, also over the end of a year", () => {
  expect(spanOf("2026-11-22T23:59:59.999Z", "week")[0]).toBe("2026-11-16T00:00:00.000Z");
  expect(spanOf("2026-11-23T00:00:00.000Z", "week")[0]).toBe("2026-11-23T00:00:00.000Z");
  expect(spanOf("2027-01-01T12:00:00Z", "week")).toEqual(["2026-12-28T00:00:00.000Z", "2027-01-04T00:00:00.000Z"]);
});

test("February has its days", () => {
  expect(spanOf("2028-02-29T12:00:00Z", "month")).toEqual(["2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"]);
});

describe("when clocks change", () => {
  test("a day has 23 or 25 hours", () => {
    const zone = "Europe/Berlin";
    expect(spanOf("2026-03-29T12:00:00Z", "day", zone)).toEqual([
      "2026-03-28T23:00:00.000Z",
      "2026-03-29T22:00:00.000Z",
    ]);
    expect(spanOf("2026-10-25T12:00:00Z", "day", zone)).toEqual([
      "2026-10-24T22:00:00.000Z",
      "2026-10-25T23:00:00.000Z",
    ]);
  });

  test("an hour that comes twice is two of them", () => {
    const zone = "Europe/Berlin";
    expect(spanOf("2026-10-25T00:30:00Z", "hour", zone)[0]).toBe("2026-10-25T00:00:00.000Z");
    expect(spanOf("2026-10-25T01:30:00Z", "hour", zone)[0]).toBe("2026-10-25T01:00:00.000Z");
  });

  test("a day without midnight begins with its first moment", () => {
    // Beirut goes from 00:00 to 01:00.
    expect(spanOf("2026-03-29T12:00:00Z", "day", "Asia/Beirut")[0]).toBe("2026-03-28T22:00:00.000Z");
    expect(spanOf("2026-03-28T21:59:59.999Z", "day", "Asia/Beirut")[1]).toBe("2026-03-28T22:00:00.000Z");
  });

  test("half an hour makes two short ones of an hour", () => {
    // Lord Howe goes from 02:00 (+11:00) back to 01:30 (+10:30).
    expect(spanOf("2026-04-04T15:10:00Z", "hour", "Australia/Lord_Howe")).toEqual([
      "2026-04-04T15:00:00.000Z",
      "2026-04-04T15:30:00.000Z",
    ]);
  });

  test("a day that was shown again over midnight is not begun again", () => {
    // St. John's went from 00:01 back to 23:01 of the day before.
    const before = calendarWindowAt(at("2010-11-07T02:29:59Z"), "day", "America/St_Johns");
    const shortly = calendarWindowAt(at("2010-11-07T02:30:30Z"), "day", "America/St_Johns");
    const again = calendarWindowAt(at("2010-11-07T03:00:00Z"), "day", "America/St_Johns");
    expect(before.end).toBe(at("2010-11-07T02:30:00Z"));
    expect(again).toEqual(shortly);
  });
});

describe("every instant is in exactly one window", () => {
  const zones = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "America/Havana",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
    "+05:30",
  ];
  for (const timeZone of zones) {
    test(timeZone, () => {
      const random = createRandom(timeZone.length);
      for (let round = 0; round < 60; round += 1) {
        const time = Math.floor(
          at("1995-01-01T00:00Z") + random() * (at("2036-01-01T00:00Z") - at("1995-01-01T00:00Z")),
        );
        for (const window of calendarWindows) {
          const span = calendarWindowAt(time, window, timeZone);
          expect(time).toBeGreaterThanOrEqual(span.start);
          expect(time).toBeLessThan(span.end);
          expect(calendarWindowAt(span.start, window, timeZone)).toEqual(span);
          expect(calendarWindowAt(span.end - 1, window, timeZone)).toEqual(span);
          expect(calendarWindowAt(span.end, window, timeZone).start).toBe(span.end);
          expect(calendarWindowAt(span.start - 1, window, timeZone).end).toBe(span.start);
        }
      }
    });
  }
});

test("zones that exist are told from other texts", () => {
  for (const name of ["UTC", "Europe/Berlin", "Etc/GMT+5", "America/Argentina/Buenos_Aires", "+05:30", "-03:00"])
    expect([name, isTimeZone(name)]).toEqual([name, true]);
  for (const name of ["", "Mars/Base", "2026-01-01T00:00Z", "Europe/Berlin ", "+25:00", "../etc", "a".repeat(100)])
    expect([name, isTimeZone(name)]).toEqual([name, false]);
});
