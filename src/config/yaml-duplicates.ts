import { isPlainObject } from "./path.ts";

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

/** What a quoted text or a `{…}` / `[…]` still waits for at the end of a line. */
interface Unfinished {
  depth: number;
  quote: string;
}

function scanValue(text: string, start: Unfinished): Unfinished {
  let { depth, quote } = start;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (quote !== "") {
      if (quote === '"' && character === "\\") at += 1;
      else if (character === quote) quote = "";
      continue;
    }
    if (character === "#" && (at === 0 || text[at - 1] === " ")) break;
    if (depth === 0 && at > 0) break;
    if (character === '"' || character === "'") quote = character;
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
  }
  return { depth, quote };
}

function isUnfinished(state: Unfinished): boolean {
  return state.depth > 0 || state.quote !== "";
}

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

/** Keys that a mapping written in lines (not `{…}`) seems to hold twice. */
function suspects(lines: readonly string[]): DuplicateKey[] {
  const found: DuplicateKey[] = [];
  const mappings: Mapping[] = [];
  let blockIndent = -1;
  let unfinished: Unfinished = { depth: 0, quote: "" };
  for (const [index, line] of lines.entries()) {
    if (isUnfinished(unfinished)) {
      unfinished = scanValue(line, unfinished);
      continue;
    }
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const indent = line.length - line.trimStart().length;
    if (blockIndent >= 0 && indent > blockIndent) continue;
    blockIndent = -1;
    const column = skipDashes(line, mappings);
    const match = keyPattern.exec(line.slice(column));
    if (match?.[1] === undefined) continue;
    const { keys } = enterMapping(mappings, column);
    if (keys.has(match[1]) && match[1] !== "<<") found.push({ key: match[1], line: index + 1 });
    keys.add(match[1]);
    const value = (match[2] ?? "").replace(/^(?:[&!]\S+\s+)*/, "");
    if (/^[|>]/.test(value)) blockIndent = column;
    else if (/^["'{[]/.test(value)) unfinished = scanValue(value, { depth: 0, quote: "" });
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

/**
 * Keys written twice in one mapping, where YAML parsers keep the last in silence. A suspect counts only when the
 * parser agrees: with the second key renamed, both must turn up in one object.
 */
export function yamlDuplicates(text: string, parse: (text: string) => unknown): DuplicateKey[] {
  const lines = text.split("\n");
  return suspects(lines).flatMap(({ key, line }) => {
    const marker = `${unquote(key)}-written-twice`;
    const renamed = (lines[line - 1] ?? "").replace(key, () => key.replace(unquote(key), () => marker));
    try {
      const tree = parse(lines.with(line - 1, renamed).join("\n"));
      return holdsBoth(tree, unquote(key), marker, { nodes: 20_000 }) ? [{ key: unquote(key), line }] : [];
    } catch {
      return [];
    }
  });
}
