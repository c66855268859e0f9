import type { Grouping, StatisticsRow } from "./store.ts";

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Days and hours in order of time, everything else with the busiest group first. */
export function sortStatistics(rows: StatisticsRow[], by: Grouping | undefined): StatisticsRow[] {
  if (by === "day" || by === "hour") return rows.sort((left, right) => compareText(left.group, right.group));
  return rows.sort((left, right) => right.requests - left.requests || compareText(left.group, right.group));
}
