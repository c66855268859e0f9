import { nearest } from "../../lib/nearest.ts";
import type { LocatedProblem } from "../config-error.ts";
import type { DeclaredNames } from "../declared-names.ts";
import { type ConfigPath, pathText } from "../path.ts";
import type { ResolvedConfig } from "../resolve.ts";
import type { CheckContext } from "./check-context.ts";

const fallbackLists = ["fallbacks", "contentPolicyFallbacks", "contextWindowFallbacks"] as const;

function starsIn(name: string): number {
  return name.split("*").length - 1;
}

/** Whether `name` is what the wildcard `pattern`, with one `*`, stands for. */
function isCovered(name: string, pattern: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return name === pattern;
  const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end);
}

/** `groq/llama-3` asks that provider for that model; whether it has it, only its own list can say. */
function isAtProvider(name: string, { providers }: DeclaredNames): boolean {
  return providers.some((provider) => name.startsWith(`${provider}/`) && name.length > provider.length + 1);
}

function modelProblem(name: string, declared: DeclaredNames): string | undefined {
  if (name.includes("*")) return "must be the name of one model; * stands for nothing here";
  if (declared.takesAnyModel || isAtProvider(name, declared)) return undefined;
  if ([...declared.models, ...declared.offered].some((pattern) => isCovered(name, pattern))) return undefined;
  const suggestion = nearest(name, [...declared.models, ...declared.offered]);
  if (suggestion !== undefined) return `there is no model '${name}'; did you mean '${suggestion}'?`;
  return `there is no model '${name}'; declare it under models, or list it in models of the provider that serves it`;
}

function modelReference(name: string, path: ConfigPath, declared: DeclaredNames): LocatedProblem[] {
  const message = modelProblem(name, declared);
  return message === undefined ? [] : [{ kind: "invalid", path, message }];
}

function providerReference(name: string, path: ConfigPath, { providers }: DeclaredNames): LocatedProblem[] {
  if (providers.includes(name)) return [];
  const suggestion = nearest(name, providers);
  const hint =
    suggestion === undefined ? `declared: ${providers.join(", ") || "none"}` : `did you mean '${suggestion}'?`;
  return [{ kind: "invalid", path, message: `there is no provider '${name}' under providers; ${hint}` }];
}

/** A name that stands for others, and the upstream's name of what it stands for. */
interface Pair {
  readonly name: string;
  readonly model: string;
  readonly path: ConfigPath;
}

function starProblem({ name, model, path }: Pair): LocatedProblem[] {
  if (starsIn(model) <= starsIn(name) && starsIn(model) <= 1) return [];
  const message =
    starsIn(model) > 1
      ? "may have one * only; it stands for what the * of the model's name matched"
      : `has a * but the model's name '${name}' has none for it to stand for; write a whole name`;
  return [{ kind: "invalid", path, message }];
}

function nameProblem(name: string, path: ConfigPath): LocatedProblem[] {
  if (starsIn(name) <= 1) return [];
  return [{ kind: "invalid", path, message: "a model's name may have one * only; it stands for anything" }];
}

/** Wildcards among the names that are served, and in what they lead to. */
function starProblems({ models, providers }: ResolvedConfig): LocatedProblem[] {
  const ofProviders = Object.entries(providers).flatMap(([provider, { models: own, aliases }]) => [
    ...own.flatMap((name, index) => nameProblem(name, ["providers", provider, "models", index])),
    ...Object.entries(aliases).flatMap(([name, model]) => {
      const path = ["providers", provider, "aliases", name];
      return [...nameProblem(name, path), ...starProblem({ name, model, path })];
    }),
  ]);
  const ofModels = Object.entries(models).flatMap(([name, { targets }]) => [
    ...nameProblem(name, ["models", name]),
    ...targets.flatMap(({ model }, index) =>
      starProblem({ name, model, path: ["models", name, "targets", index, "model"] }),
    ),
  ]);
  return [...ofProviders, ...ofModels];
}

/** What names something must name something that is there. */
export function referenceProblems(config: ResolvedConfig, { declared }: CheckContext): LocatedProblem[] {
  const inModels = Object.entries(config.models).flatMap(([alias, model]) => [
    ...model.targets.flatMap(({ provider }, index) =>
      providerReference(provider, ["models", alias, "targets", index, "provider"], declared),
    ),
    ...fallbackLists.flatMap((list) =>
      model[list].flatMap((name, index) => modelReference(name, ["models", alias, list, index], declared)),
    ),
  ]);
  const inRoutes = config.routes.flatMap(({ use }, index) => modelReference(use, ["routes", index, "use"], declared));
  return [...starProblems(config), ...inModels, ...inRoutes];
}

function ownFallbackWarnings({ models }: ResolvedConfig): string[] {
  return Object.entries(models).flatMap(([alias, model]) =>
    fallbackLists
      .filter((list) => model[list].includes(alias))
      .map(
        (list) => `the model '${alias}' names itself in ${list}; a model is tried once for a request, remove it there`,
      ),
  );
}

function hiddenNameWarnings({ models, providers }: ResolvedConfig): string[] {
  return Object.entries(providers).flatMap(([name, provider]) => {
    const offered = [
      ...provider.models.map((model) => ({ model, list: "models" })),
      ...Object.keys(provider.aliases).map((model) => ({ model, list: "aliases" })),
    ];
    return offered
      .filter(({ model }) => models[model] !== undefined)
      .map(
        ({ model, list }) => `providers.${name}.${list} names '${model}', which models declares itself; models wins`,
      );
  });
}

/** Prices of a provider that is not there are prices of nothing. */
function priceWarnings({ prices }: ResolvedConfig, declared: DeclaredNames): string[] {
  const ofModels = Object.keys(prices.models)
    .map((name) => ({ provider: name.slice(0, name.indexOf("/")), path: ["prices", "models", name] }))
    .filter(({ provider }) => !declared.providers.some((known) => isCovered(known, provider)));
  const ofProviders = Object.keys(prices.providers).map((name) => ({
    provider: name,
    path: ["prices", "providers", name],
  }));
  return [...ofModels, ...ofProviders]
    .flatMap(({ provider, path }) => providerReference(provider, path, declared))
    .map(({ path, message }) => `${pathText(path)} counts for nothing: ${message}`);
}

export function referenceWarnings(config: ResolvedConfig, { declared }: CheckContext): string[] {
  return [...ownFallbackWarnings(config), ...hiddenNameWarnings(config), ...priceWarnings(config, declared)];
}
