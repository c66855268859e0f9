import { nearest } from "../lib/nearest.ts";
import { environmentVariables } from "./env.ts";
import type { Environment } from "./environment.ts";

const ourPrefix = /^(?:OR|ORCH|ORCESTATOR)_/;

/** A warning for each variable whose name is nearly one of ours and that the configuration file does not use itself. */
export function misspeltVariables(environment: Environment, usedByFile: ReadonlySet<string>): string[] {
  const known = environmentVariables.map(({ name }) => name);
  return environment.names().flatMap((name) => {
    if (!ourPrefix.test(name) || known.includes(name) || usedByFile.has(name)) return [];
    const meant = nearest(name, known);
    return meant === undefined ? [] : [`${name} is not read; did you mean ${meant}?`];
  });
}
