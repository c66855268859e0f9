import { describe, expect, test } from "bun:test";
import type { Strategy } from "../../../src/config/schema-routing.ts";
import type { RequestFacts } from "../../../src/routing/route.ts";
import { selectors } from "../../../src/routing/selectors/registry.ts";
import type { Candidate, Choice } from "../../../src/routing/selectors/selector.ts";
import { createRandom } from "../../support/random.ts";
import { facts, namesOf, rigOf, type Rig } from "../rig.ts";

interface Bench {
  rig: Rig;
  candidates: Candidate[];
  /** One choice: who goes first, and who comes after. */
  order: () => string;
}

interface BenchOptions {
  random?: () => number;
  facts?: RequestFacts;
  /** Takes turns as a stage does. */
  takesTurns?: boolean;
}

function bench(strategy: Strategy, targets: readonly Record<string, unknown>[], options: BenchOptions = {}): Bench {
  const rig = rigOf(targets);
  const selector = selectors[strategy];
  const candidates = rig.stage("m").targets.map((target) => ({ target, lastTurn: 0, score: undefined, rank: 0 }));
  const choice: Choice = {
    random: options.random ?? createRandom(1),
    facts: options.facts ?? facts(),
    findFacts: rig.findFacts,
    priceOf: rig.priceOf,
  };
  let turn = 0;
  return {
    rig,
    candidates,
    order() {
      const group: Candidate[] = [...candidates];
      for (const candidate of group) candidate.score = selector.measure(candidate.target, choice);
      selector.order(group, choice);
      turn += 1;
      if (options.takesTurns === true && group[0] !== undefined) group[0].lastTurn = turn;
      return namesOf(group.map(({ target }) => target));
    },
  };
}

function tally(choices: number, choose: () => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let count = 0; count < choices; count += 1) {
    const chosen = choose();
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
  }
  return counts;
}

/** Sum of squared deviations from what is expected, each in units of it. */
function chiSquare(counts: ReadonlyMap<string, number>, expected: Readonly<Record<string, number>>): number {
  return Object.entries(expected).reduce(
    (sum, [name, count]) => sum + ((counts.get(name) ?? 0) - count) ** 2 / count,
    0,
  );
}

/** Exceeded by chance once in a thousand times, by degrees of freedom. */
const unlikely = [0, 10.83, 13.82, 16.27, 18.47, 20.52];

const firstOf = (order: string): string => order.slice(0, 1);

describe("weighted", () => {
  test("gives 3 of 4 first places to the weight of 3 against 1", () => {
    const { order } = bench("weighted", [{ weight: 3 }, { weight: 1 }]);
    const counts = tally(10_000, () => firstOf(order()));
    expect(chiSquare(counts, { a: 7500, b: 2500 })).toBeLessThan(unlikely[1] ?? 0);
  });

  test("gives every order of three its probability, so that the rest is weighted too", () => {
    const { order } = bench("weighted", [{ weight: 5 }, { weight: 3 }, { weight: 2 }], { random: createRandom(7) });
    const counts = tally(20_000, order);
    const weights = { a: 5, b: 3, c: 2 };
    const expected = ["a b c", "a c b", "b a c", "b c a", "c a b", "c b a"].map((way) => {
      const [first, second] = way.split(" ") as ["a" | "b" | "c", "a" | "b" | "c"];
      return [way, (20_000 * weights[first] * weights[second]) / (10 * (10 - weights[first]))] as const;
    });
    expect(chiSquare(counts, Object.fromEntries(expected))).toBeLessThan(unlikely[5] ?? 0);
  });

  test("takes fractions as weights", () => {
    const { order } = bench("weighted", [{ weight: 0.1 }, { weight: 0.3 }]);
    const counts = tally(10_000, () => firstOf(order()));
    expect(chiSquare(counts, { a: 2500, b: 7500 })).toBeLessThan(unlikely[1] ?? 0);
  });

  test("puts weight 0 last, whatever the dice say", () => {
    for (const value of [0, 0.5, 1 - 2 ** -32]) {
      const { order } = bench("weighted", [{ weight: 0 }, { weight: 1 }, { weight: 0.001 }], { random: () => value });
      expect(order().endsWith("a")).toBe(true);
    }
  });

  test("keeps the written order among weights of 0", () => {
    const { order } = bench("weighted", [{ weight: 0 }, { weight: 0 }]);
    expect([...tally(100, order).keys()]).toEqual(["a b"]);
  });

  test("shows its weight as what is compared", () => {
    const { candidates, order } = bench("weighted", [{ weight: 3 }, { weight: 1 }]);
    order();
    expect(candidates.map(({ score }) => score)).toEqual([3, 1]);
  });
});

describe("random", () => {
  test("gives every order of three the same probability, whatever the weights are", () => {
    const { order } = bench("random", [{ weight: 9 }, {}, {}]);
    const counts = tally(12_000, order);
    const ways = ["a b c", "a c b", "b a c", "b c a", "c a b", "c b a"];
    expect(chiSquare(counts, Object.fromEntries(ways.map((way) => [way, 2000])))).toBeLessThan(unlikely[5] ?? 0);
  });
});

describe("round_robin", () => {
  test("goes round in the order they are written", () => {
    const { order } = bench("round_robin", [{}, {}, {}], { takesTurns: true });
    expect(Array.from({ length: 5 }, order)).toEqual(["a b c", "b c a", "c a b", "a b c", "b c a"]);
  });

  test("shares evenly among those that are left while one is away, and gives it its turn when it is back", () => {
    const { candidates, order } = bench("round_robin", [{}, {}, {}], { takesTurns: true });
    order();
    const [away] = candidates.splice(1, 1);
    const counts = tally(100, () => firstOf(order()));
    expect(counts.get("a")).toBe(50);
    expect(counts.get("c")).toBe(50);
    if (away !== undefined) candidates.splice(1, 0, away);
    expect(firstOf(order())).toBe("b");
    expect(tally(99, () => firstOf(order()))).toEqual(
      new Map([
        ["a", 33],
        ["c", 33],
        ["b", 33],
      ]),
    );
  });
});

describe("least_used", () => {
  test("prefers the one with fewer requests on their way", () => {
    const { rig, order } = bench("least_used", [{}, {}, {}]);
    const [first, second] = rig.stage("m").targets;
    first?.health.begin();
    first?.health.begin();
    const ticket = second?.health.begin();
    expect(order()).toBe("c b a");
    ticket?.end("ok");
    expect(order()).toBe("b c a");
  });

  test("counts them for each unit of weight", () => {
    const { rig, order } = bench("least_used", [{ weight: 1 }, { weight: 4 }]);
    const [first, second] = rig.stage("m").targets;
    first?.health.begin();
    for (let count = 0; count < 3; count += 1) second?.health.begin();
    expect(order()).toBe("b a");
    second?.health.begin();
    second?.health.begin();
    expect(order()).toBe("a b");
  });

  test("lets idle ones take turns", () => {
    const { order } = bench("least_used", [{}, {}], { takesTurns: true });
    expect(Array.from({ length: 4 }, () => firstOf(order()))).toEqual(["a", "b", "a", "b"]);
  });

  test("is no trouble with weights of 0", () => {
    const { rig, order } = bench("least_used", [{ weight: 0 }, { weight: 0 }]);
    rig.stage("m").targets[0]?.health.begin();
    expect(order()).toBe("b a");
  });
});

/** Targets with these latencies. */
function measured(latencies: readonly (number | undefined)[], options: BenchOptions = {}): Bench {
  const made = bench(
    "lowest_latency",
    latencies.map(() => ({})),
    options,
  );
  for (const [index, latency] of latencies.entries()) {
    if (latency === undefined) continue;
    const ticket = made.rig.stage("m").targets[index]?.health.begin();
    ticket?.opened(latency, "whole");
    ticket?.end("ok");
  }
  return made;
}

describe("lowest_latency", () => {
  test("prefers the faster of two", () => {
    expect(measured([300, 100]).order()).toBe("b a");
  });

  test("counts the requests that wait there already", () => {
    const { rig, order } = measured([300, 100]);
    for (let count = 0; count < 3; count += 1) rig.stage("m").targets[1]?.health.begin();
    expect(order()).toBe("a b");
  });

  test("explores what it knows nothing of first, with one request at a time", () => {
    const { rig, order } = measured([100, undefined, 200]);
    expect(firstOf(order())).toBe("b");
    rig.stage("m").targets[1]?.health.begin();
    expect(order().endsWith("b")).toBe(true);
  });

  test("spreads over all while nothing is known of any", () => {
    const { rig, order } = measured([undefined, undefined, undefined]);
    const chosen = Array.from({ length: 6 }, () => {
      const first = firstOf(order());
      rig.stage("m").targets["abc".indexOf(first)]?.health.begin();
      return first;
    });
    expect(chosen.slice(0, 3).sort()).toEqual(["a", "b", "c"]);
  });

  test("takes the better of two at random among more, so that the slowest is never first and the fastest not always", () => {
    const { order } = measured([100, 200, 300]);
    const counts = tally(9000, () => firstOf(order()));
    expect(chiSquare(counts, { a: 6000, b: 3000 })).toBeLessThan(unlikely[1] ?? 0);
    expect(counts.has("c")).toBe(false);
  });

  test("goes by the time to the first content for streams", () => {
    const { rig, order } = bench("lowest_latency", [{}, {}], { facts: facts({ stream: true }) });
    for (const [index, [stream, whole]] of [[500, 100] as const, [100, 500] as const].entries()) {
      const health = rig.stage("m").targets[index]?.health;
      for (const [ms, kind] of [[stream, "stream"] as const, [whole, "whole"] as const]) {
        const ticket = health?.begin();
        ticket?.opened(ms, kind);
        ticket?.end("ok");
      }
    }
    expect(order()).toBe("b a");
  });
});

describe("cheapest", () => {
  const prompt = { messages: [{ role: "user", content: "x".repeat(4000 - 50) }] };

  test("goes by what the request may cost: input prices for long prompts, output prices for long answers", () => {
    const targets = [{ price: { input: 1, output: 10 } }, { price: { input: 3, output: 3 } }];
    const short = facts({ body: { max_tokens: 10_000 } });
    expect(bench("cheapest", targets, { facts: short }).order()).toBe("b a");
    const long = facts({ body: { ...prompt, max_tokens: 10 } });
    expect(bench("cheapest", targets, { facts: long }).order()).toBe("a b");
  });

  test("puts unknown prices last and free ones first", () => {
    const { order } = bench("cheapest", [{}, { price: { input: 1, output: 1 } }, { price: { input: 0, output: 0 } }]);
    expect(order()).toBe("c b a");
  });

  test("knows the catalog's price where none is configured, and prefers the configured one", () => {
    const { rig, order, candidates } = bench("cheapest", [{}, { price: { input: 2, output: 2 } }]);
    rig.listed = { a: { a1: { pricing: { input: 1, output: 1 } } }, b: { b1: { pricing: { input: 0, output: 0 } } } };
    expect(order()).toBe("a b");
    expect((candidates[1]?.score ?? 0) / (candidates[0]?.score ?? 1)).toBeCloseTo(2, 9);
  });

  test("measures dollars", () => {
    const { order, candidates } = bench("cheapest", [{ price: { input: 2, output: 8 } }, {}], {
      facts: facts({ text: `{"max_tokens":500,"x":"${"y".repeat(4000 - 25)}"}` }),
    });
    order();
    expect(candidates[0]?.score).toBeCloseTo((1000 * 2 + 500 * 8) / 1_000_000, 5);
    expect(candidates[1]?.score).toBeUndefined();
  });
});

test("priority keeps the written order", () => {
  const { order } = bench("priority", [{ weight: 1 }, { weight: 5 }, {}]);
  expect(order()).toBe("a b c");
});
