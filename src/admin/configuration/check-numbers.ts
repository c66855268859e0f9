import { z } from "zod";
import type { NamedKind } from "../../config/overlay.ts";
import { objectForm } from "../../config/json-schema.ts";
import { type ConfigPath, isPlainObject, pathText } from "../../config/path.ts";
import { modelSchema } from "../../config/schema-routing.ts";
import { providerSchema } from "../../config/schema.ts";
import { invalidRequest } from "../../errors.ts";
import type { Fields } from "./written-entry.ts";

const schemas = { provider: providerSchema, model: modelSchema } as const;
const formOf = new Map<NamedKind, unknown>();

function formsOf(kind: NamedKind): unknown {
  const known = formOf.get(kind) ?? z.toJSONSchema(schemas[kind], { io: "input" });
  formOf.set(kind, known);
  return known;
}

function isNumeric(form: unknown): boolean {
  return isPlainObject(form) && (form["type"] === "number" || form["type"] === "integer");
}

function checkValue(value: unknown, form: unknown, path: ConfigPath): void {
  if (typeof value === "string" && isNumeric(form)) {
    const place = pathText(path);
    throw invalidRequest(`\`${place}\` must be a number: write it without quotes.`, place);
  }
  const known = objectForm(form);
  // What may be anything may be nested without end, too.
  if (!isPlainObject(known)) return;
  const { items, properties, additionalProperties } = known;
  if (Array.isArray(value)) value.forEach((item, index) => checkValue(item, items, [...path, index]));
  if (!isPlainObject(value)) return;
  for (const [name, item] of Object.entries(value)) {
    const own = isPlainObject(properties) && Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    checkValue(item, own, [...path, name]);
  }
}

/**
 * Files and variables may say a number as text; in JSON that is a mistake, and would be told to the next who asks. What
 * is sent back as it was shown is none. Throws GatewayError (400).
 */
export function checkNumbers(kind: NamedKind, input: Fields): void {
  checkValue(input, formsOf(kind), []);
}
