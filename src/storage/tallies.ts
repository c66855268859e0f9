import { localDay, localHour } from "../telemetry/local-time.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { nearestRank } from "./nearest-rank.ts";
import { sortStatistics } from "./sort-statistics.ts";
import type { Grouping, StatisticsQuery, StatisticsRow } from "./store.ts";
import { percentilesOf } from "./usage/histogram.ts";
import { labelsOf } from "./usage/labels.ts";
import { addFigures, durationsOf, emptyMeasures, figuresOf, type Measures } from "./usage/measures.ts";

interface Tally {
  readonly measures: Measures;
  /** Exact values, for as long as nothing but single requests was counted. */
  readonly latencies: number[];
  readonly ttfts: number[];
}

/** The parts of a request that tell its group. */
type Grouped = Pick<RequestRecord, "startedAt" | "keyId" | "modelServed" | "modelAsked" | "provider">;

/** Group → what was counted of it. */
export type Tallies = Map<string, Tally>;

/** The group that a request counts in. */
export function requestGroup(by: Grouping | undefined, record: Grouped): string {
  if (by === undefined) return "all";
  if (by === "day") return localDay(record.startedAt);
  return by === "hour" ? localHour(record.startedAt) : labelsOf(record)[by];
}

export function tallyOf(tallies: Tallies, group: string): Tally {
  let tally = tallies.get(group);
  if (tally === undefined) {
    tally = { measures: emptyMeasures(), latencies: [], ttfts: [] };
    tallies.set(group, tally);
  }
  return tally;
}

export function countRecord(
  tallies: Tallies,
  record: RequestRecord,
  { by, key }: Pick<StatisticsQuery, "by" | "key">,
): void {
  if (key !== undefined && record.keyId !== key) return;
  const tally = tallyOf(tallies, requestGroup(by, record));
  addFigures(tally.measures, figuresOf(record, 0));
  const { latencyMs, ttftMs } = durationsOf(record);
  if (latencyMs !== undefined) tally.latencies.push(latencyMs);
  if (ttftMs !== undefined) tally.ttfts.push(ttftMs);
}

export function rowsOf(tallies: Tallies, isExact: boolean): StatisticsRow[] {
  return [...tallies].map(([group, { measures, latencies, ttfts }]) => ({
    group,
    requests: measures.requests,
    errors: measures.errors,
    promptTokens: measures.input + measures.cacheRead + measures.cacheWrite,
    completionTokens: measures.output + measures.reasoning,
    costUsd: measures.costUsd,
    latencyMs: isExact ? nearestRank(latencies) : percentilesOf(measures.latencies),
    ttftMs: isExact ? nearestRank(ttfts) : percentilesOf(measures.ttfts),
  }));
}

/** Statistics of requests that are at hand, as a store would give them. */
export function recordStatistics(records: readonly RequestRecord[], query: StatisticsQuery): StatisticsRow[] {
  const tallies: Tallies = new Map();
  for (const record of records) if (record.startedAt >= query.since) countRecord(tallies, record, query);
  return sortStatistics(rowsOf(tallies, true), query.by);
}
