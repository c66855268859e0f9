import { expect, test } from "bun:test";
import { nearestEffort, wantedEffort } from "../../../src/protocols/canonical/effort.ts";

test("an effort that is taken stays, and all are where nothing is known", () => {
  expect(nearestEffort("xhigh", ["low", "xhigh"])).toBe("xhigh");
  expect(nearestEffort("max", undefined)).toBe("max");
  expect(nearestEffort("high", [])).toBe("high");
});

test("another becomes the nearest one, the lower of two, and never none", () => {
  expect(nearestEffort("medium", ["high", "low"])).toBe("low");
  expect(nearestEffort("max", ["low", "high"])).toBe("high");
  expect(nearestEffort("minimal", ["none", "high"])).toBe("high");
  expect(nearestEffort("none", ["high", "medium"])).toBe("medium");
});

test("a budget is as good as the effort that spends about as many tokens; an effort is the plainer word", () => {
  const budgets = [0, 1, 1999, 2000, 4999, 5000, 9999, 10_000];
  const efforts = budgets.map((budget) => wantedEffort({ budget }));
  expect(efforts).toEqual(["none", "minimal", "minimal", "low", "low", "medium", "medium", "high"]);
  expect(wantedEffort({ effort: "low", budget: 50_000 })).toBe("low");
  expect(wantedEffort({ budget: "dynamic" })).toBeUndefined();
  expect(wantedEffort({ isShown: true })).toBeUndefined();
});
