import { bytesIn, cutToBytes, type Dialect, assignments } from "../sql/dialect.ts";
import { type SqlValue, type Statement, statement } from "../sql/steps.ts";
import type { Table, TableRow } from "../tables.ts";

const texts = new Map<string, string>();
/** Far below what a text may have (1 GiB), because a batch of them goes into one value. */
const mostTextBytes = 4 * 1024 * 1024;
const mostBatchBytes = 8 * 1024 * 1024;

/** `?` becomes `$1`, `$2` …: no statement of ours has one in a text. */
function numbered(sql: string): string {
  const known = texts.get(sql);
  if (known !== undefined) return known;
  let count = 0;
  const text = sql.replaceAll("?", () => `$${(count += 1)}`);
  texts.set(sql, text);
  return text;
}

/** A text of PostgreSQL has no NUL, and no half characters. */
function storable(value: SqlValue): SqlValue {
  if (typeof value !== "string") return value;
  return cutToBytes(value.replaceAll("\u0000", "\uFFFD").toWellFormed(), mostTextBytes);
}

/** Rows in as few statements as their size allows: each is one value, so there is one text however many there are. */
function insertRecords(table: Table, rows: readonly TableRow[], onConflict: string): Statement[] {
  const names = Object.keys(table.columns);
  const columns = names.join(", ");
  // As a text: what the driver takes for JSON it would write as JSON once more.
  const sql = `INSERT INTO ${table.name} (${columns})
    SELECT ${columns} FROM json_populate_recordset(NULL::${table.name}, ?::text::json) ON CONFLICT (${table.key}) ${onConflict}`;
  const batches: TableRow[][] = [[]];
  let bytes = 0;
  for (const row of rows) {
    const clean = Object.fromEntries(names.map((name) => [name, storable(row[name] ?? null)]));
    const size = bytesIn(Object.values(clean));
    if (bytes > 0 && bytes + size > mostBatchBytes) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(clean);
    bytes += size;
  }
  return batches.filter((batch) => batch.length > 0).map((batch) => statement(sql, JSON.stringify(batch)));
}

export const postgresDialect: Dialect = {
  text: numbered,
  // The driver can cancel a query here.
  bounded: (sql) => sql,
  insertNew: (table, rows) => insertRecords(table, rows, "DO NOTHING"),
  put: (table, rows) =>
    insertRecords(table, rows, `DO UPDATE SET ${assignments(table, (column) => `excluded.${column}`)}`),
};
