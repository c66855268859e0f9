import { isDeepStrictEqual } from "node:util";
import { fieldsIn } from "../../config/overlay.ts";
import { invalidRequest } from "../../errors.ts";
import { checkFields } from "./check-fields.ts";
import type { Change, Changes } from "./changes.ts";
import type { OpenedEntry } from "./entry-document.ts";
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

/** What cannot be opened would be lost without anybody's having said so. */
function checkLocked({ unopened }: OpenedEntry, input: Fields): void {
  const missing = Object.keys(unopened).filter((field) => !Object.hasOwn(input, field));
  if (missing.length === 0) return;
  const named = missing.map((field) => `\`${field}\``).join(" and ");
  throw invalidRequest(
    `What is stored in ${named} cannot be opened here: send it anew with the change, in full, or null to do without.`,
    missing[0],
  );
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
  const { entry: stored, locked } = changes.stored({ kind, name });
  if (locked !== undefined) checkLocked(locked, input);
  // Of what is not served nothing stays, unless it only waits for its secrets.
  const before = locked?.entry.fields ?? (current === undefined ? {} : (stored?.fields ?? {}));
  const laid = Object.entries({ ...before, ...Object.fromEntries(delta) });
  const needed = Object.fromEntries(laid.filter(([field, value]) => value !== null || beneath[field] !== undefined));
  const given = Object.keys(fields).filter((field) => !kept.has(field) && fields[field] !== null);
  const isNews = current === undefined || locked !== undefined || !isSameValue(needed, before);
  return { kind, name, fields: needed, given: new Set(given), isNews };
}

/** The same for an entry that shall have these fields and no others. */
export function replacementOf(changes: Changes, entry: Named, input: Fields): ReadyChange {
  const current = writtenEntry(changes.loaded().written.tree, entry) ?? {};
  const gone = Object.keys(current).filter((field) => !Object.hasOwn(input, field));
  return changeOf(changes, entry, { ...input, ...Object.fromEntries(gone.map((field) => [field, null])) });
}
