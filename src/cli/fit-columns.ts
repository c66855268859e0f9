import { type Column, displayWidth, printable } from "./output.ts";

const gap = 2;

/**
 * The columns with those that may be narrower (`narrowest`) cut, the widest first, until their table is at most `width`
 * columns wide; `fits` is false when that is not enough.
 */
export function fitColumns<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): { columns: Column<Row>[]; fits: boolean } {
  const widths = columns.map(({ title, text, maxWidth = Number.POSITIVE_INFINITY }) =>
    rows.reduce(
      (widest, row) => Math.max(widest, Math.min(maxWidth, displayWidth(printable(text(row))))),
      displayWidth(title),
    ),
  );
  let excess = widths.reduce((sum, each) => sum + each + gap, -gap) - width;
  while (excess > 0) {
    const room = widths.map((each, index) => (each > (columns[index]?.narrowest ?? each) ? each : 0));
    const widest = room.indexOf(Math.max(...room));
    if ((room[widest] ?? 0) === 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  const cut = columns.map((column, index): Column<Row> => {
    const own = widths[index];
    return column.narrowest === undefined || own === undefined ? column : { ...column, maxWidth: own };
  });
  return { columns: cut, fits: excess <= 0 };
}
