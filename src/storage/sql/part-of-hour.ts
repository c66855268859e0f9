import { otherModels } from "../../telemetry/model-label.ts";
import { requestGroup, type Tallies, tallyOf } from "../tallies.ts";
import type { Grouping, StatisticsQuery } from "../store.ts";
import { addPart } from "../usage/measures.ts";
import type { IdRange } from "../usage/ranges.ts";
import { inAnyOf } from "./dialect.ts";
import { type SqlRow, statement, type Statement, type Steps, textIn } from "./steps.ts";
import { addTotalsSteps } from "./usage-totals.ts";

const everything = statement("1 = 1");
const nothingMore = statement("");

const sums = `count(*) AS requests,
  sum(CASE WHEN end_reason IN ('completed', 'client_cancelled') THEN 0 ELSE 1 END) AS errors,
  sum(tokens_input) AS tokens_input, sum(tokens_cache_read) AS tokens_cache_read,
  sum(tokens_cache_write) AS tokens_cache_write, sum(tokens_output) AS tokens_output,
  sum(tokens_reasoning) AS tokens_reasoning, sum(cost_usd) AS cost_usd`;

/** What tells the groups apart inside of one hour; a model as `labelsOf` has it, but for names that are too long for any. */
const labels = {
  model: "coalesce(nullif(model_served, ''), nullif(model_asked, ''), '(none)')",
  key: "key_id",
  provider: "provider",
  day: undefined,
  hour: undefined,
} satisfies Readonly<Record<Grouping, string | undefined>>;

export interface PartOfHour extends Pick<StatisticsQuery, "by" | "key"> {
  /** Requests that started at or after it, epoch milliseconds. */
  readonly since: number;
  /** And before this. */
  readonly from: number;
  /** Totals of the hour, or quarter of an hour, that both lie in. */
  readonly before: IdRange;
}

/** Sums of each group, or of all that fits `condition`. */
function sumsOf({ by, key, since, from }: PartOfHour, condition: Statement = everything): Statement {
  const label = by && labels[by];
  const ofKey = key === undefined ? nothingMore : statement(" AND key_id = ?", key);
  const where = `started_at >= ? AND started_at < ?${ofKey.sql} AND ${condition.sql}`;
  // Without a GROUP BY there would be a row also of nothing.
  const groups = label === undefined ? "HAVING count(*) > 0" : `GROUP BY ${label}`;
  const sql = `SELECT ${label === undefined ? "" : `${label} AS label, `}${sums} FROM requests WHERE ${where} ${groups}`;
  return statement(sql, since, from, ...ofKey.values, ...condition.values);
}

function groupIn(row: SqlRow, { by, since }: PartOfHour): string {
  const label = textIn(row, "label");
  return requestGroup(by, {
    startedAt: since,
    keyId: label,
    modelServed: label,
    modelAsked: label,
    provider: label,
  });
}

/**
 * Adds requests that are too many to be counted one by one. The engine adds up their numbers; how long they took is told as
 * it was in the whole hour. Models that its totals do not tell apart are not told apart here.
 */
export function* addPartSteps(tallies: Tallies, part: PartOfHour): Steps<void> {
  const whole: Tallies = new Map();
  yield* addTotalsSteps(whole, part.by, [part.before]);
  const told = part.by === "model" ? inAnyOf(labels.model, [...whole.keys()]) : everything;
  for (const row of (yield sumsOf(part, told)).rows) {
    const group = groupIn(row, part);
    addPart(tallyOf(tallies, group).measures, row, tallyOf(whole, group).measures);
  }
  if (part.by !== "model") return;
  const others = statement(`NOT ${told.sql}`, ...told.values);
  const rows = (yield sumsOf({ ...part, by: undefined }, others)).rows;
  for (const row of rows) addPart(tallyOf(tallies, otherModels).measures, row, tallyOf(whole, otherModels).measures);
}
