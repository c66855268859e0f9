import { describe, expect, test } from "bun:test";
import { elementsBackwards } from "../../src/lib/json-backwards.ts";
import { scanDocument, scanElements } from "../../src/lib/json-scan.ts";
import { randomDocument } from "./random-json.ts";
import { forSeeds, quickest } from "./seeded.ts";

describe("elements from the last to the first", () => {
  test("are those from the first to the last", () => {
    forSeeds(5000, (random) => {
      const { text } = randomDocument(random, 5);
      for (const member of scanDocument(text, 64).members)
        expect([...elementsBackwards(text, member)].reverse()).toEqual(scanElements(text, member.start));
    });
  });

  test.each([
    ["[]", []],
    ["[ \n]", []],
    ["[1]", ["1"]],
    ["[ -1.5e3 , null,true ]", ["true", "null", "-1.5e3"]],
    ['["\\"","\\\\","\\\\\\"[",""]', ['""', '"\\\\\\"["', '"\\\\"', '"\\""']],
    ['[{"a":"]}"},[[],{"b":[0]}]]', ['[[],{"b":[0]}]', '{"a":"]}"}']],
  ])("of %s are %j", (value, elements) => {
    const text = `{"x":${value},"y":[9]}`;
    const found = [...elementsBackwards(text, { start: 5, end: 5 + value.length })];
    expect(found.map(({ start, end }) => text.slice(start, end))).toEqual(elements);
  });

  test("are none of a value that is no array", () => {
    for (const value of ["{}", "1", '"[]"', "null"])
      expect([...elementsBackwards(`{"a":${value}}`, { start: 5, end: 5 + value.length })]).toEqual([]);
  });

  test("are found in time that grows with what is looked at only", () => {
    for (const element of ['"a"', `"${"\\\\".repeat(500)}"`, '"\\""', "[[],{}]", "0"]) {
      const value = `[${`${element},`.repeat((1 << 20) / element.length)}1]`;
      const array = { start: 0, end: value.length };
      expect(quickest(() => void [...elementsBackwards(value, array)])).toBeLessThan(200);
      expect(quickest(() => void elementsBackwards(value, array).next())).toBeLessThan(5);
    }
  });
});
