import { z } from "zod";
import { isPlainObject, type ConfigPath } from "./path.ts";
import { configSchema } from "./schema.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

const reference = String.raw`\$\{.+\}`;

function takesText(schema: Record<string, unknown>): boolean {
  const { type, anyOf } = schema;
  return (
    type === "string" || (Array.isArray(anyOf) && anyOf.some((option) => isPlainObject(option) && takesText(option)))
  );
}

/** Numbers, switches and lists may also be written as text, because that is what `${NAME}` becomes. */
function allowText(schema: JsonSchema): void {
  const sign = typeof schema.minimum === "number" && schema.minimum >= 0 ? "" : "-?";
  if (schema.type === "integer") {
    Object.assign(schema, { type: ["integer", "string"], pattern: String.raw`^(${sign}\d+|${reference})$` });
  } else if (schema.type === "number") {
    Object.assign(schema, { type: ["number", "string"], pattern: String.raw`^(${sign}\d+(\.\d+)?|${reference})$` });
  } else if (schema.type === "boolean" && schema.const === undefined) {
    Object.assign(schema, { type: ["boolean", "string"], pattern: `^(true|false|yes|no|on|off|1|0|${reference})$` });
  } else if (schema.type === "array" && isPlainObject(schema.items) && takesText(schema.items)) {
    Object.assign(schema, { type: ["array", "string"] });
  }
}

/** JSON Schema has no case-insensitive patterns. */
function spellOutCase(schema: JsonSchema): void {
  const names = schema.propertyNames;
  if (isPlainObject(names) && typeof names["pattern"] === "string") {
    names["pattern"] = names["pattern"].replaceAll(/(?<!A-Z)a-z/g, "A-Za-z");
  }
}

let cached: JsonSchema | undefined;

/** JSON Schema (2020-12) of the configuration file, for editors and for the documents. */
export function configJsonSchema(): JsonSchema {
  return (cached ??= makeSchema());
}

function makeSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    override: ({ jsonSchema, path }) => {
      // One form of several says what it is itself: a duration is a text anyway.
      if (path.at(-2) !== "anyOf") allowText(jsonSchema);
      spellOutCase(jsonSchema);
    },
  });
  return { title: "Orcestator configuration", ...schema };
}

/** Of a value that may be written as a text or as an object, the object. */
export function objectForm(node: unknown): unknown {
  const forms = isPlainObject(node) ? node["anyOf"] : undefined;
  if (!Array.isArray(forms)) return node;
  return forms.find((form) => isPlainObject(form) && isPlainObject(form["properties"])) ?? node;
}

function child(node: unknown, key: PropertyKey): unknown {
  if (!isPlainObject(node)) return undefined;
  if (typeof key === "number") return objectForm(node["items"]);
  const properties = node["properties"];
  if (isPlainObject(properties) && Object.hasOwn(properties, key)) return properties[String(key)];
  return node["additionalProperties"];
}

function nodeAt(path: ConfigPath): unknown {
  let node: unknown = configJsonSchema();
  for (const key of path) node = child(node, key);
  return node;
}

/** Whether a node of the schema is a duration: a number or any text, while other numbers are bound to a pattern. */
export function isDurationNode(node: unknown): boolean {
  if (!isPlainObject(node) || node["pattern"] !== undefined) return false;
  const type = node["type"];
  return Array.isArray(type) && type.includes("number") && type.includes("string");
}

/** Whether the value at `path` is a duration. */
export function isDuration(path: ConfigPath): boolean {
  return isDurationNode(nodeAt(path));
}

/** Keys that the object at `path` may have; empty where it is no object of fixed keys. */
export function knownKeys(path: ConfigPath): string[] {
  const node = nodeAt(path);
  const properties = isPlainObject(node) ? node["properties"] : undefined;
  return isPlainObject(properties) ? Object.keys(properties) : [];
}
