import { rowsAfterSteps } from "../sql/table-rows.ts";
import type { Read } from "../table-access.ts";
import { type Table, type TableName, tableNames, type TableRow, tables } from "../tables.ts";

export interface NamedRow {
  readonly name: TableName;
  readonly row: TableRow;
}

/** How many rows each table has. */
export type RowCounts = Record<TableName, number>;

export function noRows(): RowCounts {
  return Object.fromEntries(tableNames.map((name) => [name, 0])) as RowCounts;
}

/** Counts it, unless it is what is left of a document that was removed: as `orcestator db check` counts. */
export function countRow(counts: RowCounts, { name, row }: NamedRow): void {
  const isRemoved = name === "documents" && (row["value"] ?? null) === null;
  if (!isRemoved) counts[name] += 1;
}

/** Texts may be long. */
const pageRows = 100;

async function* rowsOf(table: Table, read: Read): AsyncGenerator<TableRow> {
  for (let after = ""; ;) {
    const rows = await read(rowsAfterSteps(table, { after, limit: pageRows }));
    yield* rows;
    const last = rows.at(-1)?.[table.key];
    if (rows.length < pageRows || typeof last !== "string") return;
    after = last;
  }
}

/** Everything in a database, table by table. */
export async function* allRows(read: Read): AsyncGenerator<NamedRow> {
  for (const name of tableNames) {
    for await (const row of rowsOf(tables[name], read)) yield { name, row };
  }
}
