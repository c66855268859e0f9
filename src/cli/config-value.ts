import { isDuration } from "../config/json-schema.ts";
import { isPlainObject, type ConfigPath } from "../config/path.ts";
import { formatDuration } from "../lib/duration.ts";

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A value of the configuration as people write it; it is masked already. */
export function configValueText(keys: ConfigPath, value: unknown): string {
  if (typeof value === "number" && isDuration(keys)) return formatDuration(value);
  if (Array.isArray(value)) return value.length === 0 ? "(none)" : value.map(textOf).join(", ");
  if (isPlainObject(value)) return "(none)";
  return value === "" ? "(empty)" : textOf(value);
}
