import { localDay, localHour } from "../../telemetry/local-time.ts";
import type { Grouping } from "../store.ts";
import { tables } from "../tables.ts";
import { type Tallies, tallyOf } from "../tallies.ts";
import { addRow } from "../usage/measures.ts";
import type { IdRange } from "../usage/ranges.ts";
import { numberIn, type SqlRow, statement, type Steps, textIn } from "./steps.ts";

const columns = Object.keys(tables.usage.columns)
  .filter((name) => name !== "id" && name !== "bytes")
  .join(", ");
const totalsSql = `SELECT ${columns} FROM usage_totals WHERE id >= ? AND id < ?`;

const labelColumns = { key: "key_id", model: "model", provider: "provider" } as const;

function groupOfTotals(by: Grouping | undefined, row: SqlRow): string {
  if (by === undefined) return "all";
  if (by === "day") return localDay(numberIn(row, "at"));
  return by === "hour" ? localHour(numberIn(row, "at")) : textIn(row, labelColumns[by]);
}

/** Adds what some rows of totals say. */
export function* addTotalsSteps(tallies: Tallies, by: Grouping | undefined, { from, to }: IdRange): Steps<void> {
  for (const row of (yield statement(totalsSql, from, to)).rows)
    addRow(tallyOf(tallies, groupOfTotals(by, row)).measures, row);
}
