import { describe, expect, test } from "bun:test";
import type { Balance } from "../../src/config/schema-routing.ts";
import { balances } from "../../src/config/schema-routing.ts";
import type { Credential, CredentialPool } from "../../src/routing/credential.ts";
import { forSeeds } from "../lib/seeded.ts";
import { createRandom } from "../support/random.ts";
import { createScene, failed, refused, settingsOf, type Scene } from "./health/scene.ts";

interface Pooled extends Scene {
  pool: CredentialPool;
  /** The keys in the order in which a request would try them. */
  turn: (model?: string) => string;
}

function createPool(credentials: readonly unknown[], balance: Balance = "round_robin", seed = 1): Pooled {
  const providers = { p: { type: "openai-compatible", baseUrl: "http://p.test", credentials, balance } };
  const scene = createScene({ providers, health: { retryAfter: "1h" } }, createRandom(seed));
  const config = settingsOf({ providers }).providers["p"];
  if (config === undefined) throw new Error("no provider");
  const pool = scene.registry.poolOf("p", config);
  const turn = (model = "m"): string => keysOf(pool.inTurn(model));
  return { ...scene, pool, turn };
}

function keysOf(credentials: readonly Credential[]): string {
  return credentials.map(({ key }) => key ?? "none").join("");
}

function find({ pool }: Pooled, key: string): Credential {
  const credential = pool.credentials.find((one) => one.key === key);
  if (credential === undefined) throw new Error(`no ${key}`);
  return credential;
}

function cool(pooled: Pooled, key: string, seconds: number, model = "m"): void {
  find(pooled, key)
    .begin(model)
    .end(failed("rate_limit_exceeded", { retryAfterSeconds: seconds }));
}

const abc = ["a", "b", "c"];

describe("credentials", () => {
  test("take turns, and every one of them is offered each time", () => {
    const { turn } = createPool(abc);
    expect([1, 2, 3, 4].map(() => turn())).toEqual(["abc", "bca", "cab", "abc"]);
  });

  test("by priority come as they are written", () => {
    const pooled = createPool(abc, "priority");
    expect([1, 2].map(() => pooled.turn())).toEqual(["abc", "abc"]);
    cool(pooled, "a", 60);
    expect(pooled.turn()).toBe("bca");
  });

  test("by chance come first equally often", () => {
    const { turn } = createPool(abc, "random");
    const counts = new Map<string, number>();
    for (let count = 0; count < 30_000; count += 1) {
      const first = turn().slice(0, 1);
      counts.set(first, (counts.get(first) ?? 0) + 1);
    }
    for (const key of abc) expect(Math.abs((counts.get(key) ?? 0) - 10_000)).toBeLessThan(400);
  });

  test("by weight share in proportion, also those that are left when one fails", () => {
    const weights = { a: 5, b: 3, c: 2 };
    const credentials = Object.entries(weights).map(([key, weight]) => ({ key, weight }));
    const { turn } = createPool(credentials, "weighted");
    let firstA = 0;
    let secondBAfterA = 0;
    for (let count = 0; count < 50_000; count += 1) {
      const order = turn();
      if (order.startsWith("a")) firstA += 1;
      if (order.startsWith("ab")) secondBAfterA += 1;
    }
    expect(Math.abs(firstA / 50_000 - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(secondBAfterA / firstA - 0.6)).toBeLessThan(0.015);
  });

  test("of weight 0 come only when nothing else is left", () => {
    const credentials = [
      { key: "a", weight: 0 },
      { key: "b", weight: 1 },
      { key: "c", weight: 0 },
    ];
    const pooled = createPool(credentials, "weighted");
    for (let count = 0; count < 100; count += 1) expect(pooled.turn().startsWith("b")).toBe(true);
    cool(pooled, "b", 60);
    expect(pooled.turn().endsWith("b")).toBe(true);
  });

  test("by use go to the one with the fewest requests, in turns where they are equal", () => {
    const pooled = createPool(abc, "least_used");
    expect([1, 2, 3].map(() => pooled.turn())).toEqual(["abc", "bca", "cab"]);
    const busy = [find(pooled, "a").begin("m"), find(pooled, "a").begin("m"), find(pooled, "b").begin("m")];
    for (let count = 0; count < 3; count += 1) expect(pooled.turn()).toBe("cba");
    for (const ticket of busy) ticket.end("ok");
    expect(pooled.turn()).toBe("abc");
  });

  test("that cool or are refused come last, the soonest usable first", () => {
    const pooled = createPool(["a", "b", "c", "d"]);
    cool(pooled, "a", 100);
    cool(pooled, "b", 5);
    find(pooled, "c").begin("m").end(refused());
    for (let count = 0; count < 4; count += 1) expect(pooled.turn()).toBe("dbac");
    expect(pooled.turn("other").slice(3)).toBe("c");
    pooled.pass(5000);
    expect([pooled.turn(), pooled.turn()].toSorted()).toEqual(["bdac", "dbac"]);
  });

  test("take the share of a blocked one alike", () => {
    const pooled = createPool(abc);
    cool(pooled, "b", 600);
    const firsts = Array.from({ length: 100 }, () => pooled.turn().slice(0, 1));
    expect(firsts.filter((key) => key === "a")).toHaveLength(50);
  });

  test("of one or none are always the same list", () => {
    for (const [credentials, key] of [[["only"], "only"] as const, [[], undefined] as const]) {
      const pooled = createPool(credentials);
      const { pool } = pooled;
      expect(pool.inTurn("m")).toBe(pool.inTurn("m"));
      expect(pool.inTurn("m").map((one) => one.key)).toEqual([key]);
      pool.credentials[0]?.begin("m").end(failed("rate_limit_exceeded"));
      expect(pool.inTurn("m").map((one) => one.key)).toEqual([key]);
      expect(pool.credentials[0]?.isBlocked("m")).toBe(true);
    }
  });

  test("are never lost, doubled or favoured, whatever happens to them", () => {
    forSeeds(100, (random, seed) => {
      const names = ["a", "b", "c", "d"].slice(0, 2 + random.below(3));
      const pooled = createPool(names, random.pick(balances), seed);
      for (let step = 0; step < 30; step += 1) {
        pooled.pass(random.below(100));
        if (random.chance(0.3)) cool(pooled, random.pick(names), random.below(5));
        if (random.chance(0.1)) find(pooled, random.pick(names)).begin("m").end(refused());
        const order = pooled.pool.inTurn("m");
        expect(keysOf(order).split("").toSorted()).toEqual(names);
        const blocked = order.map((one) => one.isBlocked("m"));
        expect(blocked).toEqual(blocked.toSorted((left, right) => Number(left) - Number(right)));
        const waits = order.flatMap((one) => one.blockedUntil("m") ?? []);
        expect(waits).toEqual(waits.toSorted((left, right) => left - right));
      }
    });
  });
});

describe("a credential's label", () => {
  test("is its place, and the end of a key that is long enough", () => {
    const keys = ["0123456789abcdef", "0123456789abcde", "sk-or-v1-secret-secret-9876"];
    const { pool } = createPool(keys);
    expect(pool.credentials.map(({ label }) => label)).toEqual(["#1 …cdef", "#2", "#3 …9876"]);
  });
});

describe("a credential's scope", () => {
  test("is there where it has limits of its own, and names provider and label", () => {
    const { pool } = createPool(["a", { key: "0123456789abcdef", rpm: 10, concurrency: 2 }]);
    expect(pool.credentials.map(({ scope }) => scope)).toEqual([
      undefined,
      { kind: "credential", id: "p/#2 …cdef", limits: { rpm: 10, tpm: undefined, concurrency: 2 } },
    ]);
  });
});
