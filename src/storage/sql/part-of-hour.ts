import { requestGroup, type Tallies, tallyOf } from "../tallies.ts";
import type { Grouping, StatisticsQuery } from "../store.ts";
import { addPart } from "../usage/measures.ts";
import type { IdRange } from "../usage/ranges.ts";
import { maybeTextIn, type SqlRow, type SqlValue, type Statement, type Steps, textIn } from "./steps.ts";
import { addTotalsSteps } from "./usage-totals.ts";

const sums = `count(*) AS requests,
  sum(CASE WHEN end_reason IN ('completed', 'client_cancelled') THEN 0 ELSE 1 END) AS errors,
  sum(tokens_input) AS tokens_input, sum(tokens_cache_read) AS tokens_cache_read,
  sum(tokens_cache_write) AS tokens_cache_write, sum(tokens_output) AS tokens_output,
  sum(tokens_reasoning) AS tokens_reasoning, sum(cost_usd) AS cost_usd`;

/** What tells the groups apart inside of one hour. */
const labels: Readonly<Record<Grouping, readonly string[]>> = {
  model: ["model_served", "model_asked"],
  key: ["key_id"],
  provider: ["provider"],
  day: [],
  hour: [],
};

export interface PartOfHour extends Pick<StatisticsQuery, "by" | "key"> {
  /** Requests that started at or after it, epoch milliseconds. */
  readonly since: number;
  /** And before this. */
  readonly from: number;
  /** Totals of the hour, or quarter of an hour, that both lie in. */
  readonly before: IdRange;
}

function sumsOf({ by, key, since, from }: PartOfHour): Statement {
  const columns = by === undefined ? [] : labels[by];
  const values: SqlValue[] = key === undefined ? [since, from] : [since, from, key];
  const ofKey = key === undefined ? "" : " AND key_id = ?";
  const where = `started_at >= ? AND started_at < ?${ofKey}`;
  // Without a GROUP BY there would be a row also of nothing.
  const groups = columns.length === 0 ? "HAVING count(*) > 0" : `GROUP BY ${columns.join(", ")}`;
  return { sql: `SELECT ${[...columns, sums].join(", ")} FROM requests WHERE ${where} ${groups}`, values };
}

function groupIn(row: SqlRow, { by, since }: PartOfHour): string {
  return requestGroup(by, {
    startedAt: since,
    keyId: textIn(row, "key_id"),
    modelServed: maybeTextIn(row, "model_served"),
    modelAsked: textIn(row, "model_asked"),
    provider: maybeTextIn(row, "provider"),
  });
}

/**
 * Adds requests that are too many to be counted one by one. The engine adds up their numbers; how long they took is told as
 * it was in the whole hour.
 */
export function* addPartSteps(tallies: Tallies, part: PartOfHour): Steps<void> {
  const whole: Tallies = new Map();
  yield* addTotalsSteps(whole, part.by, part.before);
  for (const row of (yield sumsOf(part)).rows) {
    const group = groupIn(row, part);
    addPart(tallyOf(tallies, group).measures, row, tallyOf(whole, group).measures);
  }
}
