import { describe, expect, test } from "bun:test";
import type { Fields } from "../../../src/protocols/fields.ts";
import { cleanParameters, cleanSchema } from "../../../src/protocols/gemini-generate/clean-schema.ts";
import { schemaProblems } from "../../support/wire/gemini-schema.ts";
import { randomObject } from "../../lib/random-json.ts";
import { forSeeds } from "../../lib/seeded.ts";

function cleaned(schema: Fields): Fields {
  const result = cleanSchema(schema);
  expect(schemaProblems(result, "schema")).toEqual([]);
  return result;
}

describe("a schema for Gemini", () => {
  test("keeps every keyword that is taken", () => {
    const schema = {
      $id: "x",
      type: ["object", "null"],
      title: "t",
      description: "d",
      properties: {
        a: { type: "array", items: { type: "number", minimum: 0, maximum: 1 }, minItems: 1, maxItems: 2 },
        b: { $ref: "#/$defs/b" },
      },
      required: ["a"],
      additionalProperties: { type: "string", format: "date" },
      anyOf: [{ type: "object" }],
      oneOf: [{ type: "object" }],
      $defs: { b: { type: "string", enum: ["x", 1] }, c: { prefixItems: [{ type: "string" }] } },
      propertyOrdering: ["a"],
    };
    expect(cleaned(schema)).toEqual(schema);
  });

  test("tells the model in the description what it may not say otherwise", () => {
    expect(
      cleaned({ type: "string", description: "Name", minLength: 2, pattern: "^a$", default: "ab", $comment: "x" }),
    ).toEqual({
      type: "string",
      description: 'Name (minLength: 2; pattern: "^a$"; default: "ab")',
    });
    expect(cleaned({ type: "array", uniqueItems: true, not: { type: "null" } })).toEqual({
      type: "array",
      description: '(uniqueItems: true; not: {"type":"null"})',
    });
  });

  test("has one value as a list of one, where that can be listed", () => {
    expect(cleaned({ const: "a" })).toEqual({ enum: ["a"] });
    expect(cleaned({ const: true })).toEqual({ description: "(one of: [true])" });
    expect(cleaned({ type: ["string", "null"], enum: ["a", null] })).toEqual({
      type: ["string", "null"],
      description: '(one of: ["a",null])',
    });
  });

  test("has nothing beside a reference, and references lead where the definitions are", () => {
    expect(
      cleaned({
        type: "object",
        properties: { a: { $ref: "#/definitions/A", description: "x" } },
        definitions: { A: { type: "string" } },
      }),
    ).toEqual({ type: "object", properties: { a: { $ref: "#/$defs/A" } }, $defs: { A: { type: "string" } } });
    expect(cleaned({ allOf: [{ $ref: "#/$defs/A" }], default: 1 })).toEqual({ $ref: "#/$defs/A" });
  });

  test("has all of several schemas as one", () => {
    expect(
      cleaned({
        allOf: [
          { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
          { properties: { b: { type: "number" } }, required: ["a", "b"] },
        ],
        title: "t",
      }),
    ).toEqual({
      type: "object",
      title: "t",
      properties: { a: { type: "string" }, b: { type: "number" } },
      required: ["a", "b"],
    });
  });

  test("of parameters is an object", () => {
    expect(cleanParameters({})).toEqual({ type: "object" });
    expect(cleanParameters({ properties: {} })).toEqual({ type: "object", properties: {} });
    expect(cleanParameters({ $ref: "#/$defs/x" })).toEqual({ $ref: "#/$defs/x" });
  });

  test("takes schemas that are true or false, and lists of items", () => {
    expect(cleaned({ properties: { a: true, b: false }, additionalProperties: false, items: true })).toEqual({
      properties: { a: {}, b: {} },
      additionalProperties: false,
    });
    expect(cleaned({ items: [{ type: "string" }, true] })).toEqual({ prefixItems: [{ type: "string" }] });
  });

  test("has keys of prototypes as names like any other", () => {
    const schema = JSON.parse(
      '{"properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}},"__proto__":{"a":1}}',
    ) as Fields;
    expect(JSON.stringify(cleaned(schema))).toBe(
      '{"description":"(__proto__: {\\"a\\":1})","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}}}',
    );
  });

  test("may be nested deeper than any schema is", () => {
    let schema: Fields = { type: "string" };
    for (let depth = 0; depth < 2000; depth += 1) schema = depth % 2 === 0 ? { items: schema } : { allOf: [schema] };
    expect(JSON.stringify(cleaned(schema)).length).toBeLessThan(3000);
  });

  test("is made of any object without a crash", () => {
    forSeeds(500, (random) => {
      const text = randomObject(random, 4)
        .text.replaceAll('"a"', '"properties"')
        .replaceAll('"0"', '"items"')
        .replaceAll('"model"', '"allOf"')
        .replaceAll('"stream"', '"enum"');
      cleanParameters(JSON.parse(text) as Fields);
    });
  });
});
