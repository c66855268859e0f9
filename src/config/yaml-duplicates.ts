import { isPlainObject } from "./path.ts";
import { endOfQuoted, scanFlow, type WrittenKey } from "./yaml-flow.ts";

export interface DuplicateKey {
  readonly key: string;
  /** Counted from 1. */
  readonly line: number;
}

interface Mapping {
  readonly indent: number;
  readonly keys: Set<string>;
}

const keyPattern =
  /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?:[^\s:#'"&*!|>%@`{}[\],]|:(?=\S))(?:[^:#]|:(?=\S)|(?<=\S)#)*?)\s*:(?:\s+(.*))?$/;

/** Column of the content behind `- - `, after which a new mapping may begin. */
function skipDashes(line: string, mappings: Mapping[]): number {
  let column = line.length - line.trimStart().length;
  while (/^-(?:\s|$)/.test(line.slice(column))) {
    const dash = column;
    while ((mappings.at(-1)?.indent ?? -1) > dash) mappings.pop();
    column += 1 + (/^\s*/.exec(line.slice(column + 1))?.[0].length ?? 0);
  }
  return column;
}

function enterMapping(mappings: Mapping[], indent: number): Mapping {
  while ((mappings.at(-1)?.indent ?? -1) > indent) mappings.pop();
  const top = mappings.at(-1);
  if (top?.indent === indent) return top;
  const mapping = { indent, keys: new Set<string>() };
  mappings.push(mapping);
  return mapping;
}

interface Suspect extends WrittenKey {
  readonly line: number;
}

const noProperties = /^(?:[&!]\S+\s+)*/;

/** Where a quoted text or a `{…}` / `[…]` at `start` ends, and what stands twice in it. */
function scanValue(text: string, start: number): { twice: readonly WrittenKey[]; end: number } {
  const first = text[start] ?? "";
  if (first === '"' || first === "'") return { twice: [], end: endOfQuoted(text, start) };
  return first === "{" || first === "[" ? scanFlow(text, start) : { twice: [], end: start };
}

/** The line that a position stands in, from 1. */
export function lineOf(text: string, end: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

/** Keys that a mapping seems to hold twice. */
function suspects(text: string): Suspect[] {
  const found: Suspect[] = [];
  const mappings: Mapping[] = [];
  let blockIndent = -1;
  /** What has been read with an earlier line. */
  let readUntil = 0;
  let next = 0;
  for (const [index, whole] of text.split("\n").entries()) {
    const start = next;
    next += whole.length + 1;
    const line = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
    if (start < readUntil || /^\s*(?:#.*)?$/.test(line)) continue;
    const indent = line.length - line.trimStart().length;
    if (blockIndent >= 0 && indent > blockIndent) continue;
    blockIndent = -1;
    const column = skipDashes(line, mappings);
    const match = keyPattern.exec(line.slice(column));
    const value = (match === null ? line.slice(column) : (match[2] ?? "")).replace(noProperties, "");
    if (match?.[1] !== undefined) {
      const key = unquote(match[1]);
      const end = start + column + match[1].length - (key === match[1] ? 0 : 1);
      const { keys } = enterMapping(mappings, column);
      if (keys.has(key) && key !== "<<") found.push({ key, end, line: index + 1 });
      keys.add(key);
      if (/^[|>]/.test(value)) blockIndent = column;
    }
    const { twice, end } = scanValue(text, start + line.length - value.length);
    for (const written of twice) found.push({ ...written, line: lineOf(text, written.end) });
    readUntil = end;
  }
  return found;
}

function holdsBoth(value: unknown, first: string, second: string, budget: { nodes: number }): boolean {
  budget.nodes -= 1;
  if (budget.nodes < 0) return false;
  if (Array.isArray(value)) return value.some((item) => holdsBoth(item, first, second, budget));
  if (!isPlainObject(value)) return false;
  if (Object.hasOwn(value, first) && Object.hasOwn(value, second)) return true;
  return Object.values(value).some((item) => holdsBoth(item, first, second, budget));
}

function unquote(key: string): string {
  return /^["']/.test(key) ? key.slice(1, -1) : key;
}

const mark = "-written-twice";

function isTwice(key: string, renamed: string, parse: (text: string) => unknown): boolean {
  try {
    return holdsBoth(parse(renamed), key, key + mark, { nodes: 20_000 });
  } catch {
    return false;
  }
}

/**
 * Keys written twice in one mapping, where YAML parsers keep the last in silence. A suspect counts only when the
 * parser agrees: with the second key renamed, both must turn up in one object.
 */
export function yamlDuplicates(text: string, parse: (text: string) => unknown): DuplicateKey[] {
  const found: DuplicateKey[] = [];
  let unambiguous = text;
  // From the end on: places before it stay where they are, and what the last of two hid comes to light.
  for (const { key, line, end } of suspects(text).toReversed()) {
    const renamed = unambiguous.slice(0, end) + mark + unambiguous.slice(end);
    if (!isTwice(key, renamed, parse)) continue;
    unambiguous = renamed;
    found.unshift({ key, line });
  }
  return found;
}
