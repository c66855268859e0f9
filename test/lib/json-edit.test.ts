import { describe, expect, test } from "bun:test";
import { applyEdits, setMember, type JsonEdit } from "../../src/lib/json-edit.ts";
import { scanDocument } from "../../src/lib/json-scan.ts";
import { randomDocument } from "./random-json.ts";
import { forSeeds, type Random } from "./seeded.ts";

function withMember(text: string, key: string, value: string): string {
  return applyEdits(text, setMember(scanDocument(text, 64), key, value));
}

/** Edits of rising position that touch at most at their ends, in any order. */
function randomEdits(source: string, random: Random): JsonEdit[] {
  const edits: JsonEdit[] = [];
  for (let at = random.below(4); at <= source.length; at += 1 + random.below(6)) {
    const end = Math.min(source.length, at + random.below(4));
    edits.push({ start: at, end, text: random.pick(["", "x", "long text"]) });
    at = end;
  }
  return edits;
}

describe("edits", () => {
  test("are the same as splices from the end to the start", () => {
    forSeeds(2000, (random) => {
      const source = "0123456789".repeat(random.below(5));
      const edits = randomEdits(source, random);
      let expected = source;
      for (const edit of [...edits].reverse())
        expected = expected.slice(0, edit.start) + edit.text + expected.slice(edit.end);
      const shuffled = [...edits].sort(() => (random.chance(0.5) ? 1 : -1));
      expect(applyEdits(source, shuffled)).toBe(expected);
    });
  });

  test("at one place are inserted in the order given", () => {
    const edits = ["a", "b", "c"].map((text) => ({ start: 1, end: 1, text }));
    expect(applyEdits("01", edits)).toBe("0abc1");
  });

  test("that are none leave the text as it is", () => {
    expect(applyEdits("anything", [])).toBe("anything");
  });
});

describe("setting a member", () => {
  test("changes its value and nothing else", () => {
    forSeeds(3000, (random) => {
      const { text, members } = randomDocument(random, 4);
      const key = random.pick(["model", "stream", "a", "", "__proto__", "new"]);
      const result = withMember(text, key, '"set"');
      const present = members.filter((member) => member.key === key).length;
      const expected = members.map((member) => (member.key === key ? { key, value: '"set"' } : member));
      if (present === 0) expected.push({ key, value: '"set"' });
      const found = scanDocument(result, 64).members.map((member) => ({
        key: member.key,
        value: result.slice(member.start, member.end),
      }));
      expect(found).toEqual(expected);
      expect(() => JSON.parse(result) as unknown).not.toThrow();
    });
  });

  test("leaves every other byte where it was", () => {
    forSeeds(2000, (random) => {
      const { text } = randomDocument(random, 4);
      const { members } = scanDocument(text, 64);
      const between: string[] = [];
      let at = 0;
      for (const member of members.filter(({ key }) => key === "model")) {
        between.push(text.slice(at, member.start));
        at = member.end;
      }
      between.push(text.slice(at));
      const result = withMember(text, "model", '"MARK"');
      if (between.length > 1) expect(result).toBe(between.join('"MARK"'));
      else expect(result.replace(/,?"model":"MARK"/, "")).toBe(text);
    });
  });

  test.each([
    ["{}", '{"model":"m"}'],
    ["{ }", '{"model":"m" }'],
    ["{\r\n\t}", '{"model":"m"\r\n\t}'],
    ['{"a":1}', '{"a":1,"model":"m"}'],
    ['{ "a" : 1 \n}', '{ "a" : 1,"model":"m" \n}'],
    ['{"model":"x"}', '{"model":"m"}'],
    ['{"model":1.0, "n":12345678901234567890}', '{"model":"m", "n":12345678901234567890}'],
    ['{"mod\\u0065l" : "x" }', '{"mod\\u0065l" : "m" }'],
    ['{"model":"x","model":null,"\\u006dodel":{"a":[]}}', '{"model":"m","model":"m","\\u006dodel":"m"}'],
    ['{"a":{"model":"x"},"b":"\\"model\\":\\"x\\""}', '{"a":{"model":"x"},"b":"\\"model\\":\\"x\\"","model":"m"}'],
    ['{"Model":"x"}', '{"Model":"x","model":"m"}'],
  ])("turns %p into %p", (before, after) => {
    expect(withMember(before, "model", '"m"')).toBe(after);
  });

  test("does so for several members of one object at once", () => {
    const text = '{ "a":1 }';
    const object = scanDocument(text, 4);
    const edits = [
      ...setMember(object, "model", '"m"'),
      ...setMember(object, "b", "2"),
      ...setMember(object, "a", "0"),
    ];
    expect(applyEdits(text, edits)).toBe('{ "a":0,"model":"m","b":2 }');
  });
});
