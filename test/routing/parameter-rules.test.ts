import { describe, expect, test } from "bun:test";
import { mergedRules } from "../../src/routing/parameter-rules.ts";

describe("parameter rules of several levels", () => {
  test("are nothing where nobody says anything", () => {
    expect(mergedRules([{}, {}])).toBeUndefined();
    expect(mergedRules([{ parameters: {}, overrides: {}, remove: [] }])).toBeUndefined();
  });

  test("come together, the nearest one winning for each field", () => {
    const rules = mergedRules([
      { parameters: { temperature: 0.1, top_p: 0.9 }, overrides: { store: false } },
      { parameters: { temperature: 0.2 }, remove: ["user"] },
      { overrides: { seed: 1 } },
      { parameters: { temperature: 0.4 } },
    ]);
    expect(rules).toEqual({
      defaults: { temperature: 0.4, top_p: 0.9 },
      overrides: { store: false, seed: 1 },
      remove: ["user"],
    });
  });

  test("are those of the nearest level that speaks of a field, with all it says", () => {
    expect(mergedRules([{ remove: ["temperature"] }, { parameters: { temperature: 1 } }])).toEqual({
      defaults: { temperature: 1 },
      overrides: {},
      remove: [],
    });
    expect(
      mergedRules([{ parameters: { temperature: 1 }, overrides: { x: 1 } }, { remove: ["temperature", "x"] }]),
    ).toEqual({
      defaults: {},
      overrides: {},
      remove: ["temperature", "x"],
    });
    expect(mergedRules([{ overrides: { n: 1 } }, { parameters: { n: 2 }, overrides: { n: 3 } }])).toEqual({
      defaults: { n: 2 },
      overrides: { n: 3 },
      remove: [],
    });
  });

  test("may set null, and fields that are named like parts of every object", () => {
    const rules = mergedRules([
      { parameters: JSON.parse('{"a":null,"__proto__":{"x":1},"constructor":1}') as Record<string, unknown> },
    ]);
    expect(Object.entries(rules?.defaults ?? {})).toEqual([
      ["a", null],
      ["__proto__", { x: 1 }],
      ["constructor", 1],
    ]);
    expect(rules?.defaults["x"]).toBeUndefined();
  });
});
