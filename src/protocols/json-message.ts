import { mayBeDeeper, scanDocument } from "../lib/json-scan.ts";
import { utf8OfLatin1 } from "../lib/latin1.ts";
import { isFields, type Fields } from "./fields.ts";

const deepest = 1000;

/** The value of a JSON text of a stream (latin1); `undefined` for what is no JSON, or nested too deep. */
export function parseValue(json: string): unknown {
  try {
    if (mayBeDeeper(json, deepest)) scanDocument(json, deepest);
    return JSON.parse(utf8OfLatin1(json));
  } catch {
    return undefined;
  }
}

/** One message of a stream (latin1); `undefined` for what is no JSON object. */
export function parseMessage(json: string): Fields | undefined {
  const value = parseValue(json);
  return isFields(value) ? value : undefined;
}
