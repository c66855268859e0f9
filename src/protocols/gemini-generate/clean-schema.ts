import { fieldsOf, isFields, listOf, type Fields } from "../fields.ts";

/**
 * Gemini takes these keywords of JSON Schema and refuses a request over any other. What the others say is told to the
 * model in the description.
 */
const plainKeywords = new Set([
  "$id",
  "$anchor",
  "format",
  "title",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "required",
  "propertyOrdering",
]);
const listKeywords = new Set(["anyOf", "oneOf", "prefixItems"]);
const mapKeywords = new Set(["properties", "$defs", "definitions"]);
/** They mean nothing to a model. */
const silentKeywords = new Set(["$schema", "$comment", "$vocabulary", "description", "type", "enum", "const", "allOf"]);

/** Deeper than this nothing is a schema any more. */
const deepest = 100;

function definitionRef(ref: unknown): unknown {
  return typeof ref === "string" ? ref.replace(/^#\/definitions\//, "#/$defs/") : ref;
}

function cleanList(values: unknown, depth: number): Fields[] {
  return Array.isArray(values) ? values.filter(isFields).map((value) => clean(value, depth)) : [];
}

function cleanMap(value: Fields, depth: number): Fields {
  const entries = Object.entries(value).map(([name, schema]) => [name, isFields(schema) ? clean(schema, depth) : {}]);
  return Object.fromEntries(entries) as Fields;
}

/** Only texts and numbers may be listed. */
function valuesOf(schema: Fields): { values: unknown[]; isWhole: boolean } | undefined {
  const list: unknown = "const" in schema ? [schema["const"]] : schema["enum"];
  if (!Array.isArray(list)) return undefined;
  const values = (list as unknown[]).filter((value) => typeof value === "string" || typeof value === "number");
  return { values, isWhole: values.length === list.length && values.length > 0 };
}

/** All of several schemas as one; of contradictions the last counts. */
function merged(schema: Fields): Fields {
  const { allOf, ...own } = schema;
  if (!Array.isArray(allOf)) return schema;
  const members = new Map<string, unknown>();
  const properties = new Map<string, unknown>();
  const required = new Set<unknown>();
  for (const part of [...allOf.filter(isFields).map(merged), own]) {
    for (const [key, value] of Object.entries(part)) members.set(key, value);
    for (const [name, property] of Object.entries(fieldsOf(part["properties"]))) properties.set(name, property);
    for (const name of listOf(part["required"])) required.add(name);
  }
  if (properties.size > 0) members.set("properties", Object.fromEntries(properties));
  if (required.size > 0) members.set("required", [...required]);
  return Object.fromEntries(members);
}

function cleanMember(key: string, value: unknown, depth: number): [string, unknown] | "said" | "silent" {
  if (silentKeywords.has(key)) return "silent";
  if (plainKeywords.has(key)) return [key, value];
  if (key === "additionalProperties" && typeof value === "boolean") return [key, value];
  if (key === "additionalProperties" || key === "items") {
    if (Array.isArray(value)) return ["prefixItems", cleanList(value, depth)];
    return isFields(value) ? [key, clean(value, depth)] : "silent";
  }
  if (listKeywords.has(key)) return Array.isArray(value) ? [key, cleanList(value, depth)] : "silent";
  if (!mapKeywords.has(key)) return "said";
  return isFields(value) ? [key === "definitions" ? "$defs" : key, cleanMap(value, depth)] : "silent";
}

function said(key: string, value: unknown): string {
  return `${key}: ${JSON.stringify(value)}`;
}

function describe(schema: Fields, notes: readonly string[]): { description?: string } {
  const own = typeof schema["description"] === "string" ? schema["description"] : "";
  const note = notes.length === 0 ? "" : `(${notes.join("; ")})`;
  const description = [own, note].filter((text) => text !== "").join(" ");
  return description === "" ? {} : { description };
}

/** Beside `$ref` nothing may stand but other members with a dollar. */
function cleanReference(schema: Fields, depth: number): Fields {
  const definitions = schema["$defs"] ?? schema["definitions"];
  const $defs = isFields(definitions) ? { $defs: cleanMap(definitions, depth) } : {};
  return { $ref: definitionRef(schema["$ref"]), ...$defs };
}

function clean(value: Fields, depth: number): Fields {
  if (depth <= 0) return {};
  const schema = merged(value);
  if (typeof schema["$ref"] === "string") return cleanReference(schema, depth - 1);
  const entries: [string, unknown][] = [];
  const notes: string[] = [];
  for (const [key, member] of Object.entries(schema)) {
    const outcome = cleanMember(key, member, depth - 1);
    if (outcome === "said") notes.push(said(key, member));
    else if (outcome !== "silent") entries.push(outcome);
  }
  const listed = valuesOf(schema);
  if (listed?.isWhole === false) notes.push(said("one of", "const" in schema ? [schema["const"]] : schema["enum"]));
  return {
    ...(schema["type"] === undefined ? {} : { type: schema["type"] }),
    ...describe(schema, notes),
    ...(listed?.isWhole === true ? { enum: listed.values } : {}),
    ...Object.fromEntries(entries),
  };
}

/** A schema with nothing in it that Gemini refuses. */
export function cleanSchema(schema: Fields): Fields {
  return clean(schema, deepest);
}

/** The same for a function's parameters, which are an object. */
export function cleanParameters(schema: Fields): Fields {
  const cleaned = cleanSchema(schema);
  const isTyped = ["type", "$ref", "anyOf", "oneOf"].some((key) => key in cleaned);
  return isTyped ? cleaned : { type: "object", ...cleaned };
}
