import { join } from "node:path";
import type { Origin } from "./config-error.ts";
import { parseDotenv } from "./dotenv.ts";
import { isPlainObject } from "./path.ts";
import { readText } from "./read-text.ts";

/** The process environment with the `.env` file of the working directory beneath it. */
export interface Environment {
  /** The value as it stands; `undefined` when the variable does not exist. */
  value(name: string): string | undefined;
  /** The trimmed value when it says something; an empty variable, or an empty list (`,`), counts as not set. */
  text(name: string): string | undefined;
  /** All names, set or empty. */
  names(): string[];
  /** `env NAME`, or `env NAME (.env)` when the file gave it. */
  origin(name: string): Origin;
  readonly warnings: readonly string[];
}

type Variables = Readonly<Record<string, string | undefined>>;

function readDotenvFile(path: string): { values: Variables; warnings: string[] } {
  try {
    const { text, isDamaged } = readText(path);
    const { values, warnings } = parseDotenv(text);
    const damage = isDamaged ? [`${path} is not UTF-8 text; save it as UTF-8 (some characters were lost)`] : [];
    return { values, warnings: [...damage, ...warnings.map((warning) => `${path}: ${warning}`)] };
  } catch (error) {
    const code = isPlainObject(error) ? error["code"] : undefined;
    if (code === "ENOENT") return { values: {}, warnings: [] };
    return { values: {}, warnings: [`${path} cannot be read (${String(code ?? error)}); it is ignored`] };
  }
}

/** `process` wins over `.env`, also when it holds the empty text. Nothing is written to the real environment. */
export function readEnvironment(cwd: string, variables: Variables): Environment {
  const { values, warnings } = readDotenvFile(join(cwd, ".env"));
  const value = (name: string): string | undefined =>
    variables[name] ?? (Object.hasOwn(values, name) ? values[name] : undefined);
  return {
    value,
    text(name) {
      const text = value(name)?.trim() ?? "";
      return /^[\s,]*$/.test(text) ? undefined : text;
    },
    names: () => [...new Set([...Object.keys(variables), ...Object.keys(values)])],
    origin: (name) => (variables[name] === undefined ? `env ${name} (.env)` : `env ${name}`),
    warnings,
  };
}
