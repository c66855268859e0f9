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

interface Counts {
  name: string;
  requests: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  cost_usd: number | null;
}

interface Percentiles {
  name: string;
  p50: number;
  p95: number;
  p99: number;
}

function sumOf(...columns: string[]): string {
  return `sum(${columns.map((column) => `coalesce(${column}, 0)`).join(" + ")})`;
}

function countsSql(group: string): string {
  return `SELECT ${group} AS name, count(*) AS requests,
      sum(end_reason NOT IN ('completed', 'client_cancelled')) AS errors,
      ${sumOf("tokens_input", "tokens_cache_read", "tokens_cache_write")} AS prompt_tokens,
      ${sumOf("tokens_output", "tokens_reasoning")} AS completion_tokens,
      sum(cost_usd) AS cost_usd
    FROM requests WHERE started_at >= ? GROUP BY name`;
}

/** Nearest rank: the value at position ceil(p/100 · count) of the sorted ones, so always one that was measured. */
function atPercent(percent: number): string {
  return `max(CASE WHEN rank = (total * ${percent} + 99) / 100 THEN value END) AS p${percent}`;
}

function percentilesSql(group: string, column: "latency_ms" | "ttft_ms"): string {
  return `SELECT name, ${[50, 95, 99].map(atPercent).join(", ")} FROM (
      SELECT name, value, row_number() OVER (PARTITION BY name ORDER BY value) AS rank, count(*) OVER (PARTITION BY name) AS total
      FROM (SELECT ${group} AS name, ${column} AS value FROM requests WHERE started_at >= ? AND ${column} IS NOT NULL)
    ) GROUP BY name`;
}

function withoutName(row: Percentiles | undefined): StatisticsRow["latencyMs"] {
  return row === undefined ? undefined : { p50: row.p50, p95: row.p95, p99: row.p99 };
}

/** Statements that statistics run for a grouping; shown to the query planner by a test. */
export function statisticsSql(by: Grouping | undefined): { counts: string; latency: string; ttft: string } {
  const group = by === undefined ? "'all'" : groupExpression[by];
  return {
    counts: countsSql(group),
    latency: percentilesSql(group, "latency_ms"),
    ttft: percentilesSql(group, "ttft_ms"),
  };
}

/** Busiest group first; days and hours in order of time. */
export function readStatistics(database: Database, { since, by }: StatisticsQuery): StatisticsRow[] {
  const sql = statisticsSql(by);
  const read = database.transaction(() => ({
    counts: database.query<Counts, [number]>(sql.counts).all(since),
    latency: database.query<Percentiles, [number]>(sql.latency).all(since),
    ttft: database.query<Percentiles, [number]>(sql.ttft).all(since),
  }));
  const { counts, latency, ttft } = read.deferred();
  const latencyByName = new Map(latency.map((row) => [row.name, row]));
  const ttftByName = new Map(ttft.map((row) => [row.name, row]));
  const rows = counts.map((row) => ({
    group: row.name,
    requests: row.requests,
    errors: row.errors,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    costUsd: row.cost_usd ?? undefined,
    latencyMs: withoutName(latencyByName.get(row.name)),
    ttftMs: withoutName(ttftByName.get(row.name)),
  }));
  return sortStatistics(rows, by);
}
