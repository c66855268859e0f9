import { describe, expect, test } from "bun:test";
import { scanDocument, skipSpace } from "../../../src/lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { protocolNames } from "../../../src/config/protocol-names.ts";
import { withParameters, type ParameterRules } from "../../../src/protocols/parameters/index.ts";
import { randomDocument, wounded } from "../../lib/random-json.ts";
import { forSeeds, type Random } from "../../lib/seeded.ts";

/** Names that stand in the random documents too, alone and below one another. */
const names = ["a", "0", "", "__proto__", "constructor", "ключ", '"', "new", "größe"];
const values: readonly unknown[] = [1, "x", "日本 😀", null, false, [], {}, { a: 1 }, { "0": { a: null }, ключ: [1] }];

function randomPath(random: Random): string {
  return Array.from({ length: 1 + random.below(3) }, () => random.pick(names)).join(".");
}

function randomValues(random: Random): Record<string, unknown> {
  const entries = Array.from({ length: random.below(4) }, () => [randomPath(random), random.pick(values)] as const);
  return Object.fromEntries(entries);
}

function randomRules(random: Random): ParameterRules {
  const remove = Array.from({ length: random.below(3) }, () => randomPath(random));
  return { defaults: randomValues(random), overrides: randomValues(random), remove };
}

/** An object as a map, so that `__proto__` is a name like others. */
type Tree = Map<string, unknown>;

function treeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(treeOf);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, inner]) => [key, treeOf(inner)]));
}

function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (!(value instanceof Map)) return value;
  const entries = [...(value as Tree)].map(([key, inner]) => [key, plainOf(inner)] as const);
  return ["object", ...entries.sort(([left], [right]) => (left < right ? -1 : 1))];
}

function parsed(body: string): Tree {
  return treeOf(JSON.parse(utf8OfLatin1(body))) as Tree;
}

/** The object in which a path's last name stands; `undefined` = there is none, and none is made. */
function holderOf(body: Tree, path: readonly string[], mode: "find" | "make" | "force"): Tree | undefined {
  let holder = body;
  for (const name of path.slice(0, -1)) {
    let next = holder.get(name);
    const isMissing = next === undefined || next === null;
    if (!(next instanceof Map) && (mode === "force" || (mode === "make" && isMissing))) {
      next = new Map();
      holder.set(name, next);
    }
    if (!(next instanceof Map)) return undefined;
    holder = next as Tree;
  }
  return holder;
}

function byDepth(values: Readonly<Record<string, unknown>>): [string[], unknown][] {
  const entries = Object.entries(values).map(([name, value]): [string[], unknown] => [name.split("."), value]);
  return entries.sort(([left], [right]) => left.length - right.length);
}

/** What the rules mean, said on values. */
function model(body: Tree, { remove, defaults, overrides }: ParameterRules): Tree {
  for (const name of remove) {
    const path = name.split(".");
    holderOf(body, path, "find")?.delete(path.at(-1) ?? "");
  }
  for (const [path, value] of byDepth(defaults)) {
    const last = path.at(-1) ?? "";
    if (value === null) continue;
    const holder = holderOf(body, path, "make");
    if ((holder?.get(last) ?? undefined) === undefined) holder?.set(last, treeOf(value));
  }
  for (const [path, value] of byDepth(overrides)) holderOf(body, path, "force")?.set(path.at(-1) ?? "", treeOf(value));
  return body;
}

interface Piece {
  key: string;
  /** Key, colon and value with the space between. */
  text: string;
}

/** The members of a body as they are written, and what stands around them. */
function piecesOf(body: string): { head: string; pieces: Piece[]; tail: string } {
  const { members, open, close } = scanDocument(body, 64);
  const pieces = members.map(({ end }, index): Piece => {
    const before = members[index - 1];
    const start = before === undefined ? skipSpace(body, open) : skipSpace(body, skipSpace(body, before.end) + 1);
    const text = body.slice(start, end);
    const [key = ""] = Object.keys(JSON.parse(utf8OfLatin1(`{${text}}`)) as object);
    return { key, text };
  });
  return { head: body.slice(0, open), pieces, tail: body.slice(close) };
}

const manySeeds = 6000;

describe("random rules on random bodies", () => {
  test("give what they mean, as every JSON parser reads it", () => {
    forSeeds(manySeeds, (random) => {
      const body = latin1OfUtf8(randomDocument(random, 4).text);
      const rules = randomRules(random);
      const result = withParameters(body, "openai-chat", rules);
      expect(plainOf(parsed(result))).toEqual(plainOf(model(parsed(body), rules)));
    });
  });

  test("leave the bytes of all other members where they were", () => {
    forSeeds(manySeeds, (random) => {
      const body = latin1OfUtf8(randomDocument(random, 3).text);
      const rules = randomRules(random);
      const named = [...rules.remove, ...Object.keys(rules.defaults), ...Object.keys(rules.overrides)];
      const touched = new Set(named.map((name) => name.split(".")[0]));
      const before = piecesOf(body);
      const after = piecesOf(withParameters(body, "openai-chat", rules));
      const untouched = ({ key }: Piece): boolean => !touched.has(key);
      expect(after.pieces.filter(untouched)).toEqual(before.pieces.filter(untouched));
      expect([after.head, after.tail.trim()]).toEqual([before.head, before.tail.trim()]);
    });
  });

  test("change nothing but the value of what is overridden where it stands", () => {
    forSeeds(2000, (random) => {
      const body = latin1OfUtf8(randomDocument(random, 3).text);
      const present = scanDocument(body, 64).members.filter(({ key }) => key === "a");
      const result = withParameters(body, "openai-chat", { defaults: {}, overrides: { a: "MARK" }, remove: [] });
      let expected = body;
      for (const { start, end } of [...present].reverse())
        expected = `${expected.slice(0, start)}"MARK"${expected.slice(end)}`;
      if (present.length > 0) expect(result).toBe(expected);
      else expect(result.replace(/,?"a":"MARK"/, "")).toBe(body);
    });
  });

  test("leave no second value for a parser that takes another than the last", () => {
    forSeeds(2000, (random) => {
      const body = latin1OfUtf8(randomDocument(random, 3).text);
      const rules = { defaults: {}, overrides: { a: "MARK", "0.a": "MARK" }, remove: ["constructor"] };
      const { pieces } = piecesOf(withParameters(body, "openai-chat", rules));
      for (const { key, text } of pieces) {
        expect(key).not.toBe("constructor");
        if (key === "a") expect(text).toEndWith('"MARK"');
        if (key !== "0") continue;
        const inner = piecesOf(text.slice(text.indexOf("{"))).pieces.filter(({ key }) => key === "a");
        expect(inner).not.toBeEmpty();
        for (const { text } of inner) expect(text).toEndWith('"MARK"');
      }
    });
  });

  test("are the same when they are applied again", () => {
    forSeeds(2000, (random) => {
      const body = latin1OfUtf8(randomDocument(random, 3).text);
      const rules = { defaults: {}, overrides: randomValues(random), remove: [] };
      const once = withParameters(body, "openai-chat", rules);
      expect(plainOf(parsed(withParameters(once, "openai-chat", rules)))).toEqual(plainOf(parsed(once)));
    });
  });

  test("throw for no body, whole or damaged, and keep a sound one sound", () => {
    const portable = { temperature: 1, stop: "END", reasoning_effort: "low", max_tokens: 5, "a.b.c": 1 };
    forSeeds(3000, (random) => {
      const sound = latin1OfUtf8(randomDocument(random, 4).text);
      const rules = { defaults: portable, overrides: randomValues(random), remove: ["a.0", "seed"] };
      const protocol = random.pick(protocolNames);
      expect(() => JSON.parse(utf8OfLatin1(withParameters(sound, protocol, rules))) as unknown).not.toThrow();
      expect(withParameters(wounded(sound, random), protocol, rules)).toBeString();
    });
  });

  test("reach through bodies as deep as the gateway takes them", () => {
    const deep = `${'{"a":'.repeat(1000)}[${"[".repeat(500)}${"]".repeat(500)}]${"}".repeat(1000)}`;
    const path = Array.from({ length: 100 }, () => "a").join(".");
    const rules = { defaults: {}, overrides: { [path]: 1 }, remove: [] };
    expect(withParameters(deep, "openai-chat", rules)).toBe(`${'{"a":'.repeat(100)}1${"}".repeat(100)}`);
  });
});
