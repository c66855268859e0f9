import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, isAbsolute, relative, resolve } from "node:path";
import { JsonScanError, scanDocument, scanElements, scanMembers, type ScannedObject } from "../lib/json-scan.ts";
import { ConfigError, type Origin } from "./config-error.ts";
import { isPlainObject } from "./path.ts";
import { readText } from "./read-text.ts";
import { yamlDuplicates, type DuplicateKey } from "./yaml-duplicates.ts";

/** In this order; the first that exists is used. */
export const configFileNames = ["orcestator.yaml", "orcestator.yml", "orcestator.toml", "orcestator.json"] as const;

export interface FoundFile {
  readonly path: string;
  /** Further configuration files beside it, which are not read. */
  readonly ignored: readonly string[];
}

export interface ParsedFile {
  readonly tree: Record<string, unknown>;
  readonly origin: Origin;
  readonly warnings: readonly string[];
}

const requireFile = createRequire(import.meta.url);
const maxJsonDepth = 100;

/** The file named by the caller, else the first of the usual names in `cwd`; `undefined` when there is none. */
export function findConfigFile(cwd: string, configPath: string | undefined): FoundFile | undefined {
  if (configPath !== undefined) return { path: resolve(cwd, configPath), ignored: [] };
  const [path, ...ignored] = configFileNames.filter((name) => existsSync(resolve(cwd, name)));
  return path === undefined ? undefined : { path: resolve(cwd, path), ignored };
}

/** `file orcestator.yaml` inside the working directory, else with the whole path. */
export function fileOrigin(path: string, cwd: string): Origin {
  const short = relative(cwd, path);
  return `file ${short.startsWith("..") || isAbsolute(short) || short === "" ? path : short}`;
}

function positionText(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `line ${before.split("\n").length}, column ${offset - before.lastIndexOf("\n")}`;
}

/** The parsers in `Bun.YAML` and `Bun.TOML` do not say where they stopped; loading the file as a module does. */
function positionByLoading(path: string): string | undefined {
  try {
    requireFile(path);
  } catch (error) {
    const position: unknown = isPlainObject(error) ? error["position"] : undefined;
    if (isPlainObject(position) && typeof position["line"] === "number") {
      return `line ${position["line"]}, column ${String(position["column"])}`;
    }
  }
  return undefined;
}

function jsonPosition(text: string): string | undefined {
  try {
    scanDocument(text, maxJsonDepth);
  } catch (error) {
    if (error instanceof JsonScanError) return `${positionText(text, error.offset)}: ${error.message}`;
  }
  return undefined;
}

function jsonDuplicates(text: string, object: ScannedObject): DuplicateKey[] {
  const seen = new Set<string>();
  return object.members.flatMap(({ key, start }) => {
    const line = text.slice(0, start).split("\n").length;
    const own = seen.has(key) ? [{ key, line }] : [];
    seen.add(key);
    return [...own, ...jsonDuplicatesIn(text, start)];
  });
}

function jsonDuplicatesIn(text: string, start: number): DuplicateKey[] {
  if (text[start] === "{") return jsonDuplicates(text, scanMembers(text, start, maxJsonDepth));
  return scanElements(text, start).flatMap((element) => jsonDuplicatesIn(text, element.start));
}

type Format = "yaml" | "toml" | "json";

function formatOf(path: string): Format | undefined {
  const extension = extname(path).toLowerCase();
  if (extension === ".yaml" || extension === ".yml") return "yaml";
  if (extension === ".toml") return "toml";
  return extension === ".json" ? "json" : undefined;
}

const parsers: Readonly<Record<Format, (text: string) => unknown>> = {
  yaml: (text) => Bun.YAML.parse(text),
  toml: (text) => Bun.TOML.parse(text),
  json: (text) => (text.trim() === "" ? undefined : JSON.parse(text)),
};

interface Source {
  readonly path: string;
  readonly origin: Origin;
}

function unreadable({ path, origin }: Source, message: string): ConfigError {
  return new ConfigError([{ kind: "unreadable", path: "", message, origin }], path);
}

function parseText(format: Format, text: string): { value: unknown; duplicates: DuplicateKey[] } {
  const value = parsers[format](text);
  if (format === "yaml") return { value, duplicates: yamlDuplicates(text, parsers.yaml) };
  if (format === "toml" || !isPlainObject(value)) return { value, duplicates: [] };
  return { value, duplicates: jsonDuplicates(text, scanDocument(text, maxJsonDepth)) };
}

function syntaxMessage(options: { format: Format; path: string; text: string; error: unknown }): string {
  const { format, path, text, error } = options;
  if (format === "json") {
    // The engine's own message may quote a piece of the file, and that piece may be a key.
    return `this is no valid JSON, ${jsonPosition(text) ?? "see its quotes, escapes and commas"}`;
  }
  const reason = error instanceof Error ? error.message.replace(/^(?:YAML|TOML) Parse error: /, "") : String(error);
  return `this is no valid ${format.toUpperCase()}, ${positionByLoading(path) ?? "place unknown"}: ${reason}`;
}

function readConfigText(source: Source): { text: string; warnings: string[] } {
  const { path } = source;
  try {
    const { text, isDamaged } = readText(path);
    return {
      text,
      warnings: isDamaged ? [`${path} is not UTF-8 text; save it as UTF-8 (some characters were lost)`] : [],
    };
  } catch (error) {
    const code = isPlainObject(error) ? error["code"] : undefined;
    if (code === "ENOENT") throw unreadable(source, "there is no such file; see --config and OR_CONFIG");
    throw unreadable(source, `cannot be read (${typeof code === "string" ? code : String(error)})`);
  }
}

/** Reads and parses one configuration file into a tree of plain values. Throws ConfigError. */
export function parseConfigFile(path: string, cwd: string): ParsedFile {
  const origin = fileOrigin(path, cwd);
  const source = { path, origin };
  const format = formatOf(path);
  if (format === undefined) {
    throw unreadable(source, "the name must end in .yaml, .yml, .toml or .json");
  }
  const { text, warnings } = readConfigText(source);
  let parsed: ReturnType<typeof parseText>;
  try {
    parsed = parseText(format, text);
  } catch (error) {
    throw unreadable(source, syntaxMessage({ format, path, text, error }));
  }
  const { value, duplicates } = parsed;
  if (duplicates.length > 0) {
    throw new ConfigError(
      duplicates.map(({ key, line }) => ({
        kind: "unreadable",
        path: key,
        message: `line ${line}: this key was already written above in the same object; remove one of the two`,
        origin,
      })),
      path,
    );
  }
  if (value === null || value === undefined) return { tree: {}, origin, warnings };
  if (!isPlainObject(value))
    throw unreadable(source, "the file must hold an object with keys such as providers and models");
  return { tree: value, origin, warnings };
}
