import { statSync } from "node:fs";
import { extname } from "node:path";
import { ConfigError, type Origin } from "../config-error.ts";
import { isPlainObject } from "../path.ts";
import { readText, type DecodedText } from "../read-text.ts";
import { syntaxMessage } from "../syntax-message.ts";
import { yamlDuplicates } from "../yaml-duplicates.ts";

type Format = "yaml" | "toml" | "json";

export interface ForeignFile {
  readonly origin: Origin;
  readonly value: unknown;
  readonly notes: readonly string[];
}

const largestBytes = 8 * 1024 * 1024;

const parsers: Readonly<Record<Format, (text: string) => unknown>> = {
  yaml: (text) => Bun.YAML.parse(text),
  toml: (text) => Bun.TOML.parse(text),
  json: (text) => JSON.parse(text),
};

function formatOf(path: string, text: string): Format {
  const extension = extname(path).toLowerCase();
  if (extension === ".toml") return "toml";
  if (extension === ".json") return "json";
  if (extension === ".yaml" || extension === ".yml") return "yaml";
  return /^\s*[[{]/.test(text) ? "json" : "yaml";
}

function unreadable(path: string, message: string): ConfigError {
  return new ConfigError([{ kind: "unreadable", path: "", message, origin: `file ${path}` }], path);
}

function readDecoded(path: string): DecodedText {
  try {
    if (statSync(path).size > largestBytes) throw unreadable(path, "is larger than 8 MB; this is no configuration");
    return readText(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = isPlainObject(error) ? error["code"] : undefined;
    if (code === "ENOENT") throw unreadable(path, "there is no such file");
    throw unreadable(path, `cannot be read (${typeof code === "string" ? code : String(error)})`);
  }
}

function duplicateNotes(format: Format, text: string): string[] {
  if (format !== "yaml") return [];
  return yamlDuplicates(text, parsers.yaml).map(
    ({ key, line }) => `line ${line}: '${key.slice(0, 60)}' is written twice in one object; the last one counts`,
  );
}

/** A configuration of another system as its parser reads it. Throws ConfigError. */
export function readForeignFile(path: string): ForeignFile {
  const { text, encoding, isDamaged } = readDecoded(path);
  const format = formatOf(path, text);
  const damage = isDamaged ? [`${path} is not UTF-8 text; some characters were lost`] : [];
  const origin: Origin = `file ${path}`;
  if (text.trim() === "") return { origin, value: undefined, notes: damage };
  try {
    const value = parsers[format](text);
    return { origin, value, notes: [...damage, ...duplicateNotes(format, text)] };
  } catch (error) {
    // The parsers go down by calling themselves.
    if (error instanceof RangeError) throw unreadable(path, "is nested too deeply");
    throw unreadable(path, syntaxMessage({ format, path, text, encoding, error }));
  }
}
