import { formatDuration } from "../lib/duration.ts";

const minuteMs = 60_000;

/** Whole minutes, beyond two hours whole hours. */
function shown(milliseconds: number): string {
  const unit = milliseconds < 120 * minuteMs ? minuteMs : 60 * minuteMs;
  return formatDuration(Math.floor(milliseconds / unit) * unit);
}

/** Warns, once, that a clock is ahead by so many milliseconds. */
export function createClockWarning(
  log: { warn(message: string): void },
  textOf: (ahead: string) => string,
): (milliseconds: number) => void {
  let isTold = false;
  return (milliseconds) => {
    if (isTold) return;
    isTold = true;
    log.warn(textOf(shown(milliseconds)));
  };
}
