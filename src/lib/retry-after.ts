function secondsOfHeader(headers: Pick<Headers, "get">, name: string, unitMs: number): number | undefined {
  const value = headers.get(name)?.trim();
  if (value === undefined || !/^\d+(?:\.\d+)?$/.test(value)) return undefined;
  const seconds = (Number(value) * unitMs) / 1000;
  return Number.isFinite(seconds) ? seconds : undefined;
}

function secondsUntil(headers: Pick<Headers, "get">, now: number): number | undefined {
  const value = headers.get("retry-after");
  if (value === null || !/[a-z]/i.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : Math.max(0, (time - now) / 1000);
}

const longestSeconds = 24 * 60 * 60;

/**
 * Seconds to wait that a reply names: `retry-after-ms`, `x-ms-retry-after-ms`, or `retry-after` as decimal seconds or an
 * HTTP date. `undefined` when there is none or it makes no sense (negative, not a number, beyond a day).
 */
export function parseRetryAfter(headers: Pick<Headers, "get">, now: number): number | undefined {
  const seconds =
    secondsOfHeader(headers, "retry-after-ms", 1) ??
    secondsOfHeader(headers, "x-ms-retry-after-ms", 1) ??
    secondsOfHeader(headers, "retry-after", 1000) ??
    secondsUntil(headers, now);
  return seconds !== undefined && seconds <= longestSeconds ? seconds : undefined;
}
