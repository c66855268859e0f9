import { invalidRequest } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import type { AuditEntry, AuditPage, AuditQuery, NewAuditEntry } from "../audit-log.ts";
import { tables } from "../tables.ts";
import { checkLimit, cursorOf, positionOf } from "./cursor.ts";
import { type Dialect, idsInList, inIds } from "./dialect.ts";
import { jsonText, jsonValue } from "./json-column.ts";
import { maybeTextIn, numberIn, type SqlRow, type SqlValue, statement, type Steps, textIn } from "./steps.ts";

const longest = 200;
const columns = Object.keys(tables.audit.columns).join(", ");
const oldestIdsSql = `SELECT id FROM audit_log WHERE at < ? ORDER BY at, id LIMIT ${idsInList}`;
const behindSql = "at <= ? AND (at < ? OR id < ?)";

function listSql(conditions: readonly string[]): string {
  const where = [behindSql, ...conditions].join(" AND ");
  return `SELECT ${columns} FROM audit_log WHERE ${where} ORDER BY at DESC, id DESC LIMIT ?`;
}

function checkText(text: string, param: string): string {
  if (text !== "" && text.length <= longest) return text.toWellFormed().replaceAll("\u0000", "\uFFFD");
  throw invalidRequest(`${param} of an audit entry is 1 to ${longest} characters.`, param);
}

function maybeJson(value: unknown, what: string): string | null {
  return value === undefined ? null : jsonText(value, what);
}

function valueIn(row: SqlRow, column: string): unknown {
  const text = maybeTextIn(row, column);
  return text === undefined ? undefined : jsonValue(text);
}

function entryOf(row: SqlRow): AuditEntry {
  return {
    id: textIn(row, "id"),
    at: numberIn(row, "at"),
    actor: textIn(row, "actor"),
    action: textIn(row, "action"),
    subject: textIn(row, "subject"),
    before: valueIn(row, "before_value"),
    after: valueIn(row, "after_value"),
    detail: valueIn(row, "detail"),
  };
}

export function* appendSteps(
  entry: NewAuditEntry,
  { dialect, now }: { dialect: Dialect; now: number },
): Steps<AuditEntry> {
  const { id = createId("aud_", now), at = now } = entry;
  const row = {
    id: checkText(id, "id"),
    at,
    actor: checkText(entry.actor, "actor"),
    action: checkText(entry.action, "action"),
    subject: checkText(entry.subject, "subject"),
    before_value: maybeJson(entry.before, "The value before"),
    after_value: maybeJson(entry.after, "The value after"),
    detail: maybeJson(entry.detail, "The detail"),
  };
  for (const step of dialect.insertNew(tables.audit, [row])) yield step;
  return entryOf(row);
}

/** Deletes the first ones of before an instant; how many. */
export function* deleteAuditSteps(instant: number): Steps<number> {
  const ids = (yield statement(oldestIdsSql, Math.ceil(instant))).rows.map((row) => textIn(row, "id"));
  if (ids.length === 0) return 0;
  const { sql, values } = inIds("id", ids);
  yield statement(`DELETE FROM audit_log WHERE ${sql}`, ...values);
  return ids.length;
}

export function* auditPageSteps({ limit, cursor, actor, subject }: AuditQuery): Steps<AuditPage> {
  checkLimit(limit);
  const { time, id } = positionOf(cursor);
  const conditions: string[] = [];
  const values: SqlValue[] = [time, time, id];
  for (const [column, value] of Object.entries({ actor, subject })) {
    if (value === undefined) continue;
    conditions.push(`${column} = ?`);
    values.push(value);
  }
  const { rows } = yield { sql: listSql(conditions), values: [...values, limit + 1] };
  const entries = rows.slice(0, limit).map(entryOf);
  const last = entries.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { entries, cursor: hasMore ? cursorOf({ time: last.at, id: last.id }) : undefined };
}
