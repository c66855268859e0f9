import { localDay, localHour } from "../telemetry/local-time.ts";
import { mostModels, otherModels } from "../telemetry/model-label.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { nearestRank } from "./nearest-rank.ts";
import { sortStatistics } from "./sort-statistics.ts";
import type { Grouping, StatisticsQuery, StatisticsRow } from "./store.ts";
import { percentilesOf } from "./usage/histogram.ts";
import { labelsOf } from "./usage/labels.ts";
import { addFigures, addMeasures, durationsOf, emptyMeasures, figuresOf, type Measures } from "./usage/measures.ts";

interface Tally {
  readonly measures: Measures;
  /** Exact values, for as long as nothing but single requests was counted. */
  readonly latencies: number[];
  readonly ttfts: number[];
}

/** The parts of a request that tell its group. */
type Grouped = Pick<RequestRecord, "startedAt" | "keyId" | "modelServed" | "modelAsked" | "isInvented" | "provider">;

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

/** The groups, where they are models at most so many: what else there is counts together. */
function boundedGroups(tallies: Tallies, by: Grouping | undefined): Tallies {
  if (by !== "model" || tallies.size <= mostModels) return tallies;
  const named = [...tallies].filter(([group]) => group !== otherModels);
  named.sort(([, left], [, right]) => right.measures.requests - left.measures.requests);
  const other = tallyOf(tallies, otherModels);
  const bounded: Tallies = new Map([...named.slice(0, mostModels), [otherModels, other]]);
  for (const [, { measures, latencies, ttfts }] of named.slice(mostModels)) {
    addMeasures(other.measures, measures);
    other.latencies.push(...latencies);
    other.ttfts.push(...ttfts);
  }
  return bounded;
}

/** What was counted, in the order that it is shown in; `isExact` = nothing but single requests was. */
export function statisticsOf(tallies: Tallies, by: Grouping | undefined, isExact: boolean): StatisticsRow[] {
  const rows = [...boundedGroups(tallies, by)].map(([group, { measures, latencies, ttfts }]) => ({
    group,
    requests: measures.requests,
    errors: measures.errors,
    promptTokens: measures.input + measures.cacheRead + measures.cacheWrite,
    completionTokens: measures.output + measures.reasoning,
    costUsd: measures.costUsd,
    latencyMs: isExact ? nearestRank(latencies) : percentilesOf(measures.latencies),
    ttftMs: isExact ? nearestRank(ttfts) : percentilesOf(measures.ttfts),
  }));
  return sortStatistics(rows, by);
}

/** Statistics of requests that are at hand, as a store would give them. */
export function recordStatistics(records: readonly RequestRecord[], query: StatisticsQuery): StatisticsRow[] {
  const tallies: Tallies = new Map();
  for (const record of records) if (record.startedAt >= query.since) countRecord(tallies, record, query);
  return statisticsOf(tallies, query.by, true);
}
