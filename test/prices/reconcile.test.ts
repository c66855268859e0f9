import { expect, test } from "bun:test";
import { usedPrice } from "../../src/prices/price.ts";
import { reconcile, type ReportedCosts } from "../../src/prices/reconcile.ts";
import { unknownUsage } from "../../src/telemetry/request-record.ts";

const price = usedPrice({ input: 1, output: 2, request: 0.001 }, { source: "table", asOf: "2026-09-23" });

function group(changes: Partial<ReportedCosts> = {}): ReportedCosts {
  const usage = { ...unknownUsage, input: 1_000_000, output: 500_000 };
  return { provider: "or", model: "m", requests: 10, reportedUsd: 2.01, price, usage, ...changes };
}

test("what was reported stands beside what the price makes of it, fees for each request too", () => {
  expect(reconcile([group()])).toEqual([
    {
      provider: "or",
      model: "m",
      requests: 10,
      reportedUsd: 2.01,
      computedUsd: 2.01,
      differenceUsd: 0,
      share: 0,
      isDrifting: false,
      unpriced: 0,
    },
  ]);
});

test("groups of one model are added, those of others are not", () => {
  const rows = reconcile([group(), group({ reportedUsd: 2 }), group({ model: "n" }), group({ provider: "x" })]);
  expect(rows.map(({ provider, model, requests }) => `${provider}/${model} ${requests}`)).toEqual([
    "or/m 20",
    "or/n 10",
    "x/m 10",
  ]);
});

test.each([
  [2.01, false],
  // Within 2 %.
  [2.049, false],
  [2.06, true],
  [1.96, true],
])("a model with $2.01 of requests that reports $%d drifts: %p", (reportedUsd, isDrifting) => {
  expect(reconcile([group({ reportedUsd })])[0]?.isDrifting).toBe(isDrifting);
});

test("a cent is no drift, however large its share", () => {
  const usage = { ...unknownUsage, input: 1000, output: 0 };
  const small = group({ requests: 1, usage, reportedUsd: 0.011 });
  expect(reconcile([small])[0]).toMatchObject({ computedUsd: 0.002, isDrifting: false });
  expect(reconcile([{ ...small, reportedUsd: 0.0121 }])[0]?.isDrifting).toBe(true);
});

test("a model that reports nothing and should cost something drifts", () => {
  expect(reconcile([group({ reportedUsd: 0 })])[0]).toMatchObject({ share: undefined, isDrifting: true });
});

test("what has no price is counted and not compared", () => {
  const cached = { ...unknownUsage, input: 1, cacheRead: 5, output: 1 };
  const rows = reconcile([group(), group({ price: undefined, requests: 3 }), group({ usage: cached, requests: 4 })]);
  expect(rows).toMatchObject([{ requests: 10, reportedUsd: 2.01, unpriced: 7, isDrifting: false }]);
});

test("the largest differences come first", () => {
  const rows = reconcile([
    group({ model: "small", reportedUsd: 2.2 }),
    group({ model: "large", reportedUsd: 0.5 }),
    group({ model: "none" }),
  ]);
  expect(rows.map(({ model }) => model)).toEqual(["large", "small", "none"]);
});
