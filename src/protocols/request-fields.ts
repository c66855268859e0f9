import { invalidRequest } from "../errors.ts";
import type { CacheMark } from "./canonical/conversation.ts";
import { filledOf, isFields, numberOf, type Fields } from "./fields.ts";

/** Fields of a request as they must be: every function throws GatewayError (400) that names the field. `null` is nothing. */

function wrong(path: string, wanted: string): Error {
  return invalidRequest(`\`${path}\` must be ${wanted}.`, path);
}

export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** `path` is what the client knows the field as, where that is more than its name. */
export function readNumber(body: Fields, field: string, path = field): number | undefined {
  const value = body[field];
  if (isAbsent(value)) return undefined;
  const number = numberOf(value);
  if (number === undefined) throw wrong(path, "a number");
  return number;
}

export function readBoolean(body: Fields, field: string): boolean | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw wrong(field, "true or false");
}

export function readText(body: Fields, field: string): string | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw wrong(field, "a text");
}

export function readObject(body: Fields, field: string): Fields | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined || isFields(value)) return value;
  throw wrong(field, "an object");
}

/** Nothing is an empty list. */
export function readList(body: Fields, field: string, path = field): readonly unknown[] {
  const value = body[field] ?? [];
  if (!Array.isArray(value)) throw wrong(path, "an array");
  return value;
}

/** An array of objects; `path` is where `fields` stands. */
export function readObjects(fields: Fields, field: string, path?: string): readonly Fields[] {
  const at = path === undefined ? field : `${path}.${field}`;
  return readList(fields, field, at).map((entry, index) => requiredObject(entry, `${at}[${index}]`));
}

export function requiredObject(value: unknown, path: string): Fields {
  if (isFields(value)) return value;
  throw wrong(path, "an object");
}

/** A text that may not be empty; `path` is where `fields` stands. */
export function requiredText(fields: Fields, field: string, path: string): string {
  const text = filledOf(fields[field]);
  if (text === undefined) throw wrong(`${path}.${field}`, "a text");
  return text;
}

/** Fields of a body without those named: what else it says. `fromEntries` makes own fields also of names like `__proto__`. */
export function otherFields(body: Fields, known: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(body).filter(([field, value]) => !known.has(field) && !isAbsent(value)));
}

/** A mark for a prompt cache as a client wrote it. */
export function markOf(mark: unknown): CacheMark | undefined {
  return isFields(mark) ? { ttl: filledOf(mark["ttl"]) } : undefined;
}
