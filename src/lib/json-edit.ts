import type { ScannedObject } from "./json-scan.ts";

/** Replace the characters from `start` to `end` (exclusive) by `text`; `start === end` inserts. */
export interface JsonEdit {
  start: number;
  end: number;
  text: string;
}

function inOrder(edits: readonly JsonEdit[]): readonly JsonEdit[] {
  return edits.length === 1 ? edits : [...edits].sort((left, right) => left.start - right.start);
}

/** Applies edits that do not overlap; everything else stays as it is. */
export function applyEdits(source: string, edits: readonly JsonEdit[]): string {
  if (edits.length === 0) return source;
  let result = "";
  let at = 0;
  for (const edit of inOrder(edits)) {
    result += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + source.slice(at);
}

/** Sets a member's value wherever the key occurs (a duplicate key must not smuggle another value), or adds it. */
export function setMember(object: ScannedObject, key: string, value: string): JsonEdit[] {
  const edits: JsonEdit[] = [];
  for (const member of object.members)
    if (member.key === key) edits.push({ start: member.start, end: member.end, text: value });
  if (edits.length > 0) return edits;
  const last = object.members.at(-1);
  if (last === undefined) return [{ start: object.open, end: object.open, text: `"${key}":${value}` }];
  return [{ start: last.end, end: last.end, text: `,"${key}":${value}` }];
}
