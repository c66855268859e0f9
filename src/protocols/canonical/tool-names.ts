import type { Conversation } from "./conversation.ts";

/** What a protocol takes as a tool's name. */
export interface NameRule {
  /** A whole name that may stay as it is. */
  legal: RegExp;
  /** Letters that no name may have (global). */
  foreign: RegExp;
  /** How a name has to begin, if that matters; another one gets a `_` before it. */
  start?: RegExp;
  longest: number;
}

export interface ToolNames {
  /** The name upstream of a tool. */
  upstream(name: string): string;
  /** A name that no tool of the conversation has. */
  unused(wish: string): string;
  /** Renamed ones: the name upstream → the conversation's; `undefined` when there are none. */
  renamed(): ReadonlyMap<string, string> | undefined;
}

/** The nearest name that the rule allows. */
function fitted(name: string, { foreign, start, longest }: NameRule): string {
  const text = name.replaceAll(foreign, "_");
  return (start === undefined || start.test(text) ? text : `_${text}`).slice(0, longest) || "tool";
}

/** Finds the nearest legal name that is not taken, and takes it. */
function createNamer(taken: Set<string>, rule: NameRule): (name: string) => string {
  const counts = new Map<string, number>();
  return (name) => {
    const base = fitted(name, rule);
    let candidate = base;
    let count = counts.get(base) ?? 1;
    while (taken.has(candidate)) {
      count += 1;
      const suffix = `_${count}`;
      candidate = base.slice(0, rule.longest - suffix.length) + suffix;
    }
    counts.set(base, count);
    taken.add(candidate);
    return candidate;
  };
}

/** Names for all tools that a conversation offers or has called: legal ones stay, and no two become one. */
export function createToolNames({ tools, turns }: Pick<Conversation, "tools" | "turns">, rule: NameRule): ToolNames {
  const called = turns.flatMap(({ parts }) => parts.flatMap((part) => (part.type === "tool_call" ? [part.name] : [])));
  const names = new Set([...tools.map(({ name }) => name), ...called]);
  const upstream = new Map<string, string>();
  const legalName = createNamer(new Set([...names].filter((name) => rule.legal.test(name))), rule);
  for (const name of names) if (!rule.legal.test(name)) upstream.set(name, legalName(name));
  return {
    upstream: (name) => upstream.get(name) ?? name,
    unused: legalName,
    renamed: () => (upstream.size === 0 ? undefined : new Map([...upstream].map(([name, shown]) => [shown, name]))),
  };
}

/** OpenAI's names: letters, digits, `_` and `-`. */
export const openaiNames: NameRule = { legal: /^[a-zA-Z0-9_-]{1,64}$/, foreign: /[^a-zA-Z0-9_-]/g, longest: 64 };
