import { knownKeys } from "../../config/json-schema.ts";
import { unknownKey } from "../../config/schema-problems.ts";
import { type OverlayEntry, overlaySections, overlaySettings } from "../../config/overlay.ts";
import { type ConfigPath, isPlainObject, leaves, pathText, valueAt } from "../../config/path.ts";
import { redactTree } from "../../config/redact.ts";
import { invalidRequest } from "../../errors.ts";
import type { Change, Changes } from "./changes.ts";
import { checkFields } from "./check-fields.ts";
import { isSameValue, type ReadyChange, replacementOf } from "./entry-change.ts";
import { type EntryRules } from "./named-entries.ts";
import { type Fields, type Named, writtenEntry } from "./written-entry.ts";

/** What an import would do. */
export interface ImportPlan {
  readonly changes: readonly ReadyChange[];
  /** Entries whose changes are taken back. */
  readonly removals: readonly Change[];
  /** Places that differ and that the API cannot change. */
  readonly ignored: readonly string[];
}

export interface ImportWish {
  readonly tree: Fields;
  /** What is not named is taken back. */
  readonly replace: boolean;
}

type Rules = Readonly<Record<keyof typeof overlaySections, EntryRules>>;

function objectAt(tree: Fields, path: readonly string[]): Fields {
  const value = valueAt(tree, path);
  if (value === undefined) return {};
  if (isPlainObject(value)) return value;
  throw invalidRequest(`\`${pathText(path)}\` must be an object.`, pathText(path));
}

/** Entries that an import names, with what it says of them. */
function entriesIn(tree: Fields): { entry: Named; fields: Fields }[] {
  const named = Object.entries(overlaySections).flatMap(([kind, section]) =>
    Object.keys(objectAt(tree, [section])).map((name) => ({
      entry: { kind: kind as keyof typeof overlaySections, name },
      fields: objectAt(tree, [section, name]),
    })),
  );
  const settings = overlaySettings.flatMap((name) => {
    const entry = { kind: "setting", name } as const;
    const fields = writtenEntry(tree, entry);
    if (fields !== undefined) return [{ entry, fields }];
    // A value of another form would be passed over, and nobody would see it.
    objectAt(tree, [name]);
    return [];
  });
  return [...named, ...settings];
}

function isSettable(section: string): boolean {
  return [...Object.values(overlaySections), ...overlaySettings].some((known) => known === section);
}

/** Files on the server's disk are named by its owner alone. */
function filesOf({ entry, fields }: { entry: Named; fields: Fields }): ConfigPath[] {
  return entry.kind === "provider" && fields["ca"] !== undefined ? [["providers", entry.name, "ca"]] : [];
}

function differs(tree: Fields, now: Fields, path: ConfigPath): boolean {
  const [there, here] = [valueAt(tree, path), valueAt(now, path)];
  return !isSameValue(there, here) && !isSameValue(there, redactTree(here, path));
}

function ignoredIn(tree: Fields, now: Fields): string[] {
  const sections = Object.keys(tree).filter((section) => !isSettable(section) && section !== "$schema");
  const others = sections.flatMap((section) => leaves(tree[section], [section]).map(({ keys }) => keys));
  const files = entriesIn(tree).flatMap(filesOf);
  return [...others, ...files].filter((path) => differs(tree, now, path)).map(pathText);
}

function removalsOf(changes: Changes, named: readonly Named[]): Change[] {
  const isNamed = (entry: OverlayEntry): boolean =>
    named.some(({ kind, name }) => kind === entry.kind && name === entry.name);
  return changes
    .all()
    .filter((entry) => !isNamed(entry))
    .map(({ kind, name }) => ({ kind, name, fields: undefined }));
}

/** A mistyped section would be left alone, and nobody would see that nothing of it was taken. */
function checkSections(tree: Fields): void {
  const known = knownKeys([]);
  const unknown = Object.keys(tree).find((section) => !known.includes(section) && section !== "$schema");
  if (unknown !== undefined) throw invalidRequest(`\`${unknown}\`: ${unknownKey(unknown, [])}.`, unknown);
}

/** What an import changes, of what is served now. Throws GatewayError (400) for what may be in no change. */
export function planImport(changes: Changes, { tree, replace }: ImportWish, rules: Rules): ImportPlan {
  checkFields(tree);
  checkSections(tree);
  const now = changes.loaded().written.tree;
  const entries = entriesIn(tree);
  const planned = entries.map(({ entry, fields: { ca: _file, ...fields } }) => {
    const current = writtenEntry(now, entry);
    if (current === undefined && entry.kind !== "setting") rules[entry.kind].checkName(entry.name);
    const ca = current?.["ca"];
    return replacementOf(changes, entry, ca === undefined ? fields : { ...fields, ca });
  });
  return {
    changes: planned.filter(({ isNews }) => isNews),
    removals: replace
      ? removalsOf(
          changes,
          entries.map(({ entry }) => entry),
        )
      : [],
    ignored: ignoredIn(tree, now),
  };
}
