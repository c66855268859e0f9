import { idsInList, inIds } from "./dialect.ts";
import { jsonValue } from "./json-column.ts";
import { maybeTextIn, type SqlRow, statement, type Steps, textIn } from "./steps.ts";

/** By id. */
export type Names = ReadonlyMap<string, string>;

const storedSql = "SELECT path AS subject, value FROM documents WHERE value IS NOT NULL AND";
const deletedSql = "SELECT subject, before_value AS value FROM audit_log WHERE action = ? AND";

function nameIn(row: SqlRow): string | undefined {
  const value = jsonValue(maybeTextIn(row, "value") ?? "null");
  if (typeof value !== "object" || value === null || !("name" in value)) return undefined;
  return typeof value.name === "string" ? value.name : undefined;
}

interface NameQuestion {
  readonly kind: string;
  readonly ids: readonly string[];
  /** Up to where the ids are listed. */
  readonly sql: string;
  /** Of `kind/id`, which is what documents and entries of the audit log are known by. */
  readonly column: string;
  readonly values?: readonly string[];
}

function* namesIn({ kind, ids, sql, column, values = [] }: NameQuestion): Steps<Names> {
  const names = new Map<string, string>();
  for (let at = 0; at < ids.length; at += idsInList) {
    const paths = ids.slice(at, at + idsInList).map((id) => `${kind}/${id}`);
    const list = inIds(column, paths);
    for (const row of (yield statement(`${sql} ${list.sql}`, ...values, ...list.values)).rows) {
      const name = nameIn(row);
      if (name !== undefined) names.set(textIn(row, "subject").slice(kind.length + 1), name);
    }
  }
  return names;
}

/** What documents were called when they were deleted, as far as the audit log goes back. */
export function deletedNamesSteps(kind: string, ids: readonly string[]): Steps<Names> {
  return namesIn({ kind, ids, sql: deletedSql, column: "subject", values: [`${kind}.delete`] });
}

/** What documents are called, or were when they were deleted. Those of whom nothing is known are left out. */
export function* namesSteps(kind: string, ids: readonly string[]): Steps<Names> {
  const names = yield* namesIn({ kind, ids, sql: storedSql, column: "path" });
  const gone = ids.filter((id) => !names.has(id));
  return new Map([...names, ...(yield* deletedNamesSteps(kind, gone))]);
}
