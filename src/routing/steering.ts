import { invalidRequest, type GatewayError } from "../errors.ts";
import type { Named, Names } from "./names.ts";
import { createRecentMap } from "./recent-map.ts";
import type { Stage, Steering } from "./route.ts";
import type { Target } from "./target.ts";
import type { Upstream } from "./upstream.ts";

/** What trusted callers ask for by header. */
export interface SteeredNames {
  /** What a name stands for there; `undefined` = nobody they name serves it. */
  find(name: string, steering: Steering): Named | undefined;
  /** Why there is nothing, where somebody else serves the name; `undefined` = nobody does. */
  refusalOf(name: string, steering: Steering): GatewayError | undefined;
}

/** What was steered is remembered: a stage keeps whose turn it is. */
const mostStages = 250;
const longestKey = 400;

/** Targets at these providers only, in the order of the providers. */
function narrowed(targets: readonly Target[], providers: readonly string[]): Target[] {
  return providers.flatMap((provider, place) => {
    const own = targets.filter(({ upstream }) => upstream.name === provider);
    const priorities = [...new Set(own.map(({ priority }) => priority))].sort((left, right) => left - right);
    return own.map((target) => ({ ...target, priority: place * targets.length + priorities.indexOf(target.priority) }));
  });
}

function amongTargets(named: Named, providers: readonly string[]): Named | undefined {
  const targets = narrowed(named.stage.targets, providers);
  return targets.length === 0 ? undefined : { ...named, stage: { ...named.stage, targets } };
}

function providersOf({ targets }: Stage): string[] {
  return [...new Set(targets.map(({ upstream }) => upstream.name))];
}

interface SteeredNamesOptions {
  names: Names;
  upstreams: readonly Upstream[];
}

export function createSteeredNames({ names, upstreams }: SteeredNamesOptions): SteeredNames {
  const byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
  const recent = createRecentMap<{ from: Stage; named: Named }>(mostStages);

  /** A name that only providers know: at those that serve it, by whatever they call it. */
  function atProviders(name: string, base: Named | undefined, providers: readonly string[]): Named | undefined {
    const places = providers.flatMap((provider) => {
      const upstream = byName.get(provider);
      if (upstream === undefined) return [];
      const known = base?.stage.targets.find((target) => target.upstream === upstream)?.model;
      const model = known ?? names.modelAt(upstream, name);
      return model === undefined ? [] : [{ upstream, model }];
    });
    if (places.length === 0) return undefined;
    const named = names.placed(name, places);
    const targets = named.stage.targets.map((target, priority) => ({ ...target, priority }));
    return { ...named, shown: base?.shown ?? name, stage: { ...named.stage, targets } };
  }

  function steered(name: string, base: Named | undefined, { providers, strategy }: Steering): Named | undefined {
    let named = base;
    if (providers.length > 0) {
      const unique = [...new Set(providers)];
      named = base?.isDeclared === true ? amongTargets(base, unique) : atProviders(name, base, unique);
    }
    if (named === undefined || strategy === undefined) return named;
    return { ...named, stage: { ...named.stage, strategy } };
  }

  return {
    find(name, steering) {
      const base = names.find(name);
      if (base?.isDeclared !== true) return steered(name, base, steering);
      const key = [name, steering.strategy ?? "", ...steering.providers].join("\n");
      const known = recent.get(key);
      if (known?.from === base.stage) return known.named;
      const named = steered(name, base, steering);
      if (named !== undefined && key.length <= longestKey) recent.set(key, { from: base.stage, named });
      return named;
    },
    refusalOf(name, { providers }) {
      const base = names.find(name);
      const serving = new Set(base === undefined ? [] : providersOf(base.stage));
      if (base?.isDeclared !== true)
        for (const upstream of upstreams) if (names.modelAt(upstream, name) !== undefined) serving.add(upstream.name);
      if (providers.length === 0 || serving.size === 0) return undefined;
      const asked = providers.join(", ").slice(0, 200);
      const message = `x-orcestator-provider: ${asked} does not serve the model '${name.slice(0, 200)}'`;
      return invalidRequest(`${message}; it is served by ${[...serving].join(", ")}.`);
    },
  };
}
