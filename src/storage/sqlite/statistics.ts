import type { Database } from "bun:sqlite";
import { sortStatistics } from "../sort-statistics.ts";
import type { Grouping, StatisticsQuery, StatisticsRow } from "../store.ts";

/** SQL for the name of a row's group. Days and hours are those of the machine's time zone. */
const groupExpression = {
  model: "coalesce(nullif(model_served, ''), nullif(model_asked, ''), '(none)')",
  day: "strftime('%Y-%m-%d', started_at / 1000, 'unixepoch', 'localtime')",
  hour: "strftime('%Y-%m-%d %H:00', started_at / 1000, 'unixepoch', 'localtime')",
  key: "key_id",
  provider: "coalesce(provider, '(none)')",
} satisfies Readonly<Record<Grouping, string>>;

type Percentiles = NonNullable<StatisticsRow["latencyMs"]>;

interface Counts {
  name: string;
  requests: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  cost_usd: number | null;
  latencies: number;
  ttfts: number;
}

interface Measurement {
  name: string;
  value: number;
}

function sumOf(...columns: string[]): string {
  return `sum(${columns.map((column) => `coalesce(${column}, 0)`).join(" + ")})`;
}

function countsSql(group: string): string {
  return `SELECT ${group} AS name, count(*) AS requests,
      sum(end_reason NOT IN ('completed', 'client_cancelled')) AS errors,
      ${sumOf("tokens_input", "tokens_cache_read", "tokens_cache_write")} AS prompt_tokens,
      ${sumOf("tokens_output", "tokens_reasoning")} AS completion_tokens,
      sum(cost_usd) AS cost_usd, count(latency_ms) AS latencies, count(ttft_ms) AS ttfts
    FROM requests WHERE started_at >= ? GROUP BY name`;
}

function measurementsSql(group: string, column: "latency_ms" | "ttft_ms"): string {
  return `SELECT ${group} AS name, ${column} AS value
    FROM requests WHERE started_at >= ? AND ${column} IS NOT NULL ORDER BY name, value`;
}

/**
 * Nearest rank: the value at position ceil(p/100 · count) of the sorted ones, so always one that was measured. Walking the
 * sorted rows is several times faster than window functions, and only one row is in memory at a time.
 */
function percentilesByName(
  measurements: Iterable<Measurement>,
  countOf: (name: string) => number,
): Map<string, Percentiles> {
  const percentiles = new Map<string, Percentiles>();
  let current: Percentiles | undefined;
  let ranks = { p50: 0, p95: 0, p99: 0 };
  let rank = 0;
  for (const { name, value } of measurements) {
    current = percentiles.get(name);
    if (current === undefined) {
      current = { p50: value, p95: value, p99: value };
      percentiles.set(name, current);
      ranks = ranksOf(countOf(name));
      rank = 0;
    }
    rank += 1;
    if (rank === ranks.p50) current.p50 = value;
    if (rank === ranks.p95) current.p95 = value;
    if (rank === ranks.p99) current.p99 = value;
  }
  return percentiles;
}

function ranksOf(count: number): Percentiles {
  const rank = (percent: number) => Math.floor((count * percent + 99) / 100);
  return { p50: rank(50), p95: rank(95), p99: rank(99) };
}

/** Statements that statistics run for a grouping; shown to the query planner by a test. */
export function statisticsSql(by: Grouping | undefined): { counts: string; latency: string; ttft: string } {
  const group = by === undefined ? "'all'" : groupExpression[by];
  return {
    counts: countsSql(group),
    latency: measurementsSql(group, "latency_ms"),
    ttft: measurementsSql(group, "ttft_ms"),
  };
}

/** Busiest group first; days and hours in order of time. */
export function readStatistics(database: Database, { since, by }: StatisticsQuery): StatisticsRow[] {
  const sql = statisticsSql(by);
  // One transaction, so that the counts and the measurements they belong to are of the same moment.
  const read = database.transaction(() => {
    const counts = database.query<Counts, [number]>(sql.counts).all(since);
    const byName = new Map(counts.map((row) => [row.name, row]));
    const latencies = database.query<Measurement, [number]>(sql.latency).iterate(since);
    const latency = percentilesByName(latencies, (name) => byName.get(name)?.latencies ?? 0);
    const ttfts = database.query<Measurement, [number]>(sql.ttft).iterate(since);
    const ttft = percentilesByName(ttfts, (name) => byName.get(name)?.ttfts ?? 0);
    return { counts, latency, ttft };
  });
  const { counts, latency, ttft } = read.deferred();
  const rows = counts.map((row) => ({
    group: row.name,
    requests: row.requests,
    errors: row.errors,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    costUsd: row.cost_usd ?? undefined,
    latencyMs: latency.get(row.name),
    ttftMs: ttft.get(row.name),
  }));
  return sortStatistics(rows, by);
}
