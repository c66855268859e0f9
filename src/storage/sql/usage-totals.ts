import { localDay, localHour } from "../../telemetry/local-time.ts";
import { mostModels, otherModels } from "../../telemetry/model-label.ts";
import type { Grouping } from "../store.ts";
import { tables } from "../tables.ts";
import { type Tallies, tallyOf } from "../tallies.ts";
import { addNumbers, addRow } from "../usage/measures.ts";
import type { IdRange } from "../usage/ranges.ts";
import { inAnyOf } from "./dialect.ts";
import { numberIn, type SqlRow, type SqlValue, statement, type Steps, textIn } from "./steps.ts";

const columns = Object.keys(tables.usage.columns)
  .filter((name) => name !== "id" && name !== "bytes")
  .join(", ");
const totalsSql = `SELECT ${columns} FROM usage_totals WHERE id >= ? AND id < ?`;
const numbers = Object.entries(tables.usage.columns).filter(([name, kind]) => name !== "at" && /whole|real/.test(kind));
const sumsSql = `SELECT ${numbers.map(([name]) => `sum(${name}) AS ${name}`).join(", ")} FROM usage_totals WHERE id >= ? AND id < ?`;

const labelColumns = { key: "key_id", model: "model", provider: "provider" } as const;

function groupOfTotals(by: Grouping | undefined, row: SqlRow): string {
  if (by === undefined) return "all";
  if (by === "day") return localDay(numberIn(row, "at"));
  return by === "hour" ? localHour(numberIn(row, "at")) : textIn(row, labelColumns[by]);
}

/** Models that some totals tell apart, the busiest first; one more than statistics do, where there are more. */
export function* modelsIn(ranges: readonly IdRange[]): Steps<string[]> {
  const parts = ranges.map(() => "SELECT model, requests FROM usage_totals WHERE id >= ? AND id < ?");
  const sql = `SELECT model FROM (${parts.join(" UNION ALL ")}) AS parts
    WHERE model <> '${otherModels}' GROUP BY model ORDER BY sum(requests) DESC LIMIT ${mostModels + 1}`;
  const { rows } = yield statement(sql, ...ranges.flatMap(({ from, to }) => [from, to]));
  return rows.map((row) => textIn(row, "model"));
}

function* addRows(tallies: Tallies, by: Grouping | undefined, sql: string, values: SqlValue[]): Steps<void> {
  for (const row of (yield statement(sql, ...values)).rows)
    addRow(tallyOf(tallies, groupOfTotals(by, row)).measures, row);
}

/** Adds what some rows of totals say. Of too many models the busiest are told apart, and how long the others took is left out. */
export function* addTotalsSteps(tallies: Tallies, by: Grouping | undefined, ranges: readonly IdRange[]): Steps<void> {
  const models = by === "model" && ranges.length > 0 ? yield* modelsIn(ranges) : [];
  if (models.length <= mostModels) {
    for (const { from, to } of ranges) yield* addRows(tallies, by, totalsSql, [from, to]);
    return;
  }
  const busiest = inAnyOf("model", models.slice(0, mostModels));
  for (const { from, to } of ranges) {
    yield* addRows(tallies, by, `${totalsSql} AND ${busiest.sql}`, [from, to, ...busiest.values]);
    const [rest = {}] = (yield statement(`${sumsSql} AND NOT ${busiest.sql}`, from, to, ...busiest.values)).rows;
    if (numberIn(rest, "requests") > 0) addNumbers(tallyOf(tallies, otherModels).measures, rest);
  }
}
