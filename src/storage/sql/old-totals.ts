import { type IdRange, keyRange, viewRange } from "../usage/ranges.ts";
import { bucketStart, hourMs, usageViews } from "../usage/views.ts";
import { idsInList, inIds } from "./dialect.ts";
import { maybeNumberIn, numberIn, statement, type Steps, textIn } from "./steps.ts";

/** Each is a question of its own. */
const hoursAtOnce = 100;
const firstIdsSql = `SELECT id FROM usage_totals WHERE id >= ? AND id < ? ORDER BY id LIMIT ${idsInList}`;
const hoursOfKeysSql = `SELECT id, key_id, at FROM usage_totals WHERE id >= ? AND id < ? ORDER BY id LIMIT ${hoursAtOnce}`;
const oldestSql = "SELECT min(started_at) AS oldest FROM requests";

const { base: _base, hourByKey, ...viewsByTime } = usageViews;

function* deleteIds(ids: readonly string[]): Steps<number> {
  if (ids.length === 0) return 0;
  const { sql, values } = inIds("id", ids);
  yield statement(`DELETE FROM usage_totals WHERE ${sql}`, ...values);
  return ids.length;
}

/** Deletes the first ones of a range; how many. */
function* deleteFirst({ from, to }: IdRange): Steps<number> {
  const { rows } = yield statement(firstIdsSql, from, to);
  return yield* deleteIds(rows.map((row) => textIn(row, "id")));
}

/**
 * The rows of one key stand together before they do by time: those that are old are found by its totals of each hour, which
 * go when nothing else of that hour is left.
 */
function* deleteOfKeys(before: number): Steps<number> {
  const { from, to } = viewRange(hourByKey, 0, bucketStart(before, hourMs));
  const done: string[] = [];
  let deleted = 0;
  for (const row of (yield statement(hoursOfKeysSql, from, to)).rows) {
    const at = numberIn(row, "at");
    const ofHour = yield* deleteFirst(keyRange(textIn(row, "key_id"), at, at + hourMs));
    deleted += ofHour;
    if (ofHour < idsInList) done.push(textIn(row, "id"));
    if (deleted >= idsInList) break;
  }
  return deleted + (yield* deleteIds(done));
}

/**
 * Deletes the first totals of hours and days that ended before an instant, a few hundred at most; how many. Those of
 * requests that are still there stay: by them it is known how much there is.
 */
export function* deleteTotalsSteps(instant: number): Steps<number> {
  const oldest = maybeNumberIn((yield statement(oldestSql)).rows[0] ?? {}, "oldest");
  const before = Math.min(instant, oldest ?? instant);
  for (const view of Object.values(viewsByTime)) {
    const deleted = yield* deleteFirst(viewRange(view, 0, bucketStart(before, view.grainMs)));
    if (deleted > 0) return deleted;
  }
  return yield* deleteOfKeys(before);
}
