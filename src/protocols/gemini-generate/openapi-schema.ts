import { isFields, type Fields } from "../fields.ts";
import { camelOf } from "./proto-fields.ts";

/** Members whose value is a schema, a list of schemas, or schemas by name. */
const schemaMembers = new Set(["items", "additionalProperties", "not"]);
const listMembers = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const mapMembers = new Set(["properties", "$defs", "defs", "definitions"]);
/** int64 in proto JSON: written as texts. */
const countMembers = new Set(["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"]);

/** An object whose members may have any name, `__proto__` too. */
function objectOf(entries: Iterable<readonly [string, unknown]>): Fields {
  return Object.fromEntries(entries);
}

function typeOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const type = value.toLowerCase().replace(/^type_/, "");
  return type === "unspecified" ? undefined : type;
}

function valueOf(key: string, value: unknown): unknown {
  if (key === "type") return Array.isArray(value) ? value.map(typeOf) : typeOf(value);
  if (schemaMembers.has(key)) return jsonSchemaOf(value);
  if (listMembers.has(key)) return Array.isArray(value) ? value.map(jsonSchemaOf) : value;
  if (mapMembers.has(key) && isFields(value))
    return objectOf(Object.entries(value).map(([name, schema]) => [name, jsonSchemaOf(schema)]));
  return countMembers.has(key) && typeof value === "string" && value !== "" ? Number(value) : value;
}

/** OpenAPI's `nullable` as JSON Schema says it. */
function nullable(schema: Fields): Fields {
  const { type } = schema;
  const values = schema["enum"];
  const withNull = Array.isArray(values) && !values.includes(null) ? { enum: [...(values as unknown[]), null] } : {};
  if (typeof type === "string") return { ...schema, type: [type, "null"], ...withNull };
  if (Array.isArray(schema["anyOf"]))
    return { ...schema, anyOf: [...(schema["anyOf"] as unknown[]), { type: "null" }] };
  return { ...schema, ...withNull };
}

/** A schema of the API's OpenAPI subset as JSON Schema; one that is JSON Schema already stays as it is. */
export function jsonSchemaOf(schema: unknown): unknown {
  if (!isFields(schema)) return schema;
  const entries: [string, unknown][] = [];
  for (const [name, value] of Object.entries(schema)) {
    const key = camelOf(name);
    if (value === null || key === "nullable" || key === "propertyOrdering") continue;
    const known = valueOf(key, value);
    if (known !== undefined) entries.push(key === "example" ? ["examples", [known]] : [key, known]);
  }
  const converted = objectOf(entries);
  return schema["nullable"] === true ? nullable(converted) : converted;
}
