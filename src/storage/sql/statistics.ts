import { recordOf } from "../request-row.ts";
import type { StatisticsQuery, StatisticsRow } from "../store.ts";
import { countRecord, statisticsOf, type Tallies } from "../tallies.ts";
import { labelsOf } from "../usage/labels.ts";
import { bucketStart, dayMs, hourMs, nextBucketStart, usageViews } from "../usage/views.ts";
import { type IdRange, keyRange, viewRange } from "../usage/ranges.ts";
import { addPartSteps } from "./part-of-hour.ts";
import { numberIn, statement, type Statement, type Steps } from "./steps.ts";
import { addTotalsSteps, modelsIn } from "./usage-totals.ts";

/** So many are counted one by one, which is exact; more only where no total stands for them. */
const mostCounted = 10_000;

const countedColumns = `started_at, key_id, model_served, model_asked, provider, end_reason, latency_ms, ttft_ms, cost_usd,
  tokens_input, tokens_cache_read, tokens_cache_write, tokens_output, tokens_reasoning`;
/** Shown to the query planner by a test. */
export const countedSql = `SELECT ${countedColumns} FROM requests WHERE started_at >= ? AND started_at < ?`;
const hoursSql = "SELECT sum(requests) AS requests FROM usage_totals WHERE id >= ? AND id < ?";
const moreSql = `SELECT count(*) AS requests FROM (
    SELECT 1 FROM requests WHERE started_at >= ? AND started_at < ? LIMIT ${mostCounted + 1}) AS first_ones`;
const storedSql = "SELECT count(*) AS requests FROM requests WHERE started_at >= ? AND started_at < ?";

/** No instant that a request started at. */
const never = Number.MAX_SAFE_INTEGER;

/** Counts single requests. A model that totals do not tell from others was invented, or one too many: nor is it here. */
function* countSteps(tallies: Tallies, query: StatisticsQuery, since: number, before: number): Steps<void> {
  const { rows } = yield counted(query, since, before);
  // Behind them: what has come meanwhile is told of too much, and not too little.
  const told =
    query.by === "model" && new Set(yield* modelsIn([viewRange(usageViews.hourByModel, bucketStart(since, hourMs))]));
  for (const row of rows) {
    const record = recordOf(row);
    if (told !== false && !told.has(labelsOf(record).model)) record.isInvented = true;
    countRecord(tallies, record, query);
  }
}

function isWholeZone(instant: number): boolean {
  return new Date(instant).getTimezoneOffset() % 60 === 0;
}

interface Coverage {
  /** From here on totals are read. */
  readonly from: number;
  readonly ranges: readonly IdRange[];
  /** Totals of the bucket that ends there. */
  readonly before: IdRange;
}

/** Which totals answer a question, and from when on. */
function coverageOf({ by, key, since }: StatisticsQuery, now: number): Coverage {
  const hour = nextBucketStart(since, hourMs);
  if (key !== undefined)
    return { from: hour, ranges: [keyRange(key, hour)], before: keyRange(key, hour - hourMs, hour) };
  if (by === "day" || by === "hour") {
    const isWhole = isWholeZone(now) && isWholeZone(Math.max(since, Date.UTC(2000)));
    const view = isWhole ? usageViews.hour : usageViews.quarter;
    const from = nextBucketStart(since, view.grainMs);
    return { from, ranges: [viewRange(view, from)], before: viewRange(view, from - view.grainMs, from) };
  }
  const [hours, days] = viewsOf(by);
  const day = nextBucketStart(hour, dayMs);
  const ranges = [viewRange(hours, hour, day), viewRange(days, day)];
  return { from: hour, ranges, before: viewRange(hours, hour - hourMs, hour) };
}

function viewsOf(by: "key" | "model" | "provider" | undefined) {
  if (by === "key") return [usageViews.hourByKey, usageViews.dayByKey] as const;
  if (by === "model") return [usageViews.hourByModel, usageViews.dayByModel] as const;
  if (by === "provider") return [usageViews.hourByProvider, usageViews.dayByProvider] as const;
  return [usageViews.hour, usageViews.day] as const;
}

function counted({ key }: StatisticsQuery, since: number, before: number): Statement {
  return key === undefined
    ? statement(countedSql, since, before)
    : statement(`${countedSql} AND key_id = ?`, since, before, key);
}

/** Requests that started in some hours, as their totals say. */
function* totalOf({ from, to }: IdRange): Steps<number> {
  return numberIn((yield statement(hoursSql, from, to)).rows[0], "requests");
}

/** Requests of that time that are still there. */
function* storedBetween(since: number, before: number): Steps<number> {
  return numberIn((yield statement(storedSql, since, before)).rows[0], "requests");
}

/** Whether they are too many to be counted one by one. */
function* areMany(since: number, before: number): Steps<boolean> {
  return numberIn((yield statement(moreSql, since, before)).rows[0], "requests") > mostCounted;
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
 * of many the totals are read, and besides them only what lies before the first whole hour.
 */
export function* statisticsSteps(query: StatisticsQuery, now: number): Steps<StatisticsRow[]> {
  const tallies: Tallies = new Map();
  const asked = Math.ceil(query.since);
  if (yield* areFew(bucketStart(asked, hourMs))) {
    yield* countSteps(tallies, query, asked, never);
    return statisticsOf(tallies, query.by, true);
  }
  const since = yield* startOf(asked);
  const { from, ranges, before } = coverageOf({ ...query, since }, now);
  if (from > since && (yield* areMany(since, from))) yield* addPartSteps(tallies, { ...query, since, from, before });
  else if (from > since) yield* countSteps(tallies, query, since, from);
  yield* addTotalsSteps(tallies, query.by, ranges);
  return statisticsOf(tallies, query.by, false);
}
