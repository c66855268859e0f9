import type { RequestRecord } from "../../telemetry/request-record.ts";
import { requestColumns } from "../request-columns.ts";
import { recordOf } from "../request-row.ts";
import type { RequestsSize } from "../store.ts";
import type { TableRow } from "../tables.ts";
import { viewRange } from "../usage/ranges.ts";
import { hourMs, usageViews } from "../usage/views.ts";
import { idsInList, inIds } from "./dialect.ts";
import { maybeNumberIn, numberIn, statement, type Steps, textIn } from "./steps.ts";

const columns = Object.entries(requestColumns);
const columnList = columns.map(([name]) => name).join(", ");
const findSql = `SELECT ${columnList} FROM requests WHERE id = ?`;
/** Where nothing tells in which order requests ended, the last one is among those that started last. */
const lastSql = `SELECT ${columnList} FROM requests WHERE id = (
    SELECT id FROM (SELECT id, started_at, latency_ms FROM requests ORDER BY started_at DESC LIMIT 200) AS newest
    ORDER BY started_at + coalesce(latency_ms, 0) DESC, id DESC LIMIT 1)`;
const oldestIdsSql = `SELECT id FROM requests WHERE started_at < ? ORDER BY started_at LIMIT ${idsInList}`;
const oldestSql = "SELECT min(started_at) AS oldest FROM requests";
const hoursSql = "SELECT at, requests, bytes FROM usage_totals WHERE id >= ? AND id < ? ORDER BY id DESC";
const storedSql = "SELECT count(*) AS requests FROM requests WHERE started_at < ?";

export function requestRow(record: RequestRecord): TableRow {
  return Object.fromEntries(columns.map(([name, { of }]) => [name, of(record)]));
}

export function* findSteps(id: string): Steps<RequestRecord | undefined> {
  const [row] = (yield statement(findSql, id)).rows;
  return row && recordOf(row);
}

export function* lastSteps(): Steps<RequestRecord | undefined> {
  const [row] = (yield statement(lastSql)).rows;
  return row && recordOf(row);
}

/** Deletes the first ones that started before an instant; how many. */
export function* deleteBeforeSteps(instant: number): Steps<number> {
  const ids = (yield statement(oldestIdsSql, Math.ceil(instant))).rows.map((row) => textIn(row, "id"));
  if (ids.length === 0) return 0;
  const { sql, values } = inIds("id", ids);
  yield statement(`DELETE FROM requests WHERE ${sql}`, ...values);
  return ids.length;
}

interface Hour {
  readonly at: number;
  requests: number;
  bytes: number;
}

/** Totals of the hours that have requests left, the newest first. */
function* hoursSteps(): Steps<Hour[]> {
  const oldest = maybeNumberIn((yield statement(oldestSql)).rows[0] ?? {}, "oldest");
  if (oldest === undefined) return [];
  const { from, to } = viewRange(usageViews.hour, Math.floor(oldest / hourMs) * hourMs);
  const hours = new Map<number, Hour>();
  for (const row of (yield statement(hoursSql, from, to)).rows) {
    const at = numberIn(row, "at");
    const hour = hours.get(at) ?? { at, requests: 0, bytes: 0 };
    hours.set(at, hour);
    hour.requests += numberIn(row, "requests");
    hour.bytes += numberIn(row, "bytes");
  }
  const all = [...hours.values()];
  const first = all.at(-1);
  // Of the first hour some may be gone already.
  if (first !== undefined && first.requests > 0) {
    const left = numberIn((yield statement(storedSql, first.at + hourMs)).rows[0], "requests");
    first.bytes = (first.bytes * Math.min(left, first.requests)) / first.requests;
    first.requests = Math.min(left, first.requests);
  }
  return all;
}

export function* sizeSteps(): Steps<RequestsSize> {
  const hours = yield* hoursSteps();
  const oldest = maybeNumberIn((yield statement(oldestSql)).rows[0] ?? {}, "oldest");
  const sum = (part: "requests" | "bytes"): number => Math.round(hours.reduce((total, hour) => total + hour[part], 0));
  return { requests: sum("requests"), bytes: sum("bytes"), oldest };
}

/** Before when requests must go for the rest to take no more than `maxBytes`, as if each hour's came evenly; `undefined` = all may stay. */
export function* boundarySteps(maxBytes: number, now: number): Steps<number | undefined> {
  let bytes = 0;
  for (const hour of yield* hoursSteps()) {
    bytes += hour.bytes;
    if (bytes <= maxBytes) continue;
    const end = Math.max(hour.at, Math.min(hour.at + hourMs, now));
    return Math.ceil(hour.at + ((end - hour.at) * (bytes - maxBytes)) / hour.bytes);
  }
  return undefined;
}
