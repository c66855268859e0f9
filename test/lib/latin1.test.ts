import { expect, test } from "bun:test";
import { bytesOfLatin1, latin1Of, latin1OfUtf8, utf8OfLatin1 } from "../../src/lib/latin1.ts";
import { forSeeds } from "./seeded.ts";

test("any bytes come back as they were, one character each", () => {
  forSeeds(200, (random) => {
    const bytes = Uint8Array.from({ length: random.below(300) }, () => random.below(256));
    const text = latin1Of(bytes);
    expect(text).toHaveLength(bytes.length);
    expect(new Uint8Array(bytesOfLatin1(text))).toEqual(bytes);
  });
});

test("a view into a larger buffer is read within its bounds", () => {
  expect(latin1Of(new Uint8Array([1, 65, 66, 2]).subarray(1, 3))).toBe("AB");
});

test("text goes to its UTF-8 bytes and back, and pieces cut inside a character join again", () => {
  const text = "aé日本😀\u0000";
  const bytes = latin1OfUtf8(text);
  expect(bytes).toHaveLength(Buffer.byteLength(text));
  for (let at = 0; at <= bytes.length; at += 1) {
    const joined = Buffer.concat([bytesOfLatin1(bytes.slice(0, at)), bytesOfLatin1(bytes.slice(at))]);
    expect(joined.toString("utf8")).toBe(text);
  }
  expect(utf8OfLatin1(bytes)).toBe(text);
});
