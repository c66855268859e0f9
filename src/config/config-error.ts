import type { ConfigPath } from "./path.ts";

/**
 * Where a value came from: `flag`, `env NAME`, `env NAME (.env)`, `file orcestator.yaml`, `default`, or `overlay`: a change
 * that the admin API made.
 */
export type Origin = "flag" | "default" | "overlay" | `env ${string}` | `file ${string}`;

type ProblemKind =
  /** A value the schema refuses, an unknown key, a broken reference. */
  | "invalid"
  /** The file cannot be found, read or parsed. */
  | "unreadable"
  /** No API key where one is needed; the only kind that `--demo` mends. */
  | "missing-credential";

export interface ConfigProblem {
  readonly kind: ProblemKind;
  /** Place in the configuration, e.g. `providers.groq.baseUrl`; empty when the whole file is meant. */
  readonly path: string;
  /** What is wrong and what to do. Never holds a secret. */
  readonly message: string;
  readonly origin: Origin;
}

/** A problem before its origin is looked up. */
export interface LocatedProblem {
  readonly kind: ProblemKind;
  readonly path: ConfigPath;
  readonly message: string;
}

function place(problem: ConfigProblem): string {
  if (problem.origin.startsWith("env ")) {
    const name = problem.origin.slice("env ".length);
    return problem.path === "" ? name : `${name} → ${problem.path}`;
  }
  if (problem.origin === "default") return problem.path;
  return problem.path === "" ? problem.origin : `${problem.path} (${problem.origin})`;
}

function indent(text: string): string {
  return text.replaceAll("\n", "\n    ");
}

/** All problems as one text for people. */
function formatProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.map((problem) => {
    const where = place(problem);
    return indent(where === "" ? problem.message : `${where}: ${problem.message}`);
  });
  const [only] = problems;
  if (lines.length === 1 && only?.kind === "missing-credential" && only.path === "") return only.message;
  const title =
    lines.length === 1 ? "The configuration has a problem:" : `The configuration has ${lines.length} problems:`;
  return [title, ...lines.map((line) => `  - ${line}`)].join("\n");
}

/** The configuration cannot be used; `message` is complete and meant for people, no stack needed. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  /** Absolute path of the file that was to be read, when there was one. */
  readonly file: string | undefined;

  constructor(problems: readonly ConfigProblem[], file?: string) {
    super(formatProblems(problems));
    this.name = "ConfigError";
    this.problems = problems;
    this.file = file;
  }
}
