export interface Coverage {
  /** Percent of all lines and functions of the files that the tests loaded. */
  lines: number;
  functions: number;
}

const totalsByRecord = { lines: ["LF", "LH"], functions: ["FNF", "FNH"] } as const;

/**
 * Totals of an LCOV report.
 * Bun's own `coverageThreshold` holds for each single file and does not say for which one it failed.
 */
export function readCoverage(lcov: string): Coverage {
  const sum = (record: string): number => {
    const values = [...lcov.matchAll(new RegExp(`^${record}:(\\d+)$`, "gm"))];
    return values.reduce((total, [, count]) => total + Number(count), 0);
  };
  const percent = ([found, hit]: readonly [string, string]): number => (100 * sum(hit)) / Math.max(1, sum(found));
  return { lines: percent(totalsByRecord.lines), functions: percent(totalsByRecord.functions) };
}

/** What falls below the floor, in words; empty when nothing does. */
export function belowFloor(coverage: Coverage, floor: Coverage): string[] {
  return (["lines", "functions"] as const)
    .filter((kind) => coverage[kind] < floor[kind])
    .map((kind) => `Tests cover ${coverage[kind].toFixed(1)} % of the ${kind}; the floor is ${floor[kind]} %.`);
}
