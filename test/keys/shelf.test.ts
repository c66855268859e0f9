import { expect, test } from "bun:test";
import { createShelf } from "../../src/keys/shelf.ts";
import { forSeeds } from "../lib/seeded.ts";

interface Thing {
  readonly id: string;
  readonly version: number;
}

const idsIn = (things: Iterable<Thing>): string[] => [...things].map(({ id }) => id);

test("what is removed and comes back is listed once, in its place", () => {
  const shelf = createShelf<Thing>();
  for (let index = 0; index < 6; index += 1) shelf.set({ id: `key_${index}`, version: index + 1 });
  shelf.remove({ id: "key_3", version: 10 });
  shelf.set({ id: "key_3", version: 11 });
  expect(idsIn(shelf.before())).toEqual(["key_5", "key_4", "key_3", "key_2", "key_1", "key_0"]);
  expect(idsIn(shelf.before("key_4"))).toEqual(["key_3", "key_2", "key_1", "key_0"]);
});

test("however things come and go, pages list what there is, each once, the newest first", () => {
  forSeeds(60, (random) => {
    const shelf = createShelf<Thing>();
    const there = new Set<string>();
    for (let version = 1; version < 300; version += 1) {
      const id = `key_${String(random.below(40)).padStart(2, "0")}`;
      if (random.pick([true, false])) {
        shelf.set({ id, version });
        there.add(id);
      } else {
        shelf.remove({ id, version });
        there.delete(id);
      }
      if (version % 7 === 0) expect(idsIn(shelf.before())).toEqual([...there].toSorted().toReversed());
    }
    expect(shelf.size).toBe(there.size);
  });
});
