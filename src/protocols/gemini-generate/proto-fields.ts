import { invalidRequest } from "../../errors.ts";
import { isFields, type Fields } from "../fields.ts";

/**
 * Requests are proto JSON: every field has two spellings (`inlineData`, `inline_data`), null means absent, and numbers
 * may be written as texts. Functions that take a path throw GatewayError (400) that names it.
 */

const snakeNames = new Map<string, string>();

function snakeOf(name: string): string {
  let snake = snakeNames.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    snakeNames.set(name, snake);
  }
  return snake;
}

export function camelOf(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

/** A member by its camel-case name, whichever way it is written. */
export function protoField(fields: Fields, name: string): unknown {
  return fields[name] ?? fields[snakeOf(name)] ?? undefined;
}

export function protoObject(fields: Fields, name: string, path: string): Fields | undefined {
  const value = protoField(fields, name);
  if (value === undefined || isFields(value)) return value;
  throw invalidRequest(`\`${path}\` must be an object.`, path);
}

/** A repeated field; a single value stands for a list of one. */
export function protoList(fields: Fields, name: string): readonly unknown[] {
  const value = protoField(fields, name);
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

export function protoText(fields: Fields, name: string): string | undefined {
  const value = protoField(fields, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function protoNumber(fields: Fields, name: string, path: string): number | undefined {
  const value = protoField(fields, name);
  if (value === undefined) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw invalidRequest(`\`${path}\` must be a number.`, path);
}

export function protoBoolean(fields: Fields, name: string): boolean | undefined {
  const value = protoField(fields, name);
  return typeof value === "boolean" ? value : undefined;
}

/** An enum's word without a prefix that all of its words have, in capitals. */
export function protoEnum(fields: Fields, name: string, prefix = ""): string | undefined {
  const word = protoText(fields, name)?.toUpperCase();
  return word?.startsWith(prefix) === true ? word.slice(prefix.length) : word;
}

/** The members that none of the names means, as they are written. */
export function otherFields(fields: Fields, names: ReadonlySet<string>): [string, unknown][] {
  return Object.entries(fields).filter(([key, value]) => value !== null && !names.has(camelOf(key)));
}
