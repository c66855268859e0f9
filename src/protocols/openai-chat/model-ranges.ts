import { scanDocument, skipSpace, skipString, type Range } from "../../lib/json-scan.ts";

const key = '"model"';

/**
 * Where an answer or a chunk names its model: the texts behind every top-level `model` of a valid JSON object. Nearly
 * always the key stands in the text once, and then a search finds it without a scan.
 */
export function modelRanges(text: string, model: unknown, maxDepth: number): Range[] {
  const first = text.indexOf(key);
  // Another spelling of the key needs the escape of one of its letters.
  const isSpeltPlainly = !text.includes(String.raw`\u006`);
  if (first === -1 && isSpeltPlainly) return [];
  if (typeof model === "string" && isSpeltPlainly && text.indexOf(key, first + key.length) === -1) {
    const start = skipSpace(text, skipSpace(text, first + key.length) + 1);
    return [{ start, end: skipString(text, start) }];
  }
  const { members } = scanDocument(text, maxDepth);
  return members.filter((member) => member.key === "model" && text[member.start] === '"');
}
