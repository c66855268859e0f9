import { expect, test } from "bun:test";
import { createPartialArguments } from "../../../src/protocols/gemini-generate/partial-arguments.ts";

function textOf(...pieces: unknown[]): string {
  const partial = createPartialArguments(undefined);
  partial.add(pieces);
  return partial.text();
}

const at = (jsonPath: unknown, stringValue: unknown = "x") => ({ jsonPath, stringValue });

test("paths lead into objects and lists", () => {
  expect(textOf(at("$.a.b[0].c"), at("$.a.b[1][0]"), at("$['d.e']"), at(String.raw`$["f\"g"]`), at("$.ü-1"))).toBe(
    '{"a":{"b":[{"c":"x"},["x"]]},"d.e":"x","f\\"g":"x","ü-1":"x"}',
  );
});

test("a text grows, everything else is replaced", () => {
  expect(
    textOf(
      at("$.a", "b"),
      at("$.a", "ü"),
      at("$.a", ""),
      { jsonPath: "$.n", numberValue: 1 },
      { jsonPath: "$.n", numberValue: 2 },
    ),
  ).toBe('{"a":"bü","n":2}');
});

test("what came whole is the beginning", () => {
  const partial = createPartialArguments({ a: "b" });
  partial.add([at("$.a", "c"), at("$.d")]);
  expect(partial.text()).toBe('{"a":"bc","d":"x"}');
});

test("a path that is none, or leads through a text, says nothing", () => {
  const nonsense = [undefined, 1, "", "a", "$", "$.", "$..a", "$.a[", "$.a[-1]", "$[x]", "$.a.b c]", "x$.a"].map(
    (path) => at(path),
  );
  expect(textOf(at("$.t"), ...nonsense, at("$.t.u"), at("$.t[0]"), null, 5, { jsonPath: "$.v" })).toBe('{"t":"x"}');
});

test("nothing grows by what a few characters claim", () => {
  expect(textOf(at("$.a[0]"), at("$.a[4294967294]"), at("$.a[99999999999999999999]"))).toBe('{"a":["x"]}');
  expect(textOf(at(`$${".a".repeat(5000)}`))).toBe("{}");
});

test("keys of prototypes are keys like any other", () => {
  expect(textOf(at("$.__proto__.polluted"), at("$.constructor.prototype"), at("$.list.length"))).toBe(
    '{"__proto__":{"polluted":"x"},"constructor":{"prototype":"x"},"list":{"length":"x"}}',
  );
  expect("polluted" in {}).toBe(false);
});
