import type { z } from "zod";
import { applyEnvironment } from "./apply-environment.ts";
import { checkConfig } from "./checks.ts";
import { ConfigError, type ConfigProblem, type LocatedProblem, type Origin } from "./config-error.ts";
import { hasCredential, withDemoProvider } from "./demo.ts";
import { environmentVariables } from "./env.ts";
import { readEnvironment, type Environment } from "./environment.ts";
import { knownKeys } from "./json-schema.ts";
import { createLayers, type Layers } from "./layers.ts";
import { findConfigFile, parseConfigFile } from "./parse-file.ts";
import { misspeltVariables } from "./misspelt-variables.ts";
import { isPlainObject, leaves, pathText } from "./path.ts";
import { resolveConfig, type ResolvedConfig } from "./resolve.ts";
import { schemaProblems } from "./schema-problems.ts";
import { configSchema, type Config, type ServerConfig } from "./schema.ts";
import { substitute } from "./substitute.ts";

export { ConfigError, type ConfigProblem, type Origin } from "./config-error.ts";

export interface LoadOptions {
  /** The file to read (relative to `cwd`); else OR_CONFIG, else the first of the usual names in `cwd`. */
  readonly configPath?: string | undefined;
  /** Default: the process environment. The `.env` file of `cwd` is read beneath it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Values by path, e.g. `{"server.port": "9000"}`; an `undefined` one counts as not given. */
  readonly flags?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Where no API key is configured at all, a provider that answers by itself takes the place of those that lack one. */
  readonly demo?: boolean;
  /** false = a missing API key is a warning; for commands that send nothing upstream. Default true. */
  readonly needsCredential?: boolean;
  /** true = the certificate files it names must be there; for commands that start a server or say whether one would. */
  readonly needsFiles?: boolean;
}

export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** Absolute path of the file that was read; `undefined` when there was none. */
  readonly file: string | undefined;
  /** Origin of every value in `config`, by its path. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly warnings: readonly string[];
  /** The dummy provider was put in, because `demo` was asked for and no API key is configured. */
  readonly isDemo: boolean;
}

interface Gathered {
  readonly layers: Layers;
  readonly environment: Environment;
  readonly file: string | undefined;
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly string[];
  readonly secrets: readonly string[];
}

/** Short texts would mask half of a message; no real key is this short. */
const shortestSecret = 6;

function secretsIn(environment: Environment, inserted: readonly string[]): string[] {
  const values = environmentVariables.flatMap(({ name, isSecret }) =>
    isSecret === true ? (environment.text(name)?.split(",") ?? []) : [],
  );
  const secrets = [...values, ...inserted].map((value) => value.trim());
  return secrets.filter((value) => value.length >= shortestSecret).sort((left, right) => right.length - left.length);
}

/** File, environment and flags laid over each other, not yet judged. Throws ConfigError when the file cannot be read. */
function gather(options: LoadOptions, source: "with-file" | "without-file" = "with-file"): Gathered {
  const cwd = options.cwd ?? process.cwd();
  const environment = readEnvironment(cwd, options.env ?? process.env);
  const configPath = options.configPath ?? environment.text("OR_CONFIG");
  const found = source === "with-file" ? findConfigFile(cwd, configPath) : undefined;
  const parsed = found === undefined ? undefined : parseConfigFile(found.path, cwd);
  const { tree, problems, inserted, named } = substitute(parsed?.tree ?? {}, environment);
  const misspelt = misspeltVariables(environment, named);
  const layers = createLayers(tree, parsed?.origin ?? "default");
  // What was refused is no part of the tree, but it did stand in the file.
  for (const { path } of problems) layers.mark(pathText(path), parsed?.origin ?? "default");
  const applied = applyEnvironment(layers, environment);
  for (const [path, value] of Object.entries(options.flags ?? {})) {
    if (value !== undefined) layers.set(path.split("."), value, "flag");
  }
  const ignored = (found?.ignored ?? []).map((name) => `${name} is ignored because ${found?.path ?? ""} is read`);
  return {
    layers,
    environment,
    file: found?.path,
    // What the environment has written over is not looked at any more.
    problems: [...problems.filter(({ path }) => layers.originOf(path) === parsed?.origin), ...applied.problems],
    warnings: [...environment.warnings, ...misspelt, ...(parsed?.warnings ?? []), ...ignored, ...applied.warnings],
    secrets: secretsIn(environment, inserted),
  };
}

function mask(text: string, secrets: readonly string[]): string {
  return secrets.reduce((masked, secret) => masked.replaceAll(secret, "***"), text);
}

/** One problem per place: a missing variable need not also be reported as a bad URL or as a list without keys. */
function distinct(problems: readonly LocatedProblem[]): LocatedProblem[] {
  const places: string[] = [];
  return problems.filter(({ path }) => {
    const text = pathText(path);
    if (places.some((place) => place === text || place.startsWith(`${text}.`) || place.startsWith(`${text}[`)))
      return false;
    places.push(text);
    return true;
  });
}

function publish(problems: readonly LocatedProblem[], { layers, secrets }: Gathered): ConfigProblem[] {
  return problems.map(({ kind, path, message }) => {
    return {
      kind,
      path: mask(pathText(path), secrets),
      message: mask(message, secrets),
      origin: layers.originOf(path),
    };
  });
}

function originsOf(config: ResolvedConfig, layers: Layers): Map<string, Origin> {
  return new Map(
    leaves(config).map(({ keys, path }) => {
      // Headers have no defaults, and their names may be written in another case than they are used.
      const isHeader = keys[0] === "providers" && keys[2] === "headers";
      return [path, isHeader ? layers.originOf(keys) : (layers.originAt(path) ?? "default")];
    }),
  );
}

/** The tree without the parts that have a problem, so that what is left can be checked too. */
function soundPart(tree: Record<string, unknown>, issues: readonly z.core.$ZodIssue[]): Record<string, unknown> {
  const copy = structuredClone(tree);
  for (const { path } of issues) {
    const [section, name] = path.map(String);
    const entries = section === undefined ? undefined : copy[section];
    if (section === undefined) for (const key of Object.keys(copy)) if (!knownKeys([]).includes(key)) delete copy[key];
    if ((section === "providers" || section === "models") && isPlainObject(entries) && name !== undefined)
      delete entries[name];
    else if (section !== undefined) delete copy[section];
  }
  return copy;
}

function parseSoundPart(tree: Record<string, unknown>, issues: readonly z.core.$ZodIssue[]): Config {
  return configSchema.safeParse(soundPart(tree, issues)).data ?? configSchema.parse({});
}

interface Judged {
  /** What could be understood; complete when there is no problem of kind `invalid`. */
  readonly config: ResolvedConfig;
  readonly problems: LocatedProblem[];
  readonly warnings: string[];
}

/** Everything wrong with the gathered values, and what is only odd. */
function judge(gathered: Gathered, { cwd = process.cwd(), needsFiles = false }: LoadOptions): Judged {
  const { tree } = gathered.layers;
  const parsed = configSchema.safeParse(tree);
  const refused = parsed.success ? [] : schemaProblems(parsed.error, tree);
  const config = resolveConfig(parsed.data ?? parseSoundPart(tree, parsed.error?.issues ?? []));
  const declaredProviders = isPlainObject(tree["providers"]) ? Object.keys(tree["providers"]) : [];
  const checked = checkConfig(config, { cwd, declaredProviders, needsFiles });
  const isUsed = ({ kind, path }: LocatedProblem): boolean =>
    kind !== "missing-credential" || config.providers[String(path[1])]?.enabled !== false;
  return {
    config,
    problems: distinct([...gathered.problems.filter(isUsed), ...refused, ...checked.problems]),
    warnings: [...gathered.warnings, ...checked.warnings].map((warning) => mask(warning, gathered.secrets)),
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function isWithoutAnyKey(config: ResolvedConfig, { environment }: Gathered): boolean {
  return environment.text("OR_API_KEY") === undefined && !hasCredential(config);
}

/**
 * Reads the configuration: flags over environment over `.env` over file over defaults.
 * Throws ConfigError with every problem at once; its message is for people.
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const gathered = gather(options);
  const { layers, file } = gathered;
  const { config, problems, warnings } = judge(gathered, options);
  if (problems.length === 0) return { config, file, origins: originsOf(config, layers), warnings, isDemo: false };

  const isOnlyKeys = problems.every(({ kind }) => kind === "missing-credential");
  if (isOnlyKeys && options.demo === true && isWithoutAnyKey(config, gathered)) {
    const demo = withDemoProvider(config, new Set(problems.map(({ path }) => String(path[1]))));
    return { config: demo, file, origins: originsOf(demo, layers), warnings, isDemo: true };
  }
  const published = publish(problems, gathered);
  if (!isOnlyKeys || options.needsCredential !== false) throw new ConfigError(published, file);
  const missing = published.map(({ path, message }) => (path === "" ? firstLine(message) : `${path}: ${message}`));
  return { config, file, origins: originsOf(config, layers), warnings: [...warnings, ...missing], isDemo: false };
}

/**
 * Where the server of this configuration listens, for commands that only want to reach it. Never throws ConfigError:
 * a file that is broken right now does not hide a server that still runs on the last good one.
 */
export function loadServerConfig(options: LoadOptions = {}): ServerConfig {
  for (const source of ["with-file", "without-file"] as const) {
    try {
      const parsed = configSchema.shape.server.safeParse(gather(options, source).layers.tree["server"] ?? {});
      if (parsed.success) return parsed.data;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }
  return configSchema.shape.server.parse({});
}
