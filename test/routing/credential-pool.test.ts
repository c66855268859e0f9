import { describe, expect, test } from "bun:test";
import { createCredentialPool } from "../../src/routing/credential-pool.ts";
import { forSeeds } from "../lib/seeded.ts";

describe("credentials", () => {
  test("take turns, and every one of them is offered each time", () => {
    const pool = createCredentialPool(["a", "b", "c"]);
    expect([1, 2, 3, 4].map(() => pool.inTurn().join(""))).toEqual(["abc", "bca", "cab", "abc"]);
  });

  test("that are cooling go to the end until they have cooled", () => {
    let now = 0;
    const pool = createCredentialPool(["a", "b", "c"], () => now);
    pool.cool("a", 1000);
    pool.cool("b", 5000);
    expect(pool.inTurn().join("")).toBe("cab");
    now = 1000;
    expect(pool.inTurn().join("")).toBe("cab");
    expect(pool.inTurn().join("")).toBe("cab");
    now = 5000;
    expect(pool.inTurn().join("")).toBe("abc");
  });

  test("that cool all at once are offered with the shortest wait first", () => {
    const pool = createCredentialPool(["a", "b", "c"], () => 0);
    for (const [credential, wait] of [
      ["a", 300],
      ["b", 100],
      ["c", 200],
    ] as const)
      pool.cool(credential, wait);
    for (let turn = 0; turn < 3; turn += 1) expect(pool.inTurn().join("")).toBe("bca");
  });

  test("of one or none are always the same", () => {
    const single = createCredentialPool(["only"]);
    single.cool("only", 1000);
    expect([single.inTurn(), single.inTurn()]).toEqual([["only"], ["only"]]);
    const none = createCredentialPool([]);
    none.cool(undefined, 1000);
    expect(none.inTurn()).toEqual([undefined]);
  });

  test("are never lost, doubled or favoured, whatever is cooled", () => {
    forSeeds(200, (random) => {
      let now = 0;
      const names = ["a", "b", "c", "d"].slice(0, 2 + random.below(3));
      const pool = createCredentialPool(names, () => now);
      for (let step = 0; step < 30; step += 1) {
        now += random.below(100);
        if (random.chance(0.3)) pool.cool(random.pick([...names, undefined, "stranger"]), random.below(500));
        expect(pool.inTurn()).toHaveLength(names.length);
        expect(new Set(pool.inTurn())).toEqual(new Set(names));
      }
      now += 1000;
      const first = names.map(() => pool.inTurn()[0]);
      expect(new Set(first)).toEqual(new Set(names));
    });
  });
});
