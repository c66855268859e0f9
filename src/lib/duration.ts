const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Largest delay a timer takes; a longer one would fire at once. */
export const maxDurationMs = 2 ** 31 - 1;

/** Milliseconds of `250ms`, `5s`, `1.5m`, `24h`, `7d` or a bare number of seconds; `undefined` when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  if (match?.[1] === undefined) return undefined;
  const milliseconds = Math.round(Number(match[1]) * (unitMs[match[2] ?? "s"] ?? 1));
  return Number.isFinite(milliseconds) ? milliseconds : undefined;
}

/** Shortest exact form: `250ms`, `5s`, `10m`. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    const size = unitMs[unit] ?? 1;
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  return `${milliseconds}ms`;
}
