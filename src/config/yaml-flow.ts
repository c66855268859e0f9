export interface WrittenKey {
  /** Without its quotes. */
  readonly key: string;
  /** Where its text ends, before a closing quote. */
  readonly end: number;
}

/** Behind the quoted text that begins at `start`; the end of the text where nothing closes it. */
export function endOfQuoted(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at += 1) {
    if (quote === '"' && text[at] === "\\") at += 1;
    else if (text[at] !== quote) continue;
    else if (quote === "'" && text[at + 1] === "'") at += 1;
    else return at + 1;
  }
  return text.length;
}

/** A text without quotes goes on until what separates it, or until the end of its line. */
const plain = /(?:[^\s,[\]{}:#]|:(?![\s,[\]{}]|$)|(?<!\s)#|[ \t]+(?![\s,[\]{}:#]|$))+/y;
const properties = /[&!*][^\s,[\]{}]*/y;
const restOfLine = /[^\n]*/y;
const colonBehind = /[ \t]*:/y;

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

interface Token {
  /** Set where it is a text, which may be a key. */
  readonly written?: WrittenKey;
  readonly end: number;
}

function tokenAt(text: string, at: number): Token {
  const character = text[at] ?? "";
  if (character === '"' || character === "'") {
    const end = endOfQuoted(text, at);
    return { end, written: { key: text.slice(at + 1, end - 1), end: end - 1 } };
  }
  if (character === "#" && /\s/.test(text[at - 1] ?? " ")) return { end: at + matchAt(restOfLine, text, at).length };
  if (/[&!*]/.test(character)) return { end: at + matchAt(properties, text, at).length };
  const key = matchAt(plain, text, at);
  if (key === "" || /\s/.test(character)) return { end: at + 1 };
  return { end: at + key.length, written: { key, end: at + key.length } };
}

/** Keys that a `{…}` seems to hold twice, in the flow collection that begins at `start`, and where that ends. */
export function scanFlow(text: string, start: number): { twice: readonly WrittenKey[]; end: number } {
  const twice: WrittenKey[] = [];
  /** `undefined` = a list, whose `key: value` items are objects of their own. */
  const open: (Set<string> | undefined)[] = [];
  let at = start;
  while (at < text.length) {
    const character = text[at];
    if (character === "{" || character === "[") open.push(character === "{" ? new Set() : undefined);
    if (character === "}" || character === "]") open.pop();
    if (open.length === 0) return { twice, end: at + 1 };
    const { written, end } = tokenAt(text, at);
    at = end;
    const keys = open.at(-1);
    const colon = written === undefined ? "" : matchAt(colonBehind, text, at);
    at += colon.length;
    if (written === undefined || keys === undefined || colon === "") continue;
    if (keys.has(written.key) && written.key !== "<<") twice.push(written);
    keys.add(written.key);
  }
  return { twice, end: at };
}
