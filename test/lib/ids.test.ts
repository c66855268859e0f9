import { expect, test } from "bun:test";
import { createId } from "../../src/lib/ids.ts";

test("an id is its prefix and 24 characters of base 36", () => {
  for (const prefix of ["req_", ""]) expect(createId(prefix)).toMatch(new RegExp(`^${prefix}[0-9a-z]{24}$`));
});

test("no id comes twice and every random character comes equally often", () => {
  const count = 20_000;
  const ids = new Set(Array.from({ length: count }, () => createId("")));
  expect(ids.size).toBe(count);
  const frequency = new Map<string, number>();
  for (const id of ids) for (const letter of id.slice(8)) frequency.set(letter, (frequency.get(letter) ?? 0) + 1);
  const expected = (count * 16) / 36;
  expect(frequency.size).toBe(36);
  // 94 is one standard deviation: six of them are never met by chance.
  for (const [letter, seen] of frequency) {
    expect({ letter, isEven: Math.abs(seen - expected) < 6 * Math.sqrt(expected) }).toEqual({ letter, isEven: true });
  }
});

test("later ids sort behind earlier ones", () => {
  const times = [0, 1, 35, 36, 1_700_000_000_000, 1_795_000_000_000];
  const ids = times.map((time) => createId("req_", time));
  expect(ids.toSorted()).toEqual(ids);
});
