import { fitColumns } from "./fit-columns.ts";
import { type Column, type Palette, table } from "./output.ts";

export interface TableLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  readonly width: number;
  readonly colors: Palette;
}

/** What stands in the place of nothing. */
export const none = "-";

/** A table that fits: columns are cut, and those of `dispensable` titles left out one after the other where that is not enough. */
export function fittingTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, colors, dispensable }: TableLayout & { readonly dispensable: readonly string[] },
): string {
  for (let left = columns; ;) {
    const { columns: cut, fits } = fitColumns(left, rows, width);
    const least = dispensable.find((name) => left.some(({ title }) => title === name));
    if (fits || least === undefined) return table(cut, rows, colors);
    left = left.filter(({ title }) => title !== least);
  }
}

type Row = readonly [name: string, text: string];

/** A line for each field that is set. */
export function detailsTable(
  fields: readonly (readonly [name: string, text: string | undefined])[],
  { colors }: Pick<TableLayout, "colors">,
): string {
  const rows = fields.filter((row): row is Row => row[1] !== undefined && row[1] !== none);
  const columns: Column<Row>[] = [
    { title: "FIELD", text: ([name]) => name },
    { title: "VALUE", text: ([, text]) => text },
  ];
  return table(columns, rows, colors);
}
