import { isFields } from "../fields.ts";
import type { Step } from "./places.ts";

/** One rule, where it applies. */
export interface Change {
  readonly kind: "remove" | "default" | "override";
  readonly path: readonly Step[];
  /** Any JSON; unused by `remove`. */
  readonly value: unknown;
  /** Members of the body that keep a default out. */
  readonly rivals: readonly string[];
}

/** The value of a field that is not there. */
const nothing = undefined;

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

/** An object with a member set, or taken out where `value` is `undefined`; also `__proto__` is a name like others. */
function withEntry(fields: object, name: string, value: unknown): object {
  const entries = new Map<string, unknown>(Object.entries(fields));
  if (value === undefined) entries.delete(name);
  else entries.set(name, value);
  return Object.fromEntries(entries);
}

function changedField(value: unknown, { kind, value: wanted }: Change): unknown {
  if (kind === "remove") return nothing;
  return kind === "override" || isNothing(value) ? wanted : value;
}

/** What becomes of a known value of the field at `depth` of a change's path; `undefined` = it is not there. */
export function changedValue(value: unknown, change: Change, depth: number): unknown {
  if (depth === change.path.length) return changedField(value, change);
  const isObject = isFields(value);
  if (!isObject && change.kind === "remove") return value;
  if (!isObject && change.kind === "default" && !isNothing(value)) return value;
  const fields = isObject ? value : {};
  const { name, spellings } = change.path[depth] as Step;
  const key = spellings.find((spelling) => Object.hasOwn(fields, spelling)) ?? name;
  const inner = Object.hasOwn(fields, key) ? fields[key] : nothing;
  return withEntry(fields, key, changedValue(inner, change, depth + 1));
}
