import type { ResolvedConfig } from "../config/resolve.ts";
import type { ModelConfig } from "../config/schema.ts";
import { limitScope } from "./limit-scope.ts";
import { mergedRules, type ParameterLevel } from "./parameter-rules.ts";
import type { Stage } from "./route.ts";
import type { Target } from "./target.ts";
import type { Upstream } from "./upstream.ts";

/** Models to turn to, by what went wrong. */
export interface FallbackNames {
  readonly failed: readonly string[];
  readonly content: readonly string[];
  readonly context: readonly string[];
}

export const noFallbacks: FallbackNames = Object.freeze({ failed: [], content: [], context: [] });

/** A target before anybody asks for it; a `*` in its model's name stands for what a wildcard matched. */
export type Place = Omit<Target, "health">;

/** What the configuration says of a name. */
export interface Declaration {
  readonly places: readonly Place[];
  readonly settings: Omit<Stage, "model" | "targets">;
  readonly fallbacks: FallbackNames;
}

interface PlaceOptions {
  config: ResolvedConfig;
  upstream: Upstream;
  model: string;
  /** Nearer than the provider's: the model's and the target's. */
  levels?: readonly ParameterLevel[];
  target?: Partial<Pick<ModelConfig["targets"][number], "weight" | "priority" | "price">>;
}

/** A model at a provider, with what the configuration says of both. */
export function placeOf({ config, upstream, model, levels = [], target = {} }: PlaceOptions): Place {
  return {
    upstream,
    model,
    weight: target.weight ?? 1,
    priority: target.priority ?? upstream.config.priority,
    price: target.price,
    parameters: mergedRules([config, upstream.config, ...levels]),
  };
}

/** Of names that have no settings of their own. */
export function plainSettings({ affinity }: ResolvedConfig): Declaration["settings"] {
  return { strategy: "priority", affinity: affinity.by, hedgeAfterMs: 0, singleFlight: false, scope: undefined };
}

/** The preferred ones first; equal ones stay as they are written. */
function byPriority(places: readonly Place[]): readonly Place[] {
  return places.toSorted((left, right) => left.priority - right.priority);
}

type Upstreams = ReadonlyMap<string, Upstream>;

function declaredModel(name: string, model: ModelConfig, at: { config: ResolvedConfig; upstreams: Upstreams }) {
  const { config, upstreams } = at;
  const places = model.targets.flatMap((target): Place[] => {
    const upstream = upstreams.get(target.provider);
    if (upstream === undefined) return [];
    return [placeOf({ config, upstream, model: target.model, levels: [model, target], target })];
  });
  const settings = {
    strategy: model.strategy,
    affinity: model.affinity ?? config.affinity.by,
    hedgeAfterMs: model.hedgeAfter,
    singleFlight: model.singleFlight,
    scope: limitScope({ kind: "model", id: name }, model),
  };
  const fallbacks = {
    failed: model.fallbacks,
    content: model.contentPolicyFallbacks,
    context: model.contextWindowFallbacks,
  };
  return { places: byPriority(places), settings, fallbacks };
}

/** Name → the provider's own name of the model, from its `models` and `aliases`. */
export function offeredBy({ config }: Upstream): ReadonlyMap<string, string> {
  return new Map([...config.models.map((model) => [model, model] as const), ...Object.entries(config.aliases)]);
}

/** Names that providers offer and `models` does not declare: each is shared by the providers that offer it. */
function addOffered(declarations: Map<string, Declaration>, config: ResolvedConfig, upstreams: Upstreams): void {
  const offered = new Map<string, Place[]>();
  for (const upstream of upstreams.values()) {
    for (const [name, model] of offeredBy(upstream)) {
      if (Object.hasOwn(config.models, name)) continue;
      const places = offered.get(name) ?? [];
      places.push(placeOf({ config, upstream, model }));
      offered.set(name, places);
    }
  }
  const settings = plainSettings(config);
  for (const [name, places] of offered)
    declarations.set(name, { places: byPriority(places), settings, fallbacks: noFallbacks });
}

/** All names that clients may ask for, wildcards among them, in the order of the configuration; without those that only switched-off providers serve. */
export function declarationsOf(config: ResolvedConfig, upstreams: Upstreams): Map<string, Declaration> {
  const declarations = new Map<string, Declaration>();
  for (const [name, model] of Object.entries(config.models)) {
    const declaration = declaredModel(name, model, { config, upstreams });
    if (declaration.places.length > 0) declarations.set(name, declaration);
  }
  addOffered(declarations, config, upstreams);
  return declarations;
}
