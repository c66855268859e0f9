import { forbiddenNames } from "../../config/forbidden-names.ts";
import { type ConfigPath, isPlainObject, pathText } from "../../config/path.ts";
import { invalidRequest } from "../../errors.ts";
import { isSealed } from "../../keys/secret-box.ts";

const mostDepth = 24;
const mostNodes = 200_000;

interface Walk {
  nodes: number;
}

function refuse(path: ConfigPath, message: string): never {
  const place = pathText(path).slice(0, 200);
  throw invalidRequest(`\`${place}\` ${message}.`, place);
}

function checkValue(value: unknown, path: ConfigPath, walk: Walk): void {
  walk.nodes += 1;
  if (walk.nodes > mostNodes) refuse(path.slice(0, 1), "is too large");
  if (path.length > mostDepth) refuse(path.slice(0, 1), "is nested too deeply");
  // It would be opened where secrets are: whoever has a copy of the database could have it sent to him.
  if (typeof value === "string" && isSealed(value)) refuse(path, "is a sealed secret; send the secret itself");
  if (Array.isArray(value)) value.forEach((item, index) => checkValue(item, [...path, index], walk));
  else if (isPlainObject(value)) checkObject(value, path, walk);
}

function checkObject(value: Record<string, unknown>, path: ConfigPath, walk: Walk): void {
  for (const [key, item] of Object.entries(value)) {
    if (forbiddenNames.has(key)) refuse([...path, key], "is a name that is not allowed");
    checkValue(item, [...path, key], walk);
  }
}

/** Refuses, before anything is made of it, what may not be in any change. Throws GatewayError (400). */
export function checkFields(fields: Readonly<Record<string, unknown>>): void {
  checkObject(fields, [], { nodes: 0 });
}
