/** What the loader does with a variable besides copying its text to `paths`. */
type EnvironmentRole =
  /** Copied to its path; the first set variable of a path wins. */
  | "value"
  /** Shapes the provider `openrouter` and the model `orcestator`. */
  | "default-provider"
  /** Becomes `storage.url` when nothing else names a database. */
  | "database-path"
  /** Read before any configuration exists. */
  | "loader"
  /** Known to other systems; here it sets nothing, but what cannot be had is said. */
  | "checked";

export interface EnvironmentVariable {
  readonly name: string;
  /** Where the value ends up, written as `config show` prints it; empty for the loader's own. */
  readonly paths: readonly string[];
  /** One line for the README and `config schema`. */
  readonly description: string;
  /** What holds while it is not set, as text for people; empty = nothing. */
  readonly fallback: string;
  readonly role: EnvironmentRole;
  /** Its value must never be shown. */
  readonly isSecret?: true;
  /** Set but empty is a value of its own (it switches something off) rather than "not set". */
  readonly isValueWhenEmpty?: true;
  /** Brings other systems' spellings to ours. */
  readonly normalize?: (text: string) => string;
}

const levelNames: Readonly<Record<string, string>> = {
  trace: "debug",
  verbose: "debug",
  notice: "info",
  warning: "warn",
  critical: "error",
  fatal: "error",
  off: "silent",
  none: "silent",
};

/** `WARNING`, `Critical`, `off`, … as one of our levels; anything else unchanged, for the schema to judge. */
export function normalizeLevel(text: string): string {
  const lower = text.trim().toLowerCase();
  return Object.hasOwn(levelNames, lower) ? (levelNames[lower] ?? lower) : lower;
}

/** A bare number of hours as a duration; anything else unchanged. */
export function hoursAsDuration(text: string): string {
  return /^\d+(?:\.\d+)?$/.test(text) ? `${text}h` : text;
}
