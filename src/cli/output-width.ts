/** Columns of a terminal; Infinity for a file or a pipe, which take lines of any length. */
export function outputWidth({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number {
  if (isTTY !== true) return Number.POSITIVE_INFINITY;
  return columns !== undefined && columns > 0 ? columns : 80;
}
