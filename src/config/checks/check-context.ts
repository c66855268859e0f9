import type { LocatedProblem } from "../config-error.ts";
import type { DeclaredNames } from "../declared-names.ts";
import type { Config } from "../schema.ts";

export interface CheckContext {
  readonly cwd: string;
  readonly declared: DeclaredNames;
  /** As the schema read it, before anything was left out: what is told of a place in the file must count as the file does. */
  readonly written: Config;
  /** Whether the files it names must be there. */
  readonly needsFiles: boolean;
}

export interface CheckResult {
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly string[];
}
