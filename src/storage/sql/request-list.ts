import { requestColumns } from "../request-columns.ts";
import { recordOf } from "../request-row.ts";
import type { RequestFilter, RequestPage, RequestQuery } from "../store.ts";
import { checkLimit, cursorOf, type Position, positionOf } from "./cursor.ts";
import { numberIn, type SqlRow, type SqlValue, type Steps, textIn } from "./steps.ts";

/** Requests that one page looks at to find those that fit. */
const mostLookedAt = 10_000;

const order = "ORDER BY started_at DESC, id DESC";
/** With the first two conditions an index is used; the third one is for those that started together. */
const behindSql = "started_at >= ? AND started_at <= ? AND (started_at < ? OR id < ?)";
const columns = Object.keys(requestColumns)
  .map((name) => `requests.${name}`)
  .join(", ");
const narrow = "id, started_at, model_asked, model_served, status, key_id, provider";
const windowSql = `SELECT ${narrow} FROM requests WHERE ${behindSql} ${order} LIMIT ${mostLookedAt}`;
const windowEndSql = `SELECT id, started_at FROM requests WHERE ${behindSql} ${order} LIMIT 1 OFFSET ${mostLookedAt - 1}`;

interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

function conditionsOf({ model, status, key, provider }: RequestFilter): Condition[] {
  const conditions: Condition[] = [];
  if (model !== undefined) conditions.push({ sql: "(model_served = ? OR model_asked = ?)", values: [model, model] });
  if (status !== undefined) conditions.push({ sql: "status = ?", values: [status] });
  if (key !== undefined) conditions.push({ sql: "key_id = ?", values: [key] });
  if (provider !== undefined) conditions.push({ sql: "provider = ?", values: [provider] });
  return conditions;
}

/** Looks through narrow rows and takes the wide ones of those that fit. */
function pageSql(conditions: readonly Condition[]): string {
  const fits = conditions.length === 0 ? "" : `WHERE ${conditions.map(({ sql }) => sql).join(" AND ")}`;
  return `SELECT ${columns} FROM requests JOIN
    (SELECT id FROM (${windowSql}) AS looked_at ${fits} ${order} LIMIT ?) AS page ON page.id = requests.id
    ORDER BY requests.started_at DESC, requests.id DESC`;
}

function positionIn(row: SqlRow): Position {
  return { time: numberIn(row, "started_at"), id: textIn(row, "id") };
}

export function* listSteps(query: RequestQuery): Steps<RequestPage> {
  const { limit, cursor, since = 0 } = query;
  checkLimit(limit);
  const { time, id } = positionOf(cursor);
  const behind: SqlValue[] = [Math.ceil(since), time, time, id];
  const conditions = conditionsOf(query);
  const values = conditions.flatMap((condition) => condition.values);
  const { rows } = yield { sql: pageSql(conditions), values: [...behind, ...values, limit + 1] };
  const requests = rows.slice(0, limit).map(recordOf);
  const last = rows[limit - 1];
  if (rows.length > limit && last !== undefined) return { requests, cursor: cursorOf(positionIn(last)) };
  if (conditions.length === 0) return { requests, cursor: undefined };
  const [end] = (yield { sql: windowEndSql, values: behind }).rows;
  return { requests, cursor: end && cursorOf(positionIn(end)) };
}
