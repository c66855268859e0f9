import { createRequire } from "node:module";
import { JsonScanError, scanDocument } from "../lib/json-scan.ts";
import { isPlainObject } from "./path.ts";
import type { Encoding } from "./read-text.ts";

/** Deepest nesting of a JSON file that is looked into. */
export const maxJsonDepth = 100;

export interface BrokenText {
  readonly format: "yaml" | "toml" | "json";
  readonly path: string;
  readonly text: string;
  readonly encoding: Encoding;
  /** What the parser threw. */
  readonly error: unknown;
}

const requireFile = createRequire(import.meta.url);

/** The parsers in `Bun.YAML` and `Bun.TOML` do not say where they stopped; loading the file as a module does. */
function placeByLoading(path: string): string {
  try {
    requireFile(path);
  } catch (error) {
    const position: unknown = isPlainObject(error) ? error["position"] : undefined;
    if (isPlainObject(position) && typeof position["line"] === "number") {
      return `, line ${position["line"]}, column ${String(position["column"])}`;
    }
  }
  return "";
}

function jsonPlace(text: string): string {
  try {
    scanDocument(text, maxJsonDepth);
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    const before = text.slice(0, error.offset);
    const column = error.offset - before.lastIndexOf("\n");
    return `, line ${before.split("\n").length}, column ${column}: ${error.message}`;
  }
  return ": look at its quotes, escapes and commas";
}

/** `Strings must be quoted: "sk-or-…"` quotes the key itself; names of keys may stay. */
function withoutQuotations(reason: string): string {
  return reason.replaceAll(/(?<!key )(?:"[^"]*"|'[^']*'|`[^`]*`)/g, (quotation) =>
    quotation.length < 4 ? quotation : "…",
  );
}

/** What is wrong with a text that its parser refused, and where, in words that quote nothing secret. */
export function syntaxMessage({ format, path, text, encoding, error }: BrokenText): string {
  // The engine's own message about JSON may quote a piece of the file, and that piece may be a key.
  if (format === "json") return `this is no valid JSON${jsonPlace(text)}`;
  const reason = error instanceof Error ? error.message.replace(/^(?:YAML|TOML) Parse error: /, "") : String(error);
  const place = encoding === "utf-8" ? placeByLoading(path) : "";
  return `this is no valid ${format.toUpperCase()}${place}: ${withoutQuotations(reason)}`;
}
