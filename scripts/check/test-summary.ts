export interface TestCounts {
  passed: number;
  failed: number;
}

/** Counts of `bun test`'s closing lines: ` 12 pass`, ` 1 fail`, and ` 1 error` for what failed outside of a test. */
export function readTestSummary(output: string): TestCounts {
  const count = (word: string): number => {
    const matches = [...output.matchAll(new RegExp(`^ (\\d+) ${word}s?$`, "gm"))];
    return Number(matches.at(-1)?.[1] ?? 0);
  };
  return { passed: count("pass"), failed: count("fail") + count("error") };
}
