import { forbiddenNames } from "../forbidden-names.ts";
import { isPlainObject } from "../path.ts";
import type { Findings, Place } from "./findings.ts";

/** One value of a foreign configuration with the place where it stands. Nothing here throws, whatever the value is. */
export interface Part extends Place {
  /** `undefined` when nothing is written there; null counts as nothing. */
  readonly value: unknown;
  readonly isWritten: boolean;
  /** What stands under a key; nothing when this is no object. The key counts as looked at. */
  get(key: string): Part;
  /** The items of a list; refuses everything else. Empty when nothing is written. */
  items(): Part[];
  /** Keys and what stands under them; refuses everything but an object. All keys count as looked at. */
  entries(): [string, Part][];
  /** A text, or a number as text; refuses everything else. */
  text(): string | undefined;
  /** A finite number, or a text that is one; refuses everything else. */
  number(): number | undefined;
  /** true or false, or a text that says so; refuses everything else. */
  flag(): boolean | undefined;
  /** Keys that nobody has looked at. */
  rest(): Part[];
  note(reason: string): void;
  refuse(message: string): void;
}

/** `<<` reaches into the object itself in YAML. */
const dangerousKeys: readonly string[] = [...forbiddenNames, "<<"];

/** Whether a text may be a key of our file. */
export function isAllowedName(name: string): boolean {
  return name !== "" && !dangerousKeys.includes(name);
}

const flagTexts: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["no", false],
  ["off", false],
]);

export interface PartOptions extends Place {
  readonly value: unknown;
  readonly findings: Findings;
}

function textIn(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function numberIn(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

function flagIn(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  return typeof value === "string" ? flagTexts.get(value.toLowerCase()) : undefined;
}

function createPart({ value: given, findings, origin, path, label }: PartOptions): Part {
  const place = { origin, path, label };
  const value = given ?? undefined;
  const object = isPlainObject(value) ? value : undefined;
  const looked = new Set<string>();
  const child = (key: string | number, childValue: unknown): Part =>
    createPart({ ...place, path: [...place.path, key], value: childValue, findings });
  const refuse = (message: string): undefined => {
    findings.refuse(place, message);
    return undefined;
  };

  const part: Part = {
    ...place,
    value,
    isWritten: value !== undefined,
    refuse,
    note: (reason) => findings.note(place, reason),
    get(key) {
      looked.add(key);
      return child(key, object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined);
    },
    items() {
      if (value === undefined) return [];
      if (Array.isArray(value)) return value.map((item, index) => child(index, item));
      refuse("must be a list");
      return [];
    },
    entries() {
      if (value === undefined) return [];
      if (object === undefined) {
        refuse("must be an object with keys");
        return [];
      }
      return Object.entries(object).flatMap(([key, item]): [string, Part][] => {
        looked.add(key);
        const found = child(key, item);
        if (!dangerousKeys.includes(key)) return [[key, found]];
        found.refuse("this name is not allowed");
        return [];
      });
    },
    text: () => (value === undefined ? undefined : (textIn(value) ?? refuse("must be text"))),
    number: () => (value === undefined ? undefined : (numberIn(value) ?? refuse("must be a number"))),
    flag: () => (value === undefined ? undefined : (flagIn(value) ?? refuse("must be true or false"))),
    rest: () =>
      Object.entries(object ?? {})
        .filter(([key, item]) => !looked.has(key) && item !== null && item !== undefined)
        .map(([key, item]) => child(key, item)),
  };
  return part;
}

const maxDepth = 24;
const maxNodes = 50_000;

/** Whether a parsed file is small and shallow enough to be walked; YAML may repeat or contain itself. */
function isWalkable(root: unknown): boolean {
  let level: unknown[] = [root];
  let nodes = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    nodes += level.length;
    if (depth > maxDepth) return false;
    const next: unknown[] = [];
    for (const node of level) {
      if (typeof node !== "object" || node === null) continue;
      const children: readonly unknown[] = Array.isArray(node) ? node : Object.values(node);
      if (nodes + next.length + children.length > maxNodes) return false;
      for (const item of children) next.push(item);
    }
    level = next;
  }
  return true;
}

function mapTexts(value: unknown, mapText: (text: string) => string): unknown {
  if (typeof value === "string") return mapText(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, mapText));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, mapText)]));
}

/** A text as our file takes it literally: `${` would be a variable there. */
export function literal(text: string): string {
  return text.replaceAll("${", () => "$${");
}

/**
 * The root of a parsed file, its texts as our file takes them. What cannot be walked is refused and looks empty.
 * `mapText` brings the source's way to name variables to ours.
 */
export function createRoot(options: PartOptions, mapText: (text: string) => string = literal): Part {
  if (isWalkable(options.value)) return createPart({ ...options, value: mapTexts(options.value, mapText) });
  const empty = createPart({ ...options, value: undefined });
  empty.refuse("is too large, nested too deeply, or refers to itself");
  return empty;
}

/** Refuses what is no object with keys; nothing at all is left to the caller. */
export function requireObject(part: Part): void {
  if (part.isWritten && !isPlainObject(part.value)) part.refuse("must be an object with keys");
}

/** A plain copy of a free value for `parameters` and the like; names that are not allowed are refused. */
export function copyPart(part: Part): unknown {
  if (Array.isArray(part.value)) return part.items().map(copyPart);
  if (!isPlainObject(part.value)) return part.value;
  return Object.fromEntries(part.entries().map(([key, item]) => [key, copyPart(item)]));
}
