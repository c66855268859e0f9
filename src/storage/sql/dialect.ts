import type { ColumnKind, Table, TableRow } from "../tables.ts";
import { type SqlValue, type Statement, statement } from "./steps.ts";

/** What an engine does in a way of its own. Statements that it is not asked for are the same everywhere. */
export interface Dialect {
  /** The text of a statement, whose values stand as `?`. */
  readonly text: (sql: string) => string;
  /** A SELECT that the server itself ends after so long, where nobody can from outside. */
  readonly bounded: (sql: string, timeoutMs: number) => string;
  /** Adds rows; those whose key is there already stay as they are, and do not count as changed. */
  readonly insertNew: (table: Table, rows: readonly TableRow[]) => Statement[];
  /** Writes rows, also over those with the same key. */
  readonly put: (table: Table, rows: readonly TableRow[]) => Statement[];
}

/** A text cut so that it takes so many bytes at most, and never through a character. */
export function cutToBytes(text: string, mostBytes: number): string {
  if (text.length * 3 <= mostBytes || Buffer.byteLength(text) <= mostBytes) return text;
  const mark = "…";
  const whole = Buffer.from(text);
  let end = mostBytes - Buffer.byteLength(mark);
  // Half a character at the end: its first byte begins with 11, the others with 10.
  while (end > 0 && ((whole[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return whole.subarray(0, end).toString() + mark;
}

export interface ValueLists {
  /** Numbers of rows that statements come in, from the largest to 1: each is a text of its own that the server prepares once. */
  readonly sizes: readonly number[];
  readonly mostBytes: number;
  /** Behind the rows of an INSERT. */
  readonly onConflict: (table: Table) => string;
  readonly storable: (kind: ColumnKind, value: SqlValue) => SqlValue;
}

const texts = new Map<string, string>();

function insertText(table: Table, { size, onConflict }: { size: number; onConflict: string }): string {
  const name = `${table.name} ${size} ${onConflict}`;
  const known = texts.get(name);
  if (known !== undefined) return known;
  const columns = Object.keys(table.columns);
  const row = `(${columns.map(() => "?").join(", ")})`;
  const rows = Array.from({ length: size }, () => row).join(", ");
  const text = `INSERT INTO ${table.name} (${columns.join(", ")}) VALUES ${rows} ${onConflict}`;
  texts.set(name, text);
  return text;
}

export function bytesIn(values: readonly SqlValue[]): number {
  return values.reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length * 2 : 9), 0);
}

/** How many rows from `at` on fit into one statement. */
function fitting(rows: readonly (readonly SqlValue[])[], at: number, { sizes, mostBytes }: ValueLists): number {
  return (
    sizes.find((size) => {
      if (at + size > rows.length) return false;
      const bytes = rows.slice(at, at + size).reduce((sum, values) => sum + bytesIn(values), 0);
      return bytes <= mostBytes;
    }) ?? 1
  );
}

/** Rows as INSERT statements with lists of values. */
export function insertLists(table: Table, rows: readonly TableRow[], lists: ValueLists): Statement[] {
  const kinds = Object.entries(table.columns);
  const values = rows.map((row) => kinds.map(([name, kind]) => lists.storable(kind, row[name] ?? null)));
  const onConflict = lists.onConflict(table);
  const statements: Statement[] = [];
  for (let at = 0; at < values.length;) {
    const size = fitting(values, at, lists);
    statements.push(statement(insertText(table, { size, onConflict }), ...values.slice(at, at + size).flat()));
    at += size;
  }
  return statements;
}

/** `a = x(a), b = x(b)` for every column but the key. */
export function assignments({ key, columns }: Table, write: (column: string) => string): string {
  return Object.keys(columns)
    .filter((name) => name !== key)
    .map((name) => `${name} = ${write(name)}`)
    .join(", ");
}

/** As many ids in one list at most; it is filled up with the last one, so that there is one text for all lengths. */
export const idsInList = 250;

const idMarks = Array.from({ length: idsInList }, () => "?").join(", ");

/** `(column IN (…) OR column IN (…))` for any number of values. */
export function inAnyOf(column: string, values: readonly string[]): Statement {
  if (values.length === 0) return statement("(1 = 0)");
  const lists: ReturnType<typeof inIds>[] = [];
  for (let at = 0; at < values.length; at += idsInList) lists.push(inIds(column, values.slice(at, at + idsInList)));
  return statement(`(${lists.map(({ sql }) => sql).join(" OR ")})`, ...lists.flatMap((list) => list.values));
}

/** `column IN (…)` for up to `idsInList` ids. */
export function inIds(column: string, ids: readonly string[]): { sql: string; values: string[] } {
  const last = ids.at(-1) ?? "";
  const values = Array.from({ length: idsInList }, (_, index) => ids[index] ?? last);
  return { sql: `${column} IN (${idMarks})`, values };
}
