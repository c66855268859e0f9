import { describe, expect, test } from "bun:test";
import { JsonScanError, scanDocument, scanElements, scanMembers, skipSpace } from "../../src/lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../src/lib/latin1.ts";
import { randomDocument, wounded } from "./random-json.ts";
import { forSeeds, quickest } from "./seeded.ts";

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function scanned(text: string): ReturnType<typeof scanDocument> | JsonScanError {
  try {
    return scanDocument(text, 64);
  } catch (error) {
    if (error instanceof JsonScanError) return error;
    throw error;
  }
}

describe("random JSON", () => {
  test("has the members that were written, in order, with their own text", () => {
    forSeeds(3000, (random) => {
      const { text, members } = randomDocument(random, 5);
      const found = scanDocument(text, 64).members;
      expect(found.map(({ key, start, end }) => ({ key, value: text.slice(start, end) }))).toEqual(members);
    });
  });

  test("has the members that JSON.parse finds", () => {
    forSeeds(2000, (random) => {
      const { text } = randomDocument(random, 5);
      const oracle = JSON.parse(text) as Record<string, unknown>;
      const lastOf = new Map(scanDocument(text, 64).members.map((member) => [member.key, member]));
      expect([...lastOf.keys()].sort()).toEqual(Object.keys(oracle).sort());
      for (const [key, { start, end }] of lastOf)
        expect(JSON.parse(text.slice(start, end)) as unknown).toEqual(oracle[key]);
    });
  });

  test("is cut at the same values when it is read as bytes", () => {
    forSeeds(1000, (random) => {
      const { text, members } = randomDocument(random, 4);
      const bytes = latin1OfUtf8(text);
      const values = scanDocument(bytes, 64).members.map(({ start, end }) => utf8OfLatin1(bytes.slice(start, end)));
      expect(values).toEqual(members.map(({ value }) => value));
    });
  });

  test("gives brace positions that enclose all members", () => {
    forSeeds(500, (random) => {
      const { text, members } = randomDocument(random, 3);
      const { open, close } = scanDocument(text, 64);
      expect([text[open - 1], text[close]]).toEqual(["{", "}"]);
      expect(skipSpace(text, open) === close).toBe(members.length === 0);
    });
  });
});

describe("damaged JSON", () => {
  test("is taken where JSON.parse takes it, and nowhere else", () => {
    forSeeds(20_000, (random) => {
      let { text } = randomDocument(random, 4);
      for (let wound = random.below(3); wound >= 0; wound -= 1) text = wounded(text, random);
      const oracle = parsed(text);
      const isObject = typeof oracle?.value === "object" && oracle.value !== null && !Array.isArray(oracle.value);
      expect({ text, isTaken: !(scanned(text) instanceof JsonScanError) }).toEqual({ text, isTaken: isObject });
    });
  });

  test("is refused with a position inside the text", () => {
    forSeeds(5000, (random) => {
      const text = wounded(randomDocument(random, 4).text, random);
      const result = scanned(text);
      if (!(result instanceof JsonScanError)) return;
      expect(result.offset).toBeGreaterThanOrEqual(0);
      expect(result.offset).toBeLessThanOrEqual(text.length);
    });
  });

  test.each([
    ["", "an object is expected"],
    ["[]", "an object is expected"],
    ["null", "an object is expected"],
    ['"a"', "an object is expected"],
    ["\ufeff{}", "an object is expected"],
    ["{", "a key in quotes is expected"],
    ["{a:1}", "a key in quotes is expected"],
    ["{'a':1}", "a key in quotes is expected"],
    ['{"a":1,}', "a key in quotes is expected"],
    ['{"a"}', "a colon is expected"],
    ['{"a":}', "a value is expected"],
    ['{"a":', "the text ends too early"],
    ['{"a":[1', "a comma or ] is expected"],
    ['{"a":[1,]}', "a value is expected"],
    ['{"a":1 "b":2}', "a comma or } is expected"],
    ['{"a":01}', "a comma or } is expected"],
    ['{"a":1.}', "a comma or } is expected"],
    ['{"a":.5}', "a value is expected"],
    ['{"a":+1}', "a value is expected"],
    ['{"a":NaN}', "a value is expected"],
    ['{"a":truex}', "a comma or } is expected"],
    ['{"a":"b', "a string is not closed"],
    ['{"a":"b\\"}', "a string is not closed"],
    ['{"\\x":1}', "a key has a broken escape"],
    ["{}{}", "there is text behind the end of the object"],
    ["{}\u00a0", "there is text behind the end of the object"],
  ])("%p is refused: %s", (text, message) => {
    expect(() => scanDocument(text, 64)).toThrow(message);
  });
});

describe("the inside of a string", () => {
  test.each([
    ['{"a":"\\x"}', 6, "a broken escape"],
    ['{"a":"\\\\\\x"}', 8, "a broken escape"],
    ['{"a":"\\u12"}', 6, "a broken escape"],
    ['{"a":"\\u12g4"}', 6, "a broken escape"],
    ['{"a":["\\n","\\U0041"]}', 12, "a broken escape"],
    ['{"a":"\n"}', 6, "a line break"],
    ['{\n"a":"b",\n"c":"\t"}', 16, "a line break or another control character"],
    ['{"a":{"b\u0000":1}}', 8, "another control character"],
  ])("of %p is refused at %i: %s", (text, offset, message) => {
    expect(parsed(text)).toBeUndefined();
    const error = scanned(text);
    expect(error).toBeInstanceOf(JsonScanError);
    expect(error).toMatchObject({ offset, message: expect.stringContaining(message) as string });
  });

  test.each([
    '{"a":"\\\\x"}',
    '{"a":"\\\\u12"}',
    '{"C:\\\\Users":"\\\\d\\u00e9\\uD800\\/"}',
    '{\r\n\t"a" : "\u007f"\n}',
  ])("of %p is taken", (text) => {
    expect(parsed(text)).toBeDefined();
    expect(scanDocument(text, 4).members).toHaveLength(1);
  });
});

test("an escaped key names the same member", () => {
  expect(scanDocument('{"mod\\u0065l":1,"\\u006dodel":2}', 4).members.map(({ key }) => key)).toEqual([
    "model",
    "model",
  ]);
});

const nested = (depth: number, open: string, close: string): string =>
  `{"a":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}`;

describe("nesting", () => {
  test.each([
    ["[", "]"],
    ['{"b":', "}"],
  ])("of %p is taken up to the limit and not beyond", (open, close) => {
    for (const limit of [2, 3, 64, 1000]) {
      expect(scanDocument(nested(limit, open, close), limit).members).toHaveLength(1);
      expect(() => scanDocument(nested(limit + 1, open, close), limit)).toThrow("the nesting is too deep");
    }
  });

  test("of a flat object is one", () => {
    expect(scanDocument('{"a":1}', 1).members).toHaveLength(1);
    expect(() => scanDocument('{"a":[]}', 1)).toThrow("the nesting is too deep");
  });

  test("that is hostile ends at the limit, not in a full stack", () => {
    expect(() => scanDocument(`{"a":${"[".repeat(1 << 20)}`, 1000)).toThrow("the nesting is too deep");
    expect(() => scanDocument('{"a":'.repeat(1 << 18), 1000)).toThrow("the nesting is too deep");
  });
});

describe("a mebibyte of", () => {
  const size = 1 << 20;
  const hostile: Record<string, string> = {
    "open brackets": `{"a":${"[".repeat(size)}`,
    "open braces": `{"a":${"{".repeat(size)}`,
    "backslashes in a string": `{"a":"${"\\".repeat(size)}`,
    "closed backslashes": `{"a":"${"\\".repeat(size)}"}`,
    "escaped quotes": `{"a":"${'\\"'.repeat(size / 2)}`,
    "backslash runs before quotes": `{"a":"${`${"\\".repeat(1023)}"`.repeat(size / 1024)}`,
    quotes: `{"a":${'"'.repeat(size)}`,
    "empty strings": `{"a":[${'"",'.repeat(size / 3)}""]}`,
    "empty members": `{${'"":0,'.repeat(size / 5)}"":0}`,
    "escaped keys": `{${'"\\u0061":0,'.repeat(size / 11)}"":0}`,
    "pairs before a letter": `{"a":"${"\\\\\\\\x".repeat(size / 5)}"}`,
    "line breaks between tokens": `{"a":[${'"",\n'.repeat(size / 4)}""]}`,
    "one long key": `{"${"k".repeat(size)}":0}`,
    digits: `{"a":${"1".repeat(size)}}`,
    "digits and a broken end": `{"a":${"1".repeat(size)}.e}`,
    zeros: `{"a":${"0".repeat(size)}}`,
    "minus signs": `{"a":${"-".repeat(size)}}`,
    "white space": `{"a":${" ".repeat(size)}`,
    commas: `{"a":[${",".repeat(size)}]}`,
    "small nestings": `{"a":[${"[[[]]],".repeat(size / 7)}1]}`,
    "odd escapes": `{"a":"${"\\q".repeat(size / 2)}"}`,
    "escapes that only look odd": `{"a":"${"\\\\q".repeat(size / 3)}"}`,
    "backslash runs before odd letters": `{"a":"${`${"\\".repeat(1022)}q`.repeat(size / 1024)}"}`,
    "line breaks between strings": `{"a":[${'"",\n'.repeat(size / 4)}""]}`,
    "one long string and a line break": `{\n"a":"${"x".repeat(size)}"}`,
    "truncated literals": `{"a":[${"tru,".repeat(size / 4)}]}`,
  };

  for (const [name, text] of Object.entries(hostile)) {
    test(`${name} is read in linear time`, () => {
      expect(quickest(() => void scanned(text))).toBeLessThan(100);
    });
  }
});

describe("elements of an array", () => {
  test("are those of JSON.parse", () => {
    forSeeds(2000, (random) => {
      const { text } = randomDocument(random, 5);
      for (const { start, end } of scanMembers(text, skipSpace(text, 0), 64).members) {
        const value = JSON.parse(text.slice(start, end)) as unknown;
        const elements = scanElements(text, start).map((range) => JSON.parse(text.slice(range.start, range.end)));
        expect(elements).toEqual(Array.isArray(value) ? value : []);
      }
    });
  });

  test("are none of a value that is no array", () => {
    for (const value of ["{}", "1", '"[]"', "null"]) expect(scanElements(`{"a":${value}}`, 5)).toEqual([]);
  });
});
