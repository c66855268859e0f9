import { resolve } from "node:path";
import { applyDefaultModel, applyEnvironment } from "./apply-environment.ts";
import type { ConfigProblem, LocatedProblem, Origin } from "./config-error.ts";
import { environmentVariables } from "./env.ts";
import { readEnvironment, type Environment } from "./environment.ts";
import { readOrchConfigDir } from "./import/orch-config-dir.ts";
import { createLayers, type Layers } from "./layers.ts";
import { misspeltVariables } from "./misspelt-variables.ts";
import { configFileNames, fileOrigin, findConfigFile, parseConfigFile } from "./parse-file.ts";
import { applyOverlay, type Overlay } from "./overlay.ts";
import { isPlainObject, pathText } from "./path.ts";
import { substitute } from "./substitute.ts";

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
  /** Changes of the admin API, laid over file and environment and beneath flags. */
  readonly overlay?: Overlay;
  /** false = a missing API key is a warning; for commands that send nothing upstream. Default true. */
  readonly needsCredential?: boolean;
  /** true = the certificate files it names must be there; for commands that start a server or say whether one would. */
  readonly needsFiles?: boolean;
}

/** Values laid over each other, not yet judged. */
export interface Gathered {
  readonly layers: Layers;
  /** The tree of the layers as it is without the overlay. */
  readonly beneath: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  /** What was read: our file, or another system's folder. */
  readonly file: string | undefined;
  /** Files whose change may change the result, whether they are there or not. */
  readonly watched: readonly string[];
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly string[];
  /** Texts that no message may hold, the longest first. */
  readonly secrets: readonly string[];
}

/** What stands beneath environment and flags. */
interface Base {
  readonly tree: Record<string, unknown>;
  readonly origin: Origin;
  readonly file: string | undefined;
  readonly watched: readonly string[];
  readonly warnings: readonly string[];
}

interface Source {
  readonly cwd: string;
  readonly environment: Environment;
  readonly configPath: string | undefined;
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

/** A text without the secrets that may have got into it. */
export function mask(text: string, secrets: readonly string[]): string {
  return secrets.reduce((masked, secret) => masked.replaceAll(secret, "***"), text);
}

function noFile(): Base {
  return { tree: {}, origin: "default", file: undefined, watched: [], warnings: [] };
}

/** llm-orch's folder in the place of our file. */
function readOrchBase(folder: string, { cwd, environment }: Pick<Source, "cwd" | "environment">): Base {
  const { tree, files, notes } = readOrchConfigDir(folder, environment);
  return { tree, origin: fileOrigin(folder, cwd), file: folder, watched: files, warnings: notes };
}

function readBase({ cwd, environment, configPath }: Source): Base {
  const found = findConfigFile(cwd, configPath);
  const candidates = configPath === undefined ? configFileNames.map((name) => resolve(cwd, name)) : [];
  const orchDir = environment.text("ORCH_CONFIG_DIR");
  if (found === undefined) {
    const base = orchDir === undefined ? noFile() : readOrchBase(resolve(cwd, orchDir), { cwd, environment });
    return { ...base, watched: [...candidates, ...base.watched] };
  }
  const { tree, origin, warnings } = parseConfigFile(found.path, cwd);
  const others = orchDir === undefined ? [] : ["ORCH_CONFIG_DIR"];
  const ignored = [...found.ignored, ...others].map((name) => `${name} is ignored because ${found.path} is read`);
  const watched = configPath === undefined ? candidates : [found.path];
  return { tree, origin, file: found.path, watched, warnings: [...warnings, ...ignored] };
}

/** What the overlay brings may be the first thing that the model `orcestator` can be served by. */
function overlaid(
  layers: Layers,
  { environment, overlay }: { environment: Environment; overlay: Overlay },
): readonly string[] {
  applyOverlay(layers, overlay);
  const { models } = layers.tree;
  const isDeclared = isPlainObject(models) && models["orcestator"] !== undefined;
  return overlay.length === 0 || isDeclared ? [] : applyDefaultModel(layers, environment);
}

/** File, environment, overlay and flags laid over each other. Throws ConfigError when the file cannot be read. */
export function gather(options: LoadOptions, source: "with-file" | "without-file" = "with-file"): Gathered {
  const cwd = options.cwd ?? process.cwd();
  const environment = readEnvironment(cwd, options.env ?? process.env);
  const configPath = options.configPath ?? environment.text("OR_CONFIG");
  const base = source === "with-file" ? readBase({ cwd, environment, configPath }) : noFile();
  const { tree, problems, inserted, named } = substitute(base.tree, environment);
  const misspelt = misspeltVariables(environment, named);
  const layers = createLayers(tree, base.origin);
  // What was refused is no part of the tree, but it did stand in the file.
  for (const { path } of problems) layers.mark(pathText(path), base.origin);
  const applied = applyEnvironment(layers, environment);
  const beneath = options.overlay === undefined ? layers.tree : structuredClone(layers.tree);
  const changed = overlaid(layers, { environment, overlay: options.overlay ?? [] });
  for (const [path, value] of Object.entries(options.flags ?? {})) {
    if (value !== undefined) layers.set(path.split("."), value, "flag");
  }
  return {
    layers,
    beneath,
    environment,
    file: base.file,
    watched: [...base.watched, resolve(cwd, ".env")],
    // What later layers have written over is not looked at any more.
    problems: [...problems.filter(({ path }) => layers.originOf(path) === base.origin), ...applied.problems],
    warnings: [...environment.warnings, ...misspelt, ...base.warnings, ...applied.warnings, ...changed],
    secrets: secretsIn(environment, inserted),
  };
}

/** Problems as they may be shown, with the origin of what they are about. */
export function publish(problems: readonly LocatedProblem[], { layers, secrets }: Gathered): ConfigProblem[] {
  return problems.map(({ kind, path, message }) => ({
    kind,
    path: mask(pathText(path), secrets),
    message: mask(message, secrets),
    origin: layers.originOf(path),
  }));
}
