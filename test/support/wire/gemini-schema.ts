import { isFields } from "../../../src/protocols/fields.ts";

/** Keywords that the API's reference lists for `responseJsonSchema` and `parametersJsonSchema`. */
const keywords = new Set([
  "$id",
  "$defs",
  "$ref",
  "$anchor",
  "type",
  "format",
  "title",
  "description",
  "enum",
  "items",
  "prefixItems",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "anyOf",
  "oneOf",
  "properties",
  "additionalProperties",
  "required",
  "propertyOrdering",
]);

const types = new Set(["string", "number", "integer", "boolean", "array", "object", "null"]);

function problemsOfKeyword(key: string, value: unknown, path: string): string[] {
  const at = `${path}.${key}`;
  if (!keywords.has(key)) return [`${at}: unknown keyword`];
  if (key === "properties" || key === "$defs") {
    if (!isFields(value)) return [`${at}: no object`];
    return Object.entries(value).flatMap(([name, schema]) => schemaProblems(schema, `${at}.${name}`));
  }
  if (key === "anyOf" || key === "oneOf" || key === "prefixItems") {
    if (!Array.isArray(value)) return [`${at}: no list`];
    return value.flatMap((schema, index) => schemaProblems(schema, `${at}[${index}]`));
  }
  if (key === "items" || (key === "additionalProperties" && typeof value !== "boolean"))
    return schemaProblems(value, at);
  if (key === "type") {
    const named: unknown[] = Array.isArray(value) ? value : [value];
    return named.every((type) => typeof type === "string" && types.has(type)) ? [] : [`${at}: unknown type`];
  }
  if (key === "enum") {
    const isPlain = Array.isArray(value) && value.every((item) => typeof item === "string" || typeof item === "number");
    return isPlain ? [] : [`${at}: only texts and numbers`];
  }
  return [];
}

/** What the API would refuse in a JSON Schema. */
export function schemaProblems(schema: unknown, path: string): string[] {
  if (!isFields(schema)) return [`${path}: no schema`];
  const keys = Object.keys(schema);
  const beside = "$ref" in schema ? keys.filter((key) => !key.startsWith("$")) : [];
  return [
    ...beside.map((key) => `${path}.${key}: beside $ref`),
    ...keys.flatMap((key) => problemsOfKeyword(key, schema[key], path)),
  ];
}
