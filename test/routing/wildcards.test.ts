import { describe, expect, test } from "bun:test";
import { createGlob, createWildcards } from "../../src/routing/wildcards.ts";
import { createRandom } from "../support/random.ts";

describe("a pattern", () => {
  const cases: [pattern: string, fits: string[], others: string[]][] = [
    ["code", ["code"], ["", "Code", "codes", "xcode"]],
    ["*", ["", "x", "a*b"], []],
    ["gpt-*", ["gpt-", "gpt-4", "gpt-*"], ["gpt", "xgpt-4", "GPT-4"]],
    ["*-mini", ["-mini", "o3-mini"], ["mini", "o3-mini-x"]],
    ["a*a", ["aa", "aba"], ["a", "ab"]],
    ["a*b*c", ["abc", "a1b2c", "abbbc", "abcbc"], ["ac", "acb", "abcd"]],
    ["*x*", ["x", "axb"], ["", "ab"]],
    ["a**b", ["ab", "a1b"], ["a"]],
    ["", [""], ["x"]],
    ["a.c", ["a.c"], ["abc"]],
  ];
  for (const [pattern, fits, others] of cases) {
    test(`'${pattern}'`, () => {
      const glob = createGlob(pattern);
      expect(fits.filter(glob)).toEqual(fits);
      expect(others.filter(glob)).toEqual([]);
    });
  }

  test("agrees with the expression it stands for", () => {
    const random = createRandom(5);
    const word = (letters: string): string =>
      Array.from({ length: Math.floor(random() * 7) }, () => letters[Math.floor(random() * letters.length)]).join("");
    for (let round = 0; round < 5000; round += 1) {
      const pattern = word("ab**");
      const text = word("ab");
      expect([pattern, text, createGlob(pattern)(text)]).toEqual([
        pattern,
        text,
        new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text),
      ]);
    }
  });

  test("takes no time that grows faster than the text", () => {
    const glob = createGlob("*a".repeat(50));
    const started = performance.now();
    expect(glob("a".repeat(100_000) + "b")).toBe(false);
    expect(performance.now() - started).toBeLessThan(50);
  });
});

describe("wildcards", () => {
  const wildcards = createWildcards([
    ["*", "any"],
    ["claude-*", "claude"],
    ["claude-*-latest", "latest"],
    ["plain", "plain"],
    ["*-x", "first"],
    ["y-*", "second"],
  ]);

  test("count by their longest literal text, and equal ones by their order", () => {
    expect(wildcards.find("claude-3-latest")).toEqual({ value: "latest", star: "3" });
    expect(wildcards.find("claude-3")).toEqual({ value: "claude", star: "3" });
    expect(wildcards.find("y-x")).toEqual({ value: "first", star: "y" });
    expect(wildcards.find("plain")).toEqual({ value: "any", star: "plain" });
    expect(wildcards.find("claude-latest")).toEqual({ value: "claude", star: "latest" });
  });

  test("stand for nothing too", () => expect(wildcards.find("claude-")).toEqual({ value: "claude", star: "" }));
});
