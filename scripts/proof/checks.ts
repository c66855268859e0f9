/** Runs named checks one after another and counts them; a failing one does not stop the next. */
export interface Checks {
  /** Prints one line; `run` fails by throwing. Resolves to whether it passed. */
  check(name: string, run: () => unknown): Promise<boolean>;
  readonly passed: number;
  readonly failed: number;
}

export function createChecks(): Checks {
  let passed = 0;
  let failed = 0;
  return {
    async check(name, run) {
      const startedAt = performance.now();
      try {
        await run();
        passed += 1;
        console.log(`  ok    ${name} (${Math.round(performance.now() - startedAt)} ms)`);
        return true;
      } catch (error) {
        failed += 1;
        console.log(`  FAIL  ${name}\n        ${String(error).replaceAll("\n", "\n        ")}`);
        return false;
      }
    },
    get passed() {
      return passed;
    },
    get failed() {
      return failed;
    },
  };
}

/** Runs a whole proof and prints its totals; resolves to the exit code. What breaks it off counts as one failure more. */
export async function prove(proof: (checks: Checks) => Promise<void>): Promise<number> {
  const checks = createChecks();
  try {
    await proof(checks);
  } catch (error) {
    await checks.check("everything could be tried", () => Promise.reject(error));
  }
  return reportTotals(checks);
}

/** Prints the line that `.ci/run` and people look for, alone and last; returns the exit code. */
export function reportTotals(totals: { passed: number; failed: number }): number {
  console.log(`${totals.passed} passed, ${totals.failed} failed`);
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}
