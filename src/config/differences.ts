import { isPlainObject, leaves, type ConfigPath, type Leaf } from "./path.ts";
import { redactConfig } from "./redact.ts";
import type { ResolvedConfig } from "./resolve.ts";
import { writtenForm } from "./written-form.ts";

export interface Difference {
  readonly keys: ConfigPath;
  readonly path: string;
  /** With secrets masked, as all values here; `undefined` = not there. */
  readonly before: unknown;
  readonly after: unknown;
}

interface Side {
  readonly plain: ReadonlyMap<string, Leaf>;
  readonly masked: ReadonlyMap<string, Leaf>;
}

function byPath(config: ResolvedConfig): ReadonlyMap<string, Leaf> {
  return new Map(leaves(writtenForm(config)).map((leaf) => [leaf.path, leaf]));
}

function sideOf(config: ResolvedConfig): Side {
  return { plain: byPath(config), masked: byPath(redactConfig(config)) };
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isPlainObject(value) && Object.keys(value).length === 0;
}

/** An empty list or object and none at all say the same, except where they are sent as they stand. */
function isSame(left: Leaf | undefined, right: Leaf | undefined): boolean {
  if (left !== undefined && right !== undefined) return Bun.deepEquals(left.value, right.value);
  const only = left ?? right;
  const isSent = only?.keys.some((key) => key === "parameters" || key === "overrides") === true;
  return !isSent && isEmpty(only?.value);
}

function unlike<Entry>(own: Readonly<Record<string, Entry>>, other: Readonly<Record<string, Entry>>) {
  return Object.fromEntries(Object.entries(own).filter(([name, entry]) => !Bun.deepEquals(entry, other[name])));
}

/** Without providers and models that are the same in both: there may be thousands of them. */
function withoutSame(own: ResolvedConfig, other: ResolvedConfig): ResolvedConfig {
  return { ...own, providers: unlike(own.providers, other.providers), models: unlike(own.models, other.models) };
}

/** Every value that is not the same in both; a changed secret counts, although its mask may look the same. */
export function configDifferences(before: ResolvedConfig, after: ResolvedConfig): Difference[] {
  const [left, right] = [sideOf(withoutSame(before, after)), sideOf(withoutSame(after, before))];
  const all = new Map([...right.plain, ...left.plain]);
  return [...all].flatMap(([path, { keys }]) => {
    if (isSame(left.plain.get(path), right.plain.get(path))) return [];
    return [{ keys, path, before: left.masked.get(path)?.value, after: right.masked.get(path)?.value }];
  });
}

/** Providers and models come and go as a whole. */
function placeOf({ keys, path }: Difference, before: ResolvedConfig, after: ResolvedConfig): string {
  const [section, name] = keys;
  if ((section !== "providers" && section !== "models") || name === undefined) return path;
  const [was, is] = [before[section][String(name)], after[section][String(name)]];
  if (was !== undefined && is !== undefined) return path;
  return `${section}.${String(name)} (${was === undefined ? "new" : "gone"})`;
}

/** Where two configurations differ, for a log: places without values, each once. */
export function changedPlaces(
  differences: readonly Difference[],
  { before, after }: { before: ResolvedConfig; after: ResolvedConfig },
): string[] {
  return [...new Set(differences.map((difference) => placeOf(difference, before, after)))];
}
