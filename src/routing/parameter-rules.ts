import type { ParameterRules } from "./target.ts";

/** One level as it is written in the configuration. */
export interface ParameterLevel {
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  readonly remove?: readonly string[] | undefined;
}

type Found = Map<string, readonly [defaults: unknown, overrides: unknown, isRemoved: boolean]>;

const nothing = Symbol("nothing");

function valueIn(fields: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  return fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : nothing;
}

function addLevel(found: Found, { parameters, overrides, remove = [] }: ParameterLevel): void {
  for (const name of [...Object.keys(parameters ?? {}), ...Object.keys(overrides ?? {}), ...remove]) {
    // Of two spellings of one field the nearer level's is the later one.
    found.delete(name);
    found.set(name, [valueIn(parameters, name), valueIn(overrides, name), remove.includes(name)]);
  }
}

function fieldsAt(found: Found, place: 0 | 1): Record<string, unknown> {
  const entries = [...found].map(([name, rules]) => [name, rules[place]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== nothing));
}

/**
 * All levels together, the farthest one (all requests) first. For every field the nearest level that speaks of it
 * counts, with all that it says of it: a model's default takes the place of what its provider removes or overrides.
 * `undefined` = nobody says anything.
 */
export function mergedRules(levels: readonly ParameterLevel[]): ParameterRules | undefined {
  const found: Found = new Map();
  for (const level of levels) addLevel(found, level);
  if (found.size === 0) return undefined;
  const remove = [...found].filter(([, [, , isRemoved]]) => isRemoved).map(([name]) => name);
  return { defaults: fieldsAt(found, 0), overrides: fieldsAt(found, 1), remove };
}
