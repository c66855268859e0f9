const secondsOfUnit: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
const longestSeconds = 24 * 60 * 60;

/** `1s`, `6m0s`, `20ms`, `1h2m3.5s`: Go's way of writing durations. */
function secondsOfDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
    seconds += Number(count) * (secondsOfUnit[unit] ?? 0);
  return seconds;
}

/** A number is seconds from now, or the epoch's seconds or milliseconds: no wait is as long as those. */
function secondsOfNumber(text: string, now: number): number | undefined {
  if (!/^\d+(?:\.\d+)?$/.test(text)) return undefined;
  const number = Number(text);
  if (number >= 1e11) return (number - now) / 1000;
  return number >= 1e9 ? number - now / 1000 : number;
}

function secondsOfDate(text: string, now: number): number | undefined {
  const time = /^\d{4}-\d\d-\d\d[T ]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : (time - now) / 1000;
}

function secondsUntilReset(value: string | undefined, now: number): number | undefined {
  const text = value?.trim();
  if (text === undefined || text.length > 64) return undefined;
  const seconds = secondsOfNumber(text, now) ?? secondsOfDuration(text) ?? secondsOfDate(text, now);
  return seconds !== undefined && Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

/** Where the time of a limit's reset stands; `undefined` for headers that do not count down to one. */
function resetNameOf(name: string): string | undefined {
  if (name.startsWith("x-ratelimit-remaining")) return name.replace("remaining", "reset");
  if (name.startsWith("anthropic-ratelimit-") && name.endsWith("-remaining"))
    return `${name.slice(0, -"remaining".length)}reset`;
  return undefined;
}

/**
 * Seconds until the limits that a reply's headers call used up are free again, the longest of them:
 * `x-ratelimit-remaining(-…): 0` with `x-ratelimit-reset(-…)` (`6m0s`, seconds, the epoch's seconds or milliseconds), or
 * `anthropic-ratelimit-…-remaining: 0` with `anthropic-ratelimit-…-reset` (RFC 3339). At most a day; `undefined` when they
 * do not say, or name a time that has passed. Names in lower case.
 */
export function rateLimitWait(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  let longest: number | undefined;
  for (const [name, value] of Object.entries(headers)) {
    const resetName = resetNameOf(name);
    if (resetName === undefined || value.trim() === "" || !(Number(value) <= 0)) continue;
    const seconds = secondsUntilReset(headers[resetName], now);
    if (seconds !== undefined && seconds > (longest ?? 0)) longest = seconds;
  }
  return longest === undefined ? undefined : Math.min(longest, longestSeconds);
}
