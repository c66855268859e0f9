import { z } from "zod";
import { isPlainObject, type ConfigPath } from "./path.ts";
import { configSchema } from "./schema.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

const reference = String.raw`\$\{.+\}`;

/** Numbers, switches and lists may also be written as text, because that is what `${NAME}` becomes. */
function allowText(schema: JsonSchema): void {
  if (schema.type === "integer") {
    Object.assign(schema, { type: ["integer", "string"], pattern: String.raw`^(\d+|${reference})$` });
  } else if (schema.type === "boolean" && schema.const === undefined) {
    Object.assign(schema, { type: ["boolean", "string"], pattern: `^(true|false|yes|no|on|off|1|0|${reference})$` });
  } else if (schema.type === "array" && isPlainObject(schema.items) && schema.items["type"] === "string") {
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
    override: ({ jsonSchema }) => {
      allowText(jsonSchema);
      spellOutCase(jsonSchema);
    },
  });
  return { title: "Orcestator configuration", ...schema };
}

function child(node: unknown, key: PropertyKey): unknown {
  if (!isPlainObject(node)) return undefined;
  if (typeof key === "number") return node["items"];
  const properties = node["properties"];
  if (isPlainObject(properties) && Object.hasOwn(properties, key)) return properties[String(key)];
  return node["additionalProperties"];
}

function nodeAt(path: ConfigPath): unknown {
  let node: unknown = configJsonSchema();
  for (const key of path) node = child(node, key);
  return node;
}

/** Whether the value at `path` is a duration: the one kind of value that is written as text or as a number. */
export function isDuration(path: ConfigPath): boolean {
  const node = nodeAt(path);
  const type = isPlainObject(node) ? node["type"] : undefined;
  return Array.isArray(type) && type.includes("number") && type.includes("string");
}

/** Keys that the object at `path` may have; empty where it is no object of fixed keys. */
export function knownKeys(path: ConfigPath): string[] {
  const node = nodeAt(path);
  const properties = isPlainObject(node) ? node["properties"] : undefined;
  return isPlainObject(properties) ? Object.keys(properties) : [];
}
