import type { ResolvedConfig } from "../config/resolve.ts";
import type { Catalog } from "./catalog.ts";
import {
  declarationsOf,
  noFallbacks,
  offeredBy,
  placeOf,
  plainSettings,
  type Declaration,
  type FallbackNames,
  type Place,
} from "./declarations.ts";
import type { HealthRegistry } from "./health/health.ts";
import { createRecentMap } from "./recent-map.ts";
import type { Stage } from "./route.ts";
import type { Target } from "./target.ts";
import type { Upstream } from "./upstream.ts";
import { createWildcards, isWildcard, type Wildcards } from "./wildcards.ts";

/** What a name stands for. */
export interface Named {
  /** What the client is told, a name it may ask for again. */
  readonly shown: string;
  readonly stage: Stage;
  readonly fallbacks: FallbackNames;
  /** The configuration says so; else the name is a provider's own. */
  readonly isDeclared: boolean;
}

export interface Names {
  /** Without wildcards. */
  readonly aliases: ReadonlyMap<string, Stage>;
  /** Of requests that name no model; `undefined` = there is none. */
  readonly usual: string | undefined;
  find(name: string): Named | undefined;
  /** The provider's own name of a model that it may be asked for by this name. */
  modelAt(upstream: Upstream, name: string): string | undefined;
  /** A model at certain providers only, in their order, by their own names of it. */
  placed(name: string, at: readonly { upstream: Upstream; model: string }[]): Named;
}

export interface NamesOptions {
  config: ResolvedConfig;
  upstreams: readonly Upstream[];
  health: HealthRegistry;
  /** What the upstreams list now. */
  catalog: Pick<Catalog, "find"> | undefined;
}

/** The model every gateway offers unless it is configured otherwise. */
const usualAlias = "orcestator";
/** Names that clients make up are remembered for a while, so that what was learnt of them has a place. */
const mostNames = 250;
/** Longer ones are resolved every time. */
const longestName = 200;

interface Offer {
  readonly names: ReadonlyMap<string, string>;
  readonly wildcards: Wildcards<string>;
}

function offerOf(upstream: Upstream): Offer {
  const names = offeredBy(upstream);
  return { names, wildcards: createWildcards(names) };
}

/** What the star stands for is put in as it is. */
function withStar(model: string, star: string): string {
  return model.replace("*", () => star);
}

/** OpenRouter's own models are called openrouter/auto and the like; the names of others have a slash of their own. */
function isOpenRoutersOwn({ name, config }: Upstream, rest: string): boolean {
  return name === "openrouter" && config.type === "openrouter" && !rest.includes("/");
}

interface Undeclared {
  name: string;
  upstream: Upstream;
  model: string;
  shown?: string;
}

export function createNames({ config, upstreams, health, catalog }: NamesOptions): Names {
  const byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
  const offers = new Map(upstreams.map((upstream) => [upstream, offerOf(upstream)]));
  const open = upstreams.find((upstream) => upstream.config.acceptsAnyModel);
  const settings = plainSettings(config);
  const recent = createRecentMap<Named>(mostNames);

  const targetAt = (place: Place, model: string): Target => ({
    ...place,
    model,
    health: health.targetOf(place.upstream.name, place.upstream.config.baseUrl, model),
  });

  function declared(name: string, { places, settings, fallbacks }: Declaration, star?: string): Named {
    const targets = places.map((place) =>
      targetAt(place, star === undefined ? place.model : withStar(place.model, star)),
    );
    return { shown: name, stage: { model: name, targets, ...settings }, fallbacks, isDeclared: true };
  }

  const declarations = declarationsOf(config, byName);
  const wildcards = createWildcards(declarations);
  const exact = new Map<string, Named>();
  for (const [name, declaration] of declarations) if (!isWildcard(name)) exact.set(name, declared(name, declaration));
  const usual = exact.has(usualAlias) ? usualAlias : exact.keys().next().value;

  /** The health registry may have made room meanwhile, and then knows other objects for the same places. */
  function isCurrent({ stage }: Named): boolean {
    for (const { upstream, model, health: known } of stage.targets)
      if (health.targetOf(upstream.name, upstream.config.baseUrl, model) !== known) return false;
    return true;
  }

  function recalled(name: string): Named | undefined {
    const known = recent.get(name);
    return known !== undefined && isCurrent(known) ? known : undefined;
  }

  function remembered(name: string, named: Named): Named {
    if (name.length <= longestName) recent.set(name, named);
    return named;
  }

  function byWildcard(name: string): Named | undefined {
    const known = recalled(name);
    if (known?.isDeclared === true) return known;
    const matched = wildcards.find(name);
    if (matched === undefined) return undefined;
    const { value, star } = matched;
    // A wildcard that leaves nothing of a name to ask for does not mean it.
    if (star === "" && value.places.some(({ model }) => model === "*")) return undefined;
    return remembered(name, declared(name, value, star));
  }

  function placed(name: string, at: readonly { upstream: Upstream; model: string }[]): Named {
    const targets = at.map(({ upstream, model }) => targetAt(placeOf({ config, upstream, model }), model));
    return { shown: name, stage: { model: name, targets, ...settings }, fallbacks: noFallbacks, isDeclared: false };
  }

  function undeclared({ name, upstream, model, shown = name }: Undeclared): Named {
    const known = recalled(name);
    const target = known?.stage.targets[0];
    if (known !== undefined && target?.upstream === upstream && target.model === model) return known;
    return remembered(name, { ...placed(name, [{ upstream, model }]), shown });
  }

  function modelAt(upstream: Upstream, name: string): string | undefined {
    if (name === "") return undefined;
    const offer = offers.get(upstream);
    const own = offer?.names.get(name);
    if (own !== undefined && !isWildcard(name)) return own;
    const matched = offer?.wildcards.find(name);
    if (matched !== undefined) return withStar(matched.value, matched.star);
    const isTaken = upstream.config.acceptsAnyModel || catalog?.find(upstream, name) !== undefined;
    return isTaken ? name : undefined;
  }

  /** `provider/model`, where the provider serves the model; or the provider's model of this whole name. */
  function atNamedProvider(name: string): Named | undefined {
    const slash = name.indexOf("/");
    const upstream = slash === -1 ? undefined : byName.get(name.slice(0, slash));
    if (upstream === undefined) return undefined;
    const rest = name.slice(slash + 1);
    const isWholeName = isOpenRoutersOwn(upstream, rest) || catalog?.find(upstream, name) !== undefined;
    const model = modelAt(upstream, isWholeName ? name : rest);
    if (model === undefined || (isWholeName && upstream === open)) return undefined;
    return undeclared({ name, upstream, model });
  }

  return {
    aliases: new Map([...exact].map(([name, { stage }]) => [name, stage])),
    usual,
    modelAt,
    placed,
    find(name) {
      const named = exact.get(name) ?? byWildcard(name) ?? atNamedProvider(name);
      if (named !== undefined || open === undefined) return named;
      return undeclared({ name, upstream: open, model: name, shown: exact.has(usualAlias) ? usualAlias : name });
    },
  };
}
