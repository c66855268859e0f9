export interface CollectedLines {
  readonly seen: readonly string[];
  take(line: string): void;
  /** Resolves with all lines so far when there are at least that many. */
  until(count: number): Promise<readonly string[]>;
}

/** A listener that a test can wait on. */
export function collectLines(): CollectedLines {
  const seen: string[] = [];
  let wake: (() => void) | undefined;
  return {
    seen,
    take(line) {
      seen.push(line);
      wake?.();
    },
    async until(count) {
      while (seen.length < count) {
        const next = Promise.withResolvers<void>();
        wake = () => next.resolve();
        await next.promise;
      }
      return seen;
    },
  };
}
