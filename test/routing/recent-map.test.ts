import { expect, test } from "bun:test";
import { createRecentMap } from "../../src/routing/recent-map.ts";

test("what was used lately is remembered, and no more than twice as much", () => {
  const map = createRecentMap<number>(100);
  for (let index = 0; index < 10_000; index += 1) {
    map.set(`k${index}`, index);
    // Used again and again, however much comes by.
    map.set("always", -1);
    expect(map.size()).toBeLessThanOrEqual(200);
  }
  expect(map.get("always")).toBe(-1);
  for (let index = 9_950; index < 10_000; index += 1) expect(map.get(`k${index}`)).toBe(index);
  expect(map.get("k1")).toBeUndefined();
});

test("a newer value is never hidden by an older one", () => {
  const map = createRecentMap<number>(2);
  map.set("a", 1);
  map.set("b", 1);
  map.set("c", 1);
  map.set("a", 2);
  for (const name of ["d", "e", "a", "f"]) {
    if (name !== "a") map.set(name, 1);
    expect(map.get("a")).toBe(2);
  }
});

test("reading keeps an entry", () => {
  const map = createRecentMap<number>(10);
  map.set("kept", 1);
  for (let index = 0; index < 1000; index += 1) {
    map.set(`k${index}`, index);
    expect(map.get("kept")).toBe(1);
  }
});
