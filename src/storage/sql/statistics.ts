import { localDay, localHour } from "../../telemetry/local-time.ts";
import { recordOf } from "../request-row.ts";
import { tables } from "../tables.ts";
import { sortStatistics } from "../sort-statistics.ts";
import type { Grouping, StatisticsQuery, StatisticsRow } from "../store.ts";
import { countRecord, rowsOf, type Tallies, tallyOf } from "../tallies.ts";
import { addRow } from "../usage/measures.ts";
import { bucketStart, dayMs, hourMs, nextBucketStart, quarterMs, usageViews } from "../usage/views.ts";
import { type IdRange, keyRange, viewRange } from "../usage/ranges.ts";
import { numberIn, type SqlRow, statement, type Statement, type Steps, textIn } from "./steps.ts";

/** So many are counted one by one, which is exact; more only where no total stands for them. */
const mostCounted = 10_000;

/** All of them stand in one index of SQLite. */
const countedColumns = `started_at, key_id, model_served, model_asked, provider, end_reason, latency_ms, ttft_ms, cost_usd,
  tokens_input, tokens_cache_read, tokens_cache_write, tokens_output, tokens_reasoning`;
/** Shown to the query planner by a test. */
export const countedSql = `SELECT ${countedColumns} FROM requests WHERE started_at >= ? AND started_at < ?`;
const totalsColumns = Object.keys(tables.usage.columns)
  .filter((name) => name !== "id" && name !== "bytes")
  .join(", ");
const totalsSql = `SELECT ${totalsColumns} FROM usage_totals WHERE id >= ? AND id < ?`;
const hoursSql = "SELECT sum(requests) AS requests FROM usage_totals WHERE id >= ? AND id < ?";
const storedSql = "SELECT count(*) AS requests FROM requests WHERE started_at >= ? AND started_at < ?";

/** No instant that a request started at. */
const never = Number.MAX_SAFE_INTEGER;

const labelColumns = { key: "key_id", model: "model", provider: "provider" } as const;

function groupOfTotals(by: Grouping | undefined, row: SqlRow): string {
  if (by === undefined) return "all";
  if (by === "day") return localDay(numberIn(row, "at"));
  return by === "hour" ? localHour(numberIn(row, "at")) : textIn(row, labelColumns[by]);
}

function count(tallies: Tallies, rows: readonly SqlRow[], query: StatisticsQuery): void {
  for (const row of rows) countRecord(tallies, recordOf(row), query);
}

function isWholeZone(instant: number): boolean {
  return new Date(instant).getTimezoneOffset() % 60 === 0;
}

interface Coverage {
  /** From here on totals are read. */
  readonly from: number;
  readonly ranges: readonly IdRange[];
}

/** Which totals answer a question, and from when on. */
function coverageOf({ by, key, since }: StatisticsQuery, now: number): Coverage {
  const hour = nextBucketStart(since, hourMs);
  if (key !== undefined) return { from: hour, ranges: [keyRange(key, hour)] };
  if (by === "day" || by === "hour") {
    const isWhole = isWholeZone(now) && isWholeZone(Math.max(since, Date.UTC(2000)));
    const view = isWhole ? usageViews.hour : usageViews.quarter;
    const from = nextBucketStart(since, isWhole ? hourMs : quarterMs);
    return { from, ranges: [viewRange(view, from)] };
  }
  const [hours, days] = viewsOf(by);
  const day = nextBucketStart(hour, dayMs);
  return { from: hour, ranges: [viewRange(hours, hour, day), viewRange(days, day)] };
}

function viewsOf(by: "key" | "model" | "provider" | undefined) {
  if (by === "key") return [usageViews.hourByKey, usageViews.dayByKey] as const;
  if (by === "model") return [usageViews.hourByModel, usageViews.dayByModel] as const;
  if (by === "provider") return [usageViews.hourByProvider, usageViews.dayByProvider] as const;
  return [usageViews.hour, usageViews.day] as const;
}

function counted(since: number, before: number): Statement {
  return statement(countedSql, since, before);
}

/** Requests that started in some hours, as their totals say. */
function* totalOf({ from, to }: IdRange): Steps<number> {
  return numberIn((yield statement(hoursSql, from, to)).rows[0], "requests");
}

/** Requests of that time that are still there. */
function* storedBetween(since: number, before: number): Steps<number> {
  return numberIn((yield statement(storedSql, since, before)).rows[0], "requests");
}

/** Whether there are few requests, and every one of them is still there. */
function* areFew(since: number): Steps<boolean> {
  const total = yield* totalOf(viewRange(usageViews.hour, since));
  return total <= mostCounted && (yield* storedBetween(since, never)) >= total;
}

/** Where counting begins: of an hour whose first requests are gone by now only the total is left, so all of it counts. */
function* startOf(since: number): Steps<number> {
  const hour = bucketStart(since, hourMs);
  if (hour === since) return since;
  const total = yield* totalOf(viewRange(usageViews.hour, hour, hour + hourMs));
  return (yield* storedBetween(hour, hour + hourMs)) >= total ? since : hour;
}

/**
 * Busiest group first; days and hours in order of time, in this machine's time zone. Few requests are counted one by one;
 * of many the totals are read, and one by one only what lies before the first whole hour.
 */
export function* statisticsSteps(query: StatisticsQuery, now: number): Steps<StatisticsRow[]> {
  const tallies: Tallies = new Map();
  const asked = Math.ceil(query.since);
  if (yield* areFew(bucketStart(asked, hourMs))) {
    count(tallies, (yield counted(asked, never)).rows, query);
    return sortStatistics(rowsOf(tallies, true), query.by);
  }
  const since = yield* startOf(asked);
  const { from, ranges } = coverageOf({ ...query, since }, now);
  if (from > since) count(tallies, (yield counted(since, from)).rows, query);
  for (const range of ranges) {
    const { rows } = yield statement(totalsSql, range.from, range.to);
    for (const row of rows) addRow(tallyOf(tallies, groupOfTotals(query.by, row)).measures, row);
  }
  return sortStatistics(rowsOf(tallies, false), query.by);
}
