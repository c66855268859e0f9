import { describe, expect, test } from "bun:test";
import { inputSchema, strictSchema } from "../../../src/protocols/anthropic-messages/json-schema.ts";

describe("a tool's schema", () => {
  test("is of type object, and otherwise as it came", () => {
    expect(inputSchema(undefined)).toEqual({ type: "object", properties: {} });
    expect(inputSchema({})).toEqual({ type: "object" });
    const schema = {
      $schema: "x",
      type: "object",
      properties: { a: { anyOf: [{ type: "string" }, { $ref: "#/$defs/b" }] } },
      $defs: { b: {} },
    };
    expect(inputSchema(schema)).toEqual(schema);
    expect(inputSchema({ type: ["object", "null"], properties: {} })).toEqual({ type: "object", properties: {} });
  });

  test("with alternatives at its root holds all of their properties, and requires what all require", () => {
    const anyOf = [
      { type: "object", properties: { kind: { const: "file" }, path: { type: "string" } }, required: ["kind", "path"] },
      { type: "object", properties: { kind: { const: "url" }, url: { type: "string" } }, required: ["kind", "url"] },
      { $ref: "#/$defs/third" },
    ];
    const $defs = { third: { properties: { kind: { const: "none" }, path: { type: "integer" } }, required: ["kind"] } };
    const { description, ...schema } = inputSchema({
      description: "Where.",
      anyOf,
      $defs,
      properties: { extra: {} },
      required: ["extra"],
    });
    expect(schema).toEqual({
      type: "object",
      $defs,
      properties: {
        extra: {},
        kind: { enum: ["file", "url", "none"] },
        path: { anyOf: [{ type: "string" }, { type: "integer" }] },
        url: { type: "string" },
      },
      required: ["extra", "kind"],
    });
    expect(description).toStartWith("Where. One of these shapes: [");
  });

  test("made of several holds and requires what each of them does", () => {
    expect(
      inputSchema({
        allOf: [{ properties: { a: {} }, required: ["a"] }, { oneOf: [{ properties: { b: {} }, required: ["b"] }] }],
      }),
    ).toEqual({ type: "object", properties: { a: {}, b: {} }, required: ["a", "b"] });
  });

  test("that is a reference is what it refers to", () => {
    expect(inputSchema({ $ref: "#/$defs/a", $defs: { a: { type: "object", properties: { x: {} } } } })).toMatchObject({
      type: "object",
      properties: { x: {} },
    });
  });

  test("of odd shapes breaks nothing", () => {
    for (const schema of [
      { anyOf: [null, 7, "x", []] },
      { allOf: [{ $ref: "#" }, { $ref: "#/allOf/0" }, { $ref: "#/__proto__/x" }, { $ref: 7 }] },
      { oneOf: [{ properties: [], required: "a" }], required: [7, null] },
      JSON.parse('{"anyOf":[{"properties":{"__proto__":{"type":"string"}}}]}') as Record<string, unknown>,
    ])
      expect(inputSchema(schema)["type"]).toBe("object");
    const loop: Record<string, unknown> = {
      $defs: { a: { anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/a" }] } },
      anyOf: [{ $ref: "#/$defs/a" }],
    };
    expect(inputSchema(loop)["properties"]).toEqual({});
    const wide = { anyOf: Array.from({ length: 300 }, () => ({ $ref: "#" })), properties: { a: {} }, required: ["a"] };
    const from = performance.now();
    expect(inputSchema(wide)).toMatchObject({ properties: { a: {} }, required: ["a"] });
    expect(performance.now() - from).toBeLessThan(1000);
  });
});

describe("a strict schema", () => {
  test("keeps what constrained decoding knows and tells the rest in words", () => {
    expect(
      strictSchema({
        $schema: "x",
        type: "object",
        title: "T",
        additionalProperties: true,
        required: ["a"],
        properties: {
          a: { type: "string", minLength: 2, pattern: "^x", description: "An a.", format: "email" },
          b: { type: "array", items: { type: "number", maximum: 5 }, minItems: 3, uniqueItems: true },
          c: { oneOf: [{ type: "string" }, { type: "null" }], default: null },
          d: { $ref: "#/$defs/d" },
          e: { type: ["object", "null"], properties: {} },
          f: { not: { type: "string" } },
          g: { type: "string", format: "phone", const: "x", enum: ["x"] },
          description: { type: "array", items: true, minItems: 1 },
        },
        $defs: { d: { type: "object" } },
      }),
    ).toEqual({
      type: "object",
      title: "T",
      required: ["a"],
      properties: {
        a: { type: "string", description: 'An a. minLength: 2, pattern: "^x"', format: "email" },
        b: {
          type: "array",
          items: { type: "number", description: "maximum: 5" },
          description: "minItems: 3, uniqueItems: true",
        },
        c: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
        d: { $ref: "#/$defs/d" },
        e: { type: ["object", "null"], properties: {}, additionalProperties: false },
        f: { description: 'not: {"type":"string"}' },
        g: { type: "string", const: "x", enum: ["x"], description: 'format: "phone"' },
        description: { type: "array", minItems: 1, description: "items: true" },
      },
      $defs: { d: { type: "object", additionalProperties: false } },
      additionalProperties: false,
    });
  });
});
