import { describe, expect, test } from "bun:test";
import { yamlDuplicates } from "../../src/config/yaml-duplicates.ts";
import { createRandom } from "../support/random.ts";

function found(text: string): string[] {
  return yamlDuplicates(text, (yaml) => Bun.YAML.parse(yaml)).map(({ key, line }) => `${line}: ${key}`);
}

describe("a key written twice in {…}", () => {
  test.each([
    ["in one line", "server: {port: 1, port: 2}\n", ["1: port"]],
    ["over several lines", "server: {\n  port: 1,\n  host: x,\n  port: 2 }\n", ["4: port"]],
    [
      "in lists",
      "m:\n  - { provider: a, model: x,\n      model: y }\n  - [ {a: 1}, {b: 1, b: 2} ]\n",
      ["3: model", "4: b"],
    ],
    ["at the root", '{ "models": {}, providers: {},\n  models: {} }\n', ["2: models"]],
    ["as objects", "models: { m: { targets: [{a: 1}] }, n: {a: 1}, m: { targets: [] } }\n", ["1: m"]],
    ["in quotes and without", "a: {'port': 1, port: 2, \"port\":3}\n", ["1: port", "1: port"]],
    ["behind an anchor", "a: &x {port: 1, port: 2}\nb: *x\n", ["1: port"]],
    ["behind a comment with brackets", "a: { port: 1, # don't {\n  port: 2 }\n", ["2: port"]],
    ["behind plain texts with quotes", "a: {t: don't, port: 1, u: it's, port: 2}\n", ["1: port"]],
    ["behind quoted texts with brackets", "a: {t: 'it''s }', u: \"\\\"}\", port: 1, port: 2}\n", ["1: port"]],
    [
      "inside what another one hides",
      "m: {a: {x: 1, x: 2}, b: 1, a: {y: 1}, a: {z: 1, z: 2}}\n",
      ["1: x", "1: a", "1: a", "1: z"],
    ],
    ["on a line of its own", "a:\n  {port: 1, port: 2}\n", ["2: port"]],
    ["with Windows line ends", "a: {\r\n  port: 1,\r\n  port: 2\r\n}\r\nb: 1\r\nb: 2\r\n", ["3: port", "6: b"]],
    ["with lines that follow", "a: {port: 1, port: 2}\nb: 1\nc: 2\nb: 3\n", ["1: port", "4: b"]],
  ])("%s is found with its line", (_name, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test.each([
    ["quoted texts that look like it", "a: {t: \"port: 1, port: 2\", u: '{x: 1, x: 2}'}\n"],
    ["nested objects", "a: {port: 1, b: {port: 2, c: {port: 3}}, d: [{port: 4}, {port: 5}]}\n"],
    ["pairs in a list", "a: [port: 1, port: 2]\n"],
    ["block texts", "a: |\n  {port: 1, port: 2}\nb: >-\n  x: {y: 1, y: 2}\n"],
    ["plain texts", "a: see {port: 1\nb: text, port: 1\n"],
    ["comments", "# a: {port: 1, port: 2}\na: 1 # {port: 1, port: 2}\n"],
    ["merges of anchors", "x: &x {port: 1}\ny: &y {port: 2}\nb: {<<: *x, port: 2}\nc: {d: *x, e: *x}\n"],
    ["addresses", "a: {u: http://h/x, v: http://h/y}\n"],
    ["texts over several lines", 'a: "x {port: 1,\n  port: 2}"\nb: 1\n'],
  ])("is not seen in %s", (_name, text) => {
    expect(found(text)).toEqual([]);
  });

  test("is found where one was added, and nowhere in what JSON writes", () => {
    const random = createRandom(7);
    const texts = ["x", "it's", 'say "y"', "a: 1, a: 2", "{", "]", "# no", "\\", "${A}", ""];
    const pick = (most: number): number => Math.floor(random() * most);
    const value = (depth: number): unknown => {
      if (depth === 0 || pick(3) === 0) return texts[pick(texts.length)];
      const items = Array.from({ length: 1 + pick(3) }, () => value(depth - 1));
      return pick(2) === 0 ? items : Object.fromEntries(items.map((item, index) => [`k${index}`, item]));
    };
    for (let round = 0; round < 300; round += 1) {
      const written = JSON.stringify(value(4), null, pick(2) * 2);
      const before = `a: {first: ${written}`;
      expect(found(`${before}}\nb: 1\n`)).toEqual([]);
      expect(found(`${before}, first: 1}\nb: 1\n`)).toEqual([`${before.split("\n").length}: first`]);
    }
  });

  test("takes no time that grows with the square of a text", () => {
    const text = `a: {${Array.from({ length: 20_000 }, (_, index) => `key-${index}: [${"x ".repeat(5)}]`).join(", ")}}\n`;
    const start = performance.now();
    expect(found(text)).toEqual([]);
    expect(performance.now() - start).toBeLessThan(1500);
  });
});
