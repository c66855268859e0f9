import { formatDuration } from "../lib/duration.ts";

const minuteMs = 60_000;

/** How far a clock is ahead, for people: whole minutes, beyond two hours whole hours. */
export function aheadText(milliseconds: number): string {
  const unit = milliseconds < 120 * minuteMs ? minuteMs : 60 * minuteMs;
  return formatDuration(Math.floor(milliseconds / unit) * unit);
}
