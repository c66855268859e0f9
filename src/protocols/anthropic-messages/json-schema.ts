import { fieldsOf, isFields, listOf, type Fields } from "../fields.ts";

/** What Anthropic's constrained decoding takes; a keyword beyond it is a 400, and goes to the description instead. */
const formats = new Set(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"]);
const kept = new Set(["type", "title", "enum", "const", "default", "required", "$ref"]);
const combinators: Readonly<Record<string, string>> = { anyOf: "anyOf", oneOf: "anyOf", allOf: "allOf" };

function mapFields(value: unknown): Fields {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([key, schema]) => [key, strictSchema(schema)]));
}

/** Another spelling of one keyword; `undefined` when Anthropic does not know it. */
function strictEntry(key: string, value: unknown): readonly [string, unknown] | undefined {
  if (kept.has(key)) return [key, value];
  const combinator = Object.hasOwn(combinators, key) ? combinators[key] : undefined;
  if (combinator !== undefined && Array.isArray(value)) return [combinator, value.map(strictSchema)];
  if (key === "properties" || key === "$defs" || key === "definitions") return [key, mapFields(value)];
  if (key === "items" && isFields(value)) return [key, strictSchema(value)];
  if (key === "format" && formats.has(String(value))) return [key, value];
  return key === "minItems" && (value === 0 || value === 1) ? [key, value] : undefined;
}

function isObjectSchema({ type, properties }: Fields): boolean {
  return type === "object" || properties !== undefined || (Array.isArray(type) && type.includes("object"));
}

function described(schema: Fields, unknown: readonly string[]): Fields {
  const own = typeof schema["description"] === "string" ? schema["description"] : "";
  const text = [own, unknown.join(", ")].filter((part) => part !== "").join(" ");
  return text === "" ? {} : { description: text };
}

/** Words that say nothing of a value. */
const silent = new Set(["description", "$schema", "$id", "$comment", "additionalProperties"]);

/** A schema with nothing in it that Anthropic's constrained decoding refuses; what it cannot keep stands in descriptions. */
export function strictSchema(schema: unknown): Fields {
  const fields = fieldsOf(schema);
  const entries: (readonly [string, unknown])[] = [];
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (silent.has(key)) continue;
    const entry = strictEntry(key, value);
    if (entry === undefined) unknown.push(`${key}: ${JSON.stringify(value)}`);
    else entries.push(entry);
  }
  return {
    ...Object.fromEntries(entries),
    ...described(fields, unknown),
    ...(isObjectSchema(fields) ? { additionalProperties: false } : {}),
  };
}

/** The schema that a local reference at the root names. */
function resolved(schema: unknown, root: Fields): Fields {
  const { $ref: reference } = fieldsOf(schema);
  if (typeof reference !== "string" || !reference.startsWith("#/")) return fieldsOf(schema);
  const path = reference.slice(2).split("/");
  const target = path.reduce<unknown>((value, key) => {
    const fields = fieldsOf(value);
    return Object.hasOwn(fields, key) ? fields[key] : undefined;
  }, root);
  return fieldsOf(target);
}

/** The values that a property is bound to; `undefined` when it is not. */
function choicesOf({ const: only, enum: several }: Fields): readonly unknown[] | undefined {
  if (only !== undefined) return [only];
  return Array.isArray(several) ? several : undefined;
}

/** One property as several shapes have it: the same, any of their values, or any of them. */
function united(properties: readonly unknown[]): unknown {
  if (properties.length === 1) return properties[0];
  const choices = properties.map((property) => choicesOf(fieldsOf(property)));
  const { const: _only, enum: _several, ...rest } = fieldsOf(properties[0]);
  if (choices.every((choice) => choice !== undefined)) return { ...rest, enum: [...new Set(choices.flat())] };
  return { anyOf: properties };
}

/** Properties by name, each with the different schemas that were met, by their text. */
type Properties = Map<string, Map<string, unknown>>;

/** A walk over a root's alternatives; it ends after so many, as references may lead in circles. */
interface Walk {
  root: Fields;
  properties: Properties;
  left: number;
}

const mostShapes = 200;

function addProperties({ properties }: Walk, schema: Fields): void {
  for (const [name, property] of Object.entries(fieldsOf(schema["properties"]))) {
    const known = properties.get(name) ?? new Map<string, unknown>();
    properties.set(name, known.set(JSON.stringify(property), property));
  }
}

/** Collects what an object may hold, its alternatives laid over each other; gives what all of them require. */
function requiredOf(schema: Fields, walk: Walk): string[] {
  if (walk.left <= 0) return [];
  walk.left -= 1;
  addProperties(walk, schema);
  const required = listOf(schema["required"]).filter((key) => typeof key === "string");
  for (const key of ["allOf", "anyOf", "oneOf"]) {
    const [first, ...others] = listOf(schema[key]).map((variant) => requiredOf(resolved(variant, walk.root), walk));
    if (first === undefined) continue;
    const sets = others.map((other) => new Set(other));
    const common =
      key === "allOf" ? [...first, ...others.flat()] : first.filter((name) => sets.every((set) => set.has(name)));
    for (const name of common) required.push(name);
  }
  return required;
}

const rootCombinators = ["anyOf", "oneOf", "allOf"];
const longestNote = 2000;

/** A tool's schema as Anthropic takes it: always of type object, and no alternatives at its root. */
export function inputSchema(parameters: Fields | undefined): Fields {
  if (parameters === undefined) return { type: "object", properties: {} };
  const root = resolved(parameters, parameters);
  const hasCombinator = rootCombinators.some((key) => Array.isArray(root[key]));
  if (!hasCombinator && root === parameters) return { ...parameters, type: "object" };
  const walk: Walk = { root: parameters, properties: new Map(), left: mostShapes };
  const required = new Set(requiredOf(root, walk));
  const properties = [...walk.properties].map(([name, schemas]) => [name, united([...schemas.values()])]);
  const { $ref: _reference, anyOf, oneOf, allOf: _allOf, ...rest } = { ...parameters, ...root };
  const note = JSON.stringify(anyOf ?? oneOf);
  const own = typeof rest["description"] === "string" ? `${rest["description"]} ` : "";
  return {
    ...rest,
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.size === 0 ? {} : { required: [...required] }),
    ...(note === undefined || note.length > longestNote ? {} : { description: `${own}One of these shapes: ${note}` }),
  };
}
