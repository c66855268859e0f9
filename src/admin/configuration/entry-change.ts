import { isDeepStrictEqual } from "node:util";
import { fieldsIn } from "../../config/overlay.ts";
import { checkFields } from "./check-fields.ts";
import type { Change, Changes } from "./changes.ts";
import { restoreSecrets } from "./masked-secrets.ts";
import { type Fields, type Named, writtenEntry, writtenForm } from "./written-entry.ts";

/** A change that is ready to be checked and kept. */
export interface ReadyChange extends Change {
  readonly fields: Fields;
  /** Fields that were sent in full, and not as a mask. */
  readonly given: ReadonlySet<string>;
  /** What is laid over the entry becomes another. */
  readonly isNews: boolean;
}

export function isSameValue(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(left ?? null, right ?? null);
}

/**
 * What is laid over an entry so that it gets these fields; `null` takes one away, what is left out stays, and what was
 * so before is no change. Throws GatewayError (400).
 */
export function changeOf(changes: Changes, { kind, name }: Named, input: Fields): ReadyChange {
  checkFields(input);
  const { config, written } = changes.loaded();
  const { tree, beneath: treeBeneath } = written;
  const current = writtenEntry(tree, { kind, name });
  const beneath = writtenEntry(treeBeneath, { kind, name }) ?? {};
  const { fields, kept } = restoreSecrets({ kind, name }, writtenForm(kind, input), current);
  // What is shown without having been written may be sent back, too.
  const served = current && fieldsIn(config, { kind, name });
  const isAsBefore = ([field, value]: readonly [string, unknown]): boolean =>
    isSameValue(value, current?.[field] ?? served?.[field]);
  const delta = Object.entries(fields).filter((entry) => !isAsBefore(entry));
  // Of what is not served nothing stays.
  const before = current === undefined ? {} : (changes.stored({ kind, name }).entry?.fields ?? {});
  const laid = Object.entries({ ...before, ...Object.fromEntries(delta) });
  const needed = Object.fromEntries(laid.filter(([field, value]) => value !== null || beneath[field] !== undefined));
  const given = Object.keys(fields).filter((field) => !kept.has(field) && fields[field] !== null);
  const isNews = current === undefined || !isSameValue(needed, before);
  return { kind, name, fields: needed, given: new Set(given), isNews };
}

/** The same for an entry that shall have these fields and no others. */
export function replacementOf(changes: Changes, entry: Named, input: Fields): ReadyChange {
  const current = writtenEntry(changes.loaded().written.tree, entry) ?? {};
  const gone = Object.keys(current).filter((field) => !Object.hasOwn(input, field));
  return changeOf(changes, entry, { ...input, ...Object.fromEntries(gone.map((field) => [field, null])) });
}
