import { describe, expect, test } from "bun:test";
import { belowFloor, readCoverage } from "../../scripts/check/coverage.ts";

const lcov = `TN:
SF:src/a.ts
FNF:4
FNH:2
DA:1,1
LF:10
LH:9
end_of_record
TN:
SF:src/b.ts
FNF:4
FNH:4
LF:90
LH:81
end_of_record
`;

describe("the coverage floor", () => {
  test("is held against the totals of all files", () => {
    expect(readCoverage(lcov)).toEqual({ lines: 90, functions: 75 });
  });

  test("is kept by what equals it", () => {
    expect(belowFloor({ lines: 90, functions: 75 }, { lines: 90, functions: 75 })).toEqual([]);
  });

  test("is broken by an empty report", () => {
    expect(belowFloor(readCoverage(""), { lines: 1, functions: 1 })).toHaveLength(2);
  });

  test("says what fell below it, and how far", () => {
    expect(belowFloor({ lines: 90, functions: 75 }, { lines: 80, functions: 80 })).toEqual([
      "Tests cover 75.0 % of the functions; the floor is 80 %.",
    ]);
  });
});
