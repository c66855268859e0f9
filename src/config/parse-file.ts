import { existsSync } from "node:fs";
import { extname, isAbsolute, relative, resolve } from "node:path";
import { ConfigError, type Origin } from "./config-error.ts";
import { jsonDuplicates } from "./json-duplicates.ts";
import { isPlainObject } from "./path.ts";
import { readText, type DecodedText } from "./read-text.ts";
import { maxJsonDepth, syntaxMessage } from "./syntax-message.ts";
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
  return { value, duplicates: jsonDuplicates(text, maxJsonDepth) };
}

interface ConfigText extends DecodedText {
  readonly warnings: readonly string[];
}

function readConfigText(source: Source): ConfigText {
  const { path } = source;
  try {
    const decoded = readText(path);
    const damage = `${path} is not UTF-8 text; save it as UTF-8 (some characters were lost)`;
    return { ...decoded, warnings: decoded.isDamaged ? [damage] : [] };
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
  const { text, encoding, warnings } = readConfigText(source);
  let parsed: ReturnType<typeof parseText>;
  try {
    parsed = parseText(format, text);
  } catch (error) {
    throw unreadable(source, syntaxMessage({ format, path, text, encoding, error }));
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
