import type { LocatedProblem } from "./config-error.ts";
import { databaseEngineOf, databaseUrlProblem } from "./database-url.ts";
import { environmentVariables } from "./env.ts";
import type { Environment } from "./environment.ts";
import type { Layers } from "./layers.ts";
import { isPlainObject } from "./path.ts";
import { defaultProvider, providerTypes } from "./provider-types.ts";
import { switchOf } from "./switch-text.ts";

function isSwitchedOff(provider: unknown): boolean {
  return isPlainObject(provider) && switchOf(provider["enabled"]) === false;
}

function isDefaultType(provider: unknown): boolean {
  return isPlainObject(provider) && provider["type"] === defaultProvider;
}

/** An object of the tree, empty when it is not there, `undefined` when something else stands in its place. */
function section(layers: Layers, name: string): Record<string, unknown> | undefined {
  const value = layers.tree[name] ?? {};
  return isPlainObject(value) ? value : undefined;
}

function databaseProblem(text: string): LocatedProblem | undefined {
  const problem = databaseUrlProblem(text);
  if (problem === undefined) return undefined;
  return { kind: "invalid", path: ["storage", "url"], message: `${problem}; change or unset DATABASE_URL` };
}

const engineNames = "sqlite, mysql, mariadb, postgres or postgresql";

/** Another engine than the one that is used is a mistake even where its URL is missing: the owner counts on that database. */
function engineProblems(layers: Layers, environment: Environment): LocatedProblem[] {
  const name = environment.text("DATABASE_TYPE");
  if (name === undefined) return [];
  const problem = (message: string): LocatedProblem[] => {
    layers.mark("storage.url", environment.origin("DATABASE_TYPE"));
    return [{ kind: "invalid", path: ["storage", "url"], message }];
  };
  const engine = databaseEngineOf(name);
  if (engine === undefined) return problem(`DATABASE_TYPE must be ${engineNames}`);
  const url = section(layers, "storage")?.["url"];
  if (typeof url !== "string") {
    if (engine === "sqlite") return [];
    return problem(`DATABASE_TYPE names ${engine}, but nothing says where it is; set DATABASE_URL too`);
  }
  const named = databaseEngineOf(/^[^:]*/.exec(url)?.[0] ?? "");
  // What is no URL of any engine is told by the check of the URL.
  if (named === undefined || named === engine) return [];
  return problem(
    `DATABASE_TYPE names ${engine}, but the URL is one of ${named}; change one of them, or unset DATABASE_TYPE`,
  );
}

function applyValues(layers: Layers, environment: Environment): LocatedProblem[] {
  const written = new Set<string>();
  const problems: LocatedProblem[] = [];
  for (const variable of environmentVariables) {
    const text = environment.value(variable.name)?.trim();
    if (variable.role !== "value" || text === undefined || (text === "" && variable.isValueWhenEmpty !== true))
      continue;
    for (const path of variable.paths.filter((path) => !written.has(path))) {
      written.add(path);
      layers.set(path.split("."), variable.normalize?.(text) ?? text, environment.origin(variable.name));
      const problem = variable.name === "DATABASE_URL" ? databaseProblem(text) : undefined;
      if (problem !== undefined) problems.push(problem);
    }
  }
  return problems;
}

function applyDatabasePath(layers: Layers, environment: Environment): void {
  const path = environment.text("OR_DB_PATH");
  const storage = section(layers, "storage");
  if (path === undefined || storage === undefined || storage["url"] !== undefined) return;
  const url = path.startsWith("sqlite://") ? path : `sqlite://${path}`;
  layers.set(["storage", "url"], url, environment.origin("OR_DB_PATH"));
}

/** OR_API_KEY and OR_BASE_URL fill the provider `openrouter`, which is made when no OpenRouter provider is declared. */
function applyDefaultProvider(layers: Layers, environment: Environment): void {
  const providers = section(layers, "providers");
  if (providers === undefined) return;
  const key = environment.text("OR_API_KEY");
  const baseUrl = environment.text("OR_BASE_URL");
  const declared = providers[defaultProvider];
  if (declared !== undefined && !isDefaultType(declared)) return;
  if (declared === undefined) {
    if (key === undefined || Object.values(providers).some(isDefaultType)) return;
    layers.set(["providers", defaultProvider, "type"], defaultProvider, "default");
    layers.set(["providers", defaultProvider, "acceptsAnyModel"], true, "default");
  }
  if (key !== undefined) {
    layers.set(["providers", defaultProvider, "credentials"], key, environment.origin("OR_API_KEY"));
  }
  if (baseUrl !== undefined) {
    layers.set(["providers", defaultProvider, "baseUrl"], baseUrl, environment.origin("OR_BASE_URL"));
  }
}

/** The model `orcestator`, unless it is declared. Returns a warning when OR_DEFAULT_MODEL had no effect. */
export function applyDefaultModel(layers: Layers, environment: Environment): string[] {
  const models = section(layers, "models");
  const providers = section(layers, "providers");
  if (models === undefined || providers === undefined) return [];
  const model = environment.text("OR_DEFAULT_MODEL");
  if (models["orcestator"] !== undefined) {
    if (model === undefined) return [];
    return ["OR_DEFAULT_MODEL has no effect: the configuration file declares models.orcestator itself"];
  }
  const usable = Object.keys(providers).filter((name) => !isSwitchedOff(providers[name]));
  const provider = usable.includes(defaultProvider) ? defaultProvider : usable[0];
  if (provider === undefined || (provider !== defaultProvider && model === undefined)) return [];
  const target = { provider, model: model ?? providerTypes[defaultProvider].defaultModel };
  layers.set(["models", "orcestator", "targets"], [target], "default");
  if (model !== undefined) layers.mark("models.orcestator.targets[0].model", environment.origin("OR_DEFAULT_MODEL"));
  return [];
}

export interface AppliedEnvironment {
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly string[];
}

/** Writes what the environment says over what the file says. */
export function applyEnvironment(layers: Layers, environment: Environment): AppliedEnvironment {
  const valueProblems = applyValues(layers, environment);
  applyDatabasePath(layers, environment);
  const problems = [...valueProblems, ...engineProblems(layers, environment)];
  applyDefaultProvider(layers, environment);
  return { problems, warnings: applyDefaultModel(layers, environment) };
}
