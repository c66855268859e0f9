import { createReadStream, statSync } from "node:fs";
import { createLineSplitter } from "../telemetry/line-splitter.ts";
import { localDay, localHour } from "../telemetry/local-time.ts";
import { rotatedFiles } from "../telemetry/rotated-files.ts";
import { isError, parseTrafficLine, type TrafficLine } from "../telemetry/traffic-line.ts";
import { nearestRank } from "./nearest-rank.ts";
import { sortStatistics } from "./sort-statistics.ts";
import type { Grouping, StatisticsRow } from "./store.ts";

/** The traffic log knows neither keys nor providers. */
export const trafficGroupings = ["model", "day", "hour"] as const satisfies readonly Grouping[];
export type TrafficGrouping = (typeof trafficGroupings)[number];

export interface TrafficStatisticsQuery {
  file: string;
  /** Epoch milliseconds; requests started at or after it. */
  since: number;
  by: TrafficGrouping;
}

export interface TrafficStatistics {
  rows: StatisticsRow[];
  /** All groups together; `undefined` when there was no request. */
  total: StatisticsRow | undefined;
}

const groupOf = {
  model: (line) => line.model || line.originalModel || "(none)",
  day: (_line, startedAt) => localDay(startedAt),
  hour: (_line, startedAt) => localHour(startedAt),
} satisfies Readonly<Record<TrafficGrouping, (line: TrafficLine, startedAt: number) => string>>;

interface Tally {
  requests: number;
  errors: number;
  promptTokens: number;
  completionTokens: number;
  latencies: number[];
}

function emptyTally(): Tally {
  return { requests: 0, errors: 0, promptTokens: 0, completionTokens: 0, latencies: [] };
}

function count(tally: Tally, line: TrafficLine): void {
  tally.requests += 1;
  if (isError(line)) tally.errors += 1;
  tally.promptTokens += line.promptTokens ?? 0;
  tally.completionTokens += line.completionTokens ?? 0;
  // A model served it, or tried to: as in a database, refusals do not tell how long requests take.
  if (line.latencyMs !== undefined && line.model !== "") tally.latencies.push(line.latencyMs);
}

function rowOf(group: string, { latencies, ...counts }: Tally): StatisticsRow {
  return { group, ...counts, costUsd: undefined, latencyMs: nearestRank(latencies), ttftMs: undefined };
}

/** The log and the files it was rotated to, without those that were last written before `since`. */
function filesSince(file: string, since: number): string[] {
  const paths = [...rotatedFiles(file).map((rotated) => rotated.path), file];
  return paths.filter((path) => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1) >= since);
}

async function forEachLine(path: string, onLine: (line: string) => void): Promise<void> {
  const splitter = createLineSplitter();
  for await (const block of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    for (const line of splitter.push(block as Buffer)) onLine(line);
  }
  onLine(splitter.rest());
}

/** Counts what the traffic log holds, its rotated files included; reads them in pieces. Lines of another format do not count. */
export async function trafficStatistics({ file, since, by }: TrafficStatisticsQuery): Promise<TrafficStatistics> {
  const tallies = new Map<string, Tally>();
  const total = emptyTally();

  function add(text: string): void {
    const line = parseTrafficLine(text);
    const startedAt = line === undefined ? Number.NaN : Date.parse(line.timestamp);
    if (line === undefined || startedAt < since) return;
    const group = groupOf[by](line, startedAt);
    const tally = tallies.get(group) ?? emptyTally();
    tallies.set(group, tally);
    count(tally, line);
    count(total, line);
  }

  for (const path of filesSince(file, since)) await forEachLine(path, add);
  const rows = [...tallies].map(([group, tally]) => rowOf(group, tally));
  return { rows: sortStatistics(rows, by), total: total.requests === 0 ? undefined : rowOf("all", total) };
}
