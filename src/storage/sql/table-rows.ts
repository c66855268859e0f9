import { type Table, type TableName, tables, type TableRow } from "../tables.ts";
import { type Dialect, idsInList, inIds } from "./dialect.ts";
import { numberIn, type SqlRow, statement, type Steps, textIn } from "./steps.ts";

function rowOf(table: Table, row: SqlRow): TableRow {
  return Object.fromEntries(
    Object.entries(table.columns).map(([name, kind]) => {
      const value = row[name];
      if (value === null || value === undefined) return [name, null];
      return [name, kind === "whole" || kind === "real" ? Number(value) : textIn(row, name)];
    }),
  );
}

/** Rows of a table behind a key, in the order of keys. */
export function* rowsAfterSteps(table: Table, { after, limit }: { after: string; limit: number }): Steps<TableRow[]> {
  const columns = Object.keys(table.columns).join(", ");
  const sql = `SELECT ${columns} FROM ${table.name} WHERE ${table.key} > ? ORDER BY ${table.key} LIMIT ?`;
  return (yield statement(sql, after, limit)).rows.map((row) => rowOf(table, row));
}

/** Adds rows as they are; how many were new. In a transaction. */
export function* addRowsSteps(
  table: Table,
  { rows, dialect }: { rows: readonly TableRow[]; dialect: Dialect },
): Steps<number> {
  let added = 0;
  for (const step of dialect.insertNew(table, rows)) added += (yield step).changed;
  return added;
}

/** Deletes some rows; whether there were any. In a transaction. */
export function* deleteSomeSteps(table: Table): Steps<boolean> {
  const { key, name } = table;
  const { rows } = yield statement(`SELECT ${key} FROM ${name} ORDER BY ${key} LIMIT ${idsInList}`);
  if (rows.length === 0) return false;
  const { sql, values } = inIds(
    key,
    rows.map((row) => textIn(row, key)),
  );
  yield statement(`DELETE FROM ${name} WHERE ${sql}`, ...values);
  return true;
}

/** A document that was removed leaves a row behind. */
function thereOf(name: TableName): string {
  return name === "documents" ? "WHERE value IS NOT NULL" : "";
}

export function* countSteps(name: TableName): Steps<number> {
  const sql = `SELECT count(*) AS rows_there FROM ${tables[name].name} ${thereOf(name)}`;
  return numberIn((yield statement(sql)).rows[0], "rows_there");
}

/** The first table that has a row. */
export function* firstFilledSteps(): Steps<TableName | undefined> {
  for (const [name, table] of Object.entries(tables) as [TableName, Table][]) {
    const sql = `SELECT ${table.key} FROM ${table.name} ${thereOf(name)} LIMIT 1`;
    if ((yield statement(sql)).rows.length > 0) return name;
  }
  return undefined;
}

/**
 * Puts documents in the place of those that are there, under new versions: who follows changes sees each of them, and what
 * is not among them as removed. Those without a value were removed before: that is remembered too. In a transaction.
 */
export function* replaceDocumentsSteps(
  rows: readonly TableRow[],
  { dialect, now }: { dialect: Dialect; now: number },
): Steps<void> {
  const paths = new Set(rows.map((row) => row["path"]));
  yield statement("UPDATE counters SET value = value + 1 WHERE name = 'documents'");
  let version = numberIn((yield statement("SELECT value FROM counters WHERE name = 'documents'")).rows[0], "value");
  const there = (yield statement("SELECT path, kind, id FROM documents WHERE value IS NOT NULL")).rows;
  const gone = there
    .filter((row) => !paths.has(textIn(row, "path")))
    .map((row) => ({ path: textIn(row, "path"), kind: textIn(row, "kind"), id: textIn(row, "id"), value: null }));
  const changes = [...rows, ...gone].map((row): TableRow => ({
    updated_at: now,
    value: null,
    ...row,
    version: (version += 1),
  }));
  for (const step of dialect.put(tables.documents, changes)) yield step;
  yield statement("UPDATE counters SET value = ? WHERE name = 'documents'", version);
}
