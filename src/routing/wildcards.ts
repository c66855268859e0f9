/** Whether a text is what a pattern stands for; every `*` stands for anything, also for nothing. Cost grows with the text, whatever the pattern is. */
export function createGlob(pattern: string): (text: string) => boolean {
  const [start = "", ...others] = pattern.split("*");
  const end = others.pop();
  if (end === undefined) return (text) => text === pattern;
  const inner = others.filter((part) => part !== "");
  if (inner.length === 0)
    return (text) => text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
  return (text) => {
    if (!text.startsWith(start) || !text.endsWith(end)) return false;
    let at = start.length;
    for (const part of inner) {
      const found = text.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return text.length - end.length >= at;
  };
}

interface Wildcard<Value> {
  readonly start: string;
  readonly end: string;
  readonly value: Value;
}

/** What a name is by one of the wildcards. */
export interface Matched<Value> {
  readonly value: Value;
  /** What its `*` stands for. */
  readonly star: string;
}

export interface Wildcards<Value> {
  /** By the wildcard with the longest literal text, the first of those that are equally long. */
  find(name: string): Matched<Value> | undefined;
}

export function isWildcard(name: string): boolean {
  return name.includes("*");
}

/** Names with one `*`; a second one would stand for itself. */
export function createWildcards<Value>(entries: Iterable<readonly [name: string, value: Value]>): Wildcards<Value> {
  const wildcards: Wildcard<Value>[] = [];
  for (const [name, value] of entries) {
    const star = name.indexOf("*");
    if (star !== -1) wildcards.push({ start: name.slice(0, star), end: name.slice(star + 1), value });
  }
  wildcards.sort((left, right) => right.start.length + right.end.length - left.start.length - left.end.length);
  return {
    find(name) {
      for (const { start, end, value } of wildcards) {
        if (name.length < start.length + end.length || !name.startsWith(start) || !name.endsWith(end)) continue;
        return { value, star: name.slice(start.length, name.length - end.length) };
      }
      return undefined;
    },
  };
}
