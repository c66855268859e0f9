import type { Random } from "./seeded.ts";

const spaces = ["", "", "", " ", "\n", "\t", "\r\n", "  \t "];
const numbers = [
  "0",
  "-0",
  "7",
  "-12",
  "1.0",
  "1e3",
  "-1.5E+10",
  "0.1e-7",
  "12345678901234567890",
  "1e999",
  "0.30000000000000004",
];
const scalars = ["true", "false", "null", ...numbers];
const stringPieces = [
  '\\"',
  "\\\\",
  "\\/",
  "\\b",
  "\\n",
  "\\u0041",
  "\\ud83d\\ude00",
  "\\ud800",
  "é",
  "日本",
  "😀",
  "\u2028",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "model",
  '\\"model\\":\\"x\\"',
  "data:",
  " ",
];
const keys = ["model", "mod\\u0065l", "", "__proto__", "constructor", "messages", "stream", "a", "0", '\\"', "ключ"];

function space(random: Random): string {
  return random.pick(spaces);
}

function stringText(random: Random): string {
  return `"${Array.from({ length: random.below(5) }, () => random.pick(stringPieces)).join("")}"`;
}

function arrayText(random: Random, depth: number): string {
  const items = Array.from(
    { length: random.below(4) },
    () => space(random) + valueText(random, depth - 1) + space(random),
  );
  return `[${items.length === 0 ? space(random) : items.join(",")}]`;
}

function valueText(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 4 : 2);
  if (kind === 0) return random.pick(scalars);
  if (kind === 1) return stringText(random);
  return kind === 2 ? arrayText(random, depth) : randomObject(random, depth).text;
}

export interface RandomObject {
  text: string;
  /** As written: the decoded key and the value's own text, in order, duplicates included. */
  members: { key: string; value: string }[];
}

/** A JSON object as somebody else's program might write it: odd spacing, escapes, duplicate keys, any nesting. */
export function randomObject(random: Random, depth: number): RandomObject {
  const members: RandomObject["members"] = [];
  const texts = Array.from({ length: random.below(5) }, () => {
    const key = random.chance(0.8) ? `"${random.pick(keys)}"` : stringText(random);
    const value = valueText(random, depth - 1);
    members.push({ key: String(JSON.parse(key)), value });
    return `${space(random)}${key}${space(random)}:${space(random)}${value}${space(random)}`;
  });
  const inner = texts.length === 0 ? space(random) : texts.join(",");
  return { text: `{${inner}}`, members };
}

/** The same between white space, as a whole document. */
export function randomDocument(random: Random, depth: number): RandomObject {
  const { text, members } = randomObject(random, depth);
  return { text: space(random) + text + space(random), members };
}

const wounds = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "-",
  ".",
  "e",
  "0",
  "1",
  "null",
  "tru",
  "NaN",
  "'",
  "/",
  "\u0000",
  "\u00a0",
  "\ufeff",
];

/** One small damage anywhere. */
export function wounded(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + 1 + random.below(4));
  switch (random.below(5)) {
    case 0:
      return text.slice(0, at) + text.slice(end);
    case 1:
      return text.slice(0, at) + random.pick(wounds) + text.slice(at);
    case 2:
      return text.slice(0, at) + random.pick(wounds) + text.slice(at + 1);
    case 3:
      return text.slice(0, at);
    default:
      return text.slice(0, end) + text.slice(at);
  }
}
