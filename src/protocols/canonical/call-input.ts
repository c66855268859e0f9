import { JsonScanError, mayBeDeeper, scanDocument } from "../../lib/json-scan.ts";
import { isFields, jsonOf, type Fields } from "../fields.ts";
import type { ToolCallPart } from "./conversation.ts";

const deepest = 1000;

function isTooDeep(json: string): boolean {
  if (!mayBeDeeper(json, deepest)) return false;
  try {
    scanDocument(json, deepest);
    return false;
  } catch (error) {
    if (error instanceof JsonScanError) return true;
    throw error;
  }
}

/** The object that a function's arguments are; `undefined` when they are none, or nested too deep. */
function objectOf(input: string): Fields | undefined {
  const value = isTooDeep(input) ? undefined : jsonOf(input);
  return isFields(value) ? value : undefined;
}

/**
 * A call's arguments for protocols that have them as an object. A custom tool's text is wrapped; what is no object is
 * kept as it is, under a name of its own (`isRaw`).
 */
export function callObject({ kind, input }: Pick<ToolCallPart, "kind" | "input">): { value: Fields; isRaw: boolean } {
  if (kind === "custom") return { value: { input }, isRaw: false };
  const value = input.trim() === "" ? {} : objectOf(input);
  return value === undefined ? { value: { _raw: input }, isRaw: true } : { value, isRaw: false };
}
