import type { StatisticsRow } from "./store.ts";

/** Percentiles by nearest rank: always a value that was measured. `undefined` when there is none. */
export function nearestRank(values: readonly number[]): StatisticsRow["latencyMs"] {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (percent: number) => sorted[Math.floor((sorted.length * percent + 99) / 100) - 1] ?? 0;
  return { p50: at(50), p95: at(95), p99: at(99) };
}
