import { scanDocument, scanElements, scanMembers, type ScannedObject } from "../lib/json-scan.ts";
import { type DuplicateKey, lineOf } from "./yaml-duplicates.ts";

function inObject(text: string, object: ScannedObject, maxDepth: number): DuplicateKey[] {
  const seen = new Set<string>();
  return object.members.flatMap(({ key, start }) => {
    const own = seen.has(key) ? [{ key, line: lineOf(text, start) }] : [];
    seen.add(key);
    return [...own, ...inValue(text, start, maxDepth)];
  });
}

function inValue(text: string, start: number, maxDepth: number): DuplicateKey[] {
  if (text[start] === "{") return inObject(text, scanMembers(text, start, maxDepth), maxDepth);
  return scanElements(text, start).flatMap((element) => inValue(text, element.start, maxDepth));
}

/** Keys written twice in one object of a valid JSON document, where `JSON.parse` keeps the last in silence. */
export function jsonDuplicates(text: string, maxDepth: number): DuplicateKey[] {
  return inObject(text, scanDocument(text, maxDepth), maxDepth);
}
