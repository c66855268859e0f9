import type { z } from "zod";
import { checkConfig } from "./checks.ts";
import { ConfigError, type LocatedProblem, type Origin } from "./config-error.ts";
import { declaredNamesIn } from "./declared-names.ts";
import { hasCredential, withDemoProvider } from "./demo.ts";
import { gather, mask, publish, type Gathered, type LoadOptions } from "./gather.ts";
import { knownKeys } from "./json-schema.ts";
import type { Layers } from "./layers.ts";
import { isPlainObject, leaves, pathText, valueAt, type ConfigPath } from "./path.ts";
import { resolveConfig, type ResolvedConfig } from "./resolve.ts";
import { schemaProblems } from "./schema-problems.ts";
import { configSchema, type Config, type ServerConfig } from "./schema.ts";
import { switchOf } from "./switch-text.ts";
import { writtenForm } from "./written-form.ts";

export { ConfigError, type ConfigProblem, type Origin } from "./config-error.ts";
export type { LoadOptions } from "./gather.ts";

/** What was written, as a file would say it: without defaults, with secrets. */
export interface Written {
  readonly tree: Readonly<Record<string, unknown>>;
  /** The same without the overlay. */
  readonly beneath: Readonly<Record<string, unknown>>;
  /** Of every node in `tree`, by its path. */
  readonly origins: ReadonlyMap<string, Origin>;
}

export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** Absolute path of the file (or of another system's folder) that was read; `undefined` when there was none. */
  readonly file: string | undefined;
  /** Absolute paths of all files whose change may change the result, whether they are there or not. */
  readonly watched: readonly string[];
  readonly written: Written;
  /** Origin of every value in `config`, by its path. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly warnings: readonly string[];
  /** The dummy provider was put in, because `demo` was asked for and no API key is configured. */
  readonly isDemo: boolean;
}

function writtenIn({ layers, beneath }: Gathered): Written {
  return { tree: layers.tree, beneath, origins: layers.origins };
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

/** What a credential's default is has no origin; the keys of one provider were all written in one place. */
function originOfCredential(keys: ConfigPath, value: unknown, layers: Layers): Origin {
  const last = keys.at(-1);
  const isDefault = (last === "weight" && value === 1) || (last === "enabled" && value === true);
  return isDefault ? "default" : layers.originOf(keys.slice(0, 3));
}

function originsOf(config: ResolvedConfig, layers: Layers): Map<string, Origin> {
  return new Map(
    leaves(writtenForm(config)).map(({ keys, path, value }) => {
      const field = keys[0] === "providers" ? keys[2] : undefined;
      if (field === "credentials") return [path, originOfCredential(keys, value, layers)];
      // Headers may be written in another form than they are used.
      const isHeader = field === "headers" && keys.length > 3;
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

/** The provider or the credential at this place is not used, so it need not be complete. */
function isSwitchedOff(tree: Record<string, unknown>, [section, provider, , credential]: ConfigPath): boolean {
  if (section !== "providers" || provider === undefined) return false;
  const places = [[section, provider, "enabled"]];
  if (credential !== undefined) places.push([section, provider, "credentials", credential, "enabled"]);
  return places.some((place) => switchOf(valueAt(tree, place)) === false);
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
  const written = parsed.data ?? parseSoundPart(tree, parsed.error?.issues ?? []);
  const config = resolveConfig(written);
  const checked = checkConfig(config, { cwd, declared: declaredNamesIn(tree), written, needsFiles });
  const isUsed = ({ kind, path }: LocatedProblem): boolean =>
    kind !== "missing-credential" || !isSwitchedOff(tree, path);
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

/** Somebody can bring a provider while it runs; a person who has only forgotten the key is told so instead. */
function mayGetProviders({ storage, admin }: ResolvedConfig, file: string | undefined): boolean {
  const hasAdmin = admin.token !== undefined || admin.password !== undefined || admin.oidc !== undefined;
  return storage.url !== undefined && (hasAdmin || file !== undefined);
}

const noProviderYet =
  "no provider is configured here: set OR_API_KEY, or add one to the database (POST /api/providers), else no request can be answered";

/**
 * Reads the configuration: flags over the admin API's changes over environment over `.env` over file over defaults.
 * Throws ConfigError with every problem at once; its message is for people.
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const gathered = gather(options);
  const { layers, file, watched } = gathered;
  const { config, problems, warnings } = judge(gathered, options);
  const loaded = (ready: ResolvedConfig): LoadedConfig => {
    return {
      config: ready,
      file,
      watched,
      written: writtenIn(gathered),
      origins: originsOf(ready, layers),
      warnings,
      isDemo: false,
    };
  };
  if (problems.length === 0) return loaded(config);

  const isOnlyKeys = problems.every(({ kind }) => kind === "missing-credential");
  if (isOnlyKeys && options.demo === true && isWithoutAnyKey(config, gathered)) {
    const demo = withDemoProvider(config, new Set(problems.map(({ path }) => String(path[1]))));
    return { ...loaded(demo), isDemo: true };
  }
  if (isOnlyKeys && problems.every(({ path }) => path.length === 0) && mayGetProviders(config, file)) {
    // They may be in the database, or come into it.
    return { ...loaded(config), warnings: [...warnings, noProviderYet] };
  }
  const published = publish(problems, gathered);
  if (!isOnlyKeys || options.needsCredential !== false) throw new ConfigError(published, file);
  const missing = published.map(({ path, message }) => (path === "" ? firstLine(message) : `${path}: ${message}`));
  return { ...loaded(config), warnings: [...warnings, ...missing] };
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
