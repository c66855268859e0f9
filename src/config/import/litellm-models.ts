import { compact, type Amount } from "./fields.ts";
import type { Deployment } from "./litellm-deployment.ts";
import type { Part } from "./part.ts";

type Tree = Record<string, unknown>;

const strategies: Readonly<Record<string, string>> = {
  "least-busy": "least_used",
  "latency-based-routing": "lowest_latency",
  "cost-based-routing": "cheapest",
  "usage-based-routing": "least_used",
  "usage-based-routing-v2": "least_used",
};

/** Our strategy; `weighted` stands for LiteLLM's simple-shuffle, with or without weights. */
export function strategyOf(part: Part): string {
  const name = part.text() ?? "simple-shuffle";
  const found = Object.hasOwn(strategies, name) ? strategies[name] : undefined;
  if (name.startsWith("usage-based"))
    part.note("least_used (requests under way) comes nearest; nothing is chosen by tokens used");
  if (found === undefined && name !== "simple-shuffle")
    part.note("there is no such strategy here; by weight or at random");
  return found ?? "weighted";
}

function isWeight(value: Amount | undefined): value is Amount {
  return typeof value === "string" || (value !== undefined && value >= 0);
}

/** simple-shuffle weighs by the first of these that the first deployment has; the others then count as 0. */
function weigh(deployments: readonly Deployment[], found: Map<Deployment, Amount>): void {
  const by = (["weight", "rpm", "tpm"] as const).find((key) => isWeight(deployments[0]?.weights[key]));
  if (by === undefined || deployments.length === 1) return;
  for (const deployment of deployments) {
    const weight = deployment.weights[by];
    found.set(deployment, isWeight(weight) ? weight : 0);
  }
}

/** Only those of one order compete with each other. */
function weightsOf(deployments: readonly Deployment[]): Map<Deployment, Amount> {
  const found = new Map<Deployment, Amount>();
  for (const group of Map.groupBy(deployments, ({ order }) => order).values()) weigh(group, found);
  return found;
}

/** LiteLLM tries those without an order after those with one. */
function priorityOf({ order }: Deployment, deployments: readonly Deployment[]): number | undefined {
  const orders = deployments.flatMap((deployment) => deployment.order ?? []);
  if (orders.length === 0) return undefined;
  return order ?? Math.max(...orders) + 1;
}

export interface GroupContext {
  readonly strategy: string;
  readonly nameOf: (deployment: Deployment) => string;
}

/** The model of one `model_name`. */
export function modelOf(deployments: readonly Deployment[], { strategy, nameOf }: GroupContext): Tree {
  const isOne = deployments.length === 1;
  const weights = strategy === "weighted" ? weightsOf(deployments) : new Map<Deployment, Amount>();
  const shuffle = weights.size === 0 ? "random" : "weighted";
  const targets = deployments.map((deployment) => {
    const { model, ...more } = deployment.target;
    const priority = isOne ? undefined : priorityOf(deployment, deployments);
    return compact({ provider: nameOf(deployment), model, weight: weights.get(deployment), priority, ...more });
  });
  const chosen = strategy === "weighted" ? shuffle : strategy;
  return compact({ strategy: isOne ? undefined : chosen, targets });
}

/** Puts what the `*` of a wildcard stands for into its targets. */
function withStar(model: Tree, star: string): Tree {
  const copy = structuredClone(model);
  const targets = Array.isArray(copy["targets"]) ? (copy["targets"] as Tree[]) : [];
  for (const target of targets) {
    if (typeof target["model"] === "string") target["model"] = target["model"].replace("*", () => star);
  }
  return copy;
}

/** The models by name while settings are added to them. */
export interface ModelSet {
  readonly models: Map<string, Tree>;
  /** The entry of a name; one that only a wildcard covers gets an entry of its own. `undefined` for unknown names. */
  find(name: string): Tree | undefined;
  /** Whether requests for this name are answered. */
  has(name: string): boolean;
}

/** `byId`: LiteLLM can fall back to one deployment by its id; here that is a model of its own. */
export function createModelSet(models: Map<string, Tree>, byId: (id: string) => Tree | undefined): ModelSet {
  const wildcard = (name: string): [Tree, string] | undefined => {
    const found = [...models].flatMap(([pattern, model]): [string, Tree, string][] => {
      const star = pattern.indexOf("*");
      if (star < 0) return [];
      const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
      const fits = name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end);
      return fits ? [[pattern, model, name.slice(start.length, name.length - end.length)]] : [];
    });
    const [best] = found.sort(([left], [right]) => right.length - left.length);
    return best === undefined ? undefined : [best[1], best[2]];
  };
  return {
    models,
    has(name) {
      if (models.has(name) || name.includes("*")) return !name.includes("*");
      const single = byId(name);
      if (single !== undefined) models.set(name, single);
      return single !== undefined || wildcard(name) !== undefined;
    },
    find(name) {
      const own = models.get(name);
      if (own !== undefined || name.includes("*")) return own;
      const covered = wildcard(name);
      if (covered === undefined) return undefined;
      const copy = withStar(...covered);
      models.set(name, copy);
      return copy;
    },
  };
}

const lists = {
  fallbacks: "fallbacks",
  content_policy_fallbacks: "contentPolicyFallbacks",
  context_window_fallbacks: "contextWindowFallbacks",
} as const;

/** Names of models in a list; those that nobody serves are noted and left out. */
function readNames(part: Part, set: ModelSet): string[] {
  return part.items().flatMap((item): string[] => {
    if (typeof item.value === "object") {
      item.note("a fallback with messages or parameters of its own cannot be carried; left out");
      return [];
    }
    const name = item.text() ?? "";
    if (set.has(name)) return [name];
    item.note("there is no such model; left out");
    return [];
  });
}

function setNames({ model, list, names }: { model: Tree; list: string; names: readonly string[] }): void {
  const before = Array.isArray(model[list]) ? (model[list] as string[]) : [];
  const all = [...new Set([...before, ...names])];
  if (all.length > 0) model[list] = all;
}

/** `[{"gpt-4": ["claude"]}]`; the key `*` is for all models. */
function addList(part: Part, list: string, set: ModelSet): void {
  for (const item of part.items()) {
    for (const [name, names] of item.entries()) {
      const found = readNames(names, set);
      const models = name === "*" ? [...set.models] : [[name, set.find(name)] as const];
      for (const [own, model] of models) {
        if (model === undefined) names.note("there is no such model; left out");
        else setNames({ model, list, names: found.filter((fallback) => fallback !== own) });
      }
    }
  }
}

/** `model_group_alias`: other names of models, with everything that the model has. Alias → model. */
export function addAliases(set: ModelSet, part: Part): Map<string, string> {
  const aliases = new Map<string, string>();
  for (const [alias, item] of part.entries()) {
    const isObject = typeof item.value === "object";
    const name = (isObject ? item.get("model") : item).text() ?? "";
    if (isObject && item.get("hidden").flag() === true) item.note("the alias works, but it is shown in /v1/models");
    const model = set.find(name);
    if (model === undefined) item.note("there is no such model; left out");
    else if (alias === "" || alias.split("*").length > 2) item.note("a name may hold one * here; left out");
    else {
      set.models.set(alias, structuredClone(model));
      aliases.set(alias, name);
    }
  }
  return aliases;
}

export interface FallbackContext {
  readonly router: Part;
  readonly library: Part;
  readonly aliases: ReadonlyMap<string, string>;
}

/** Fallbacks of all kinds; router_settings before litellm_settings, as in LiteLLM. */
export function addFallbacks(set: ModelSet, { router, library, aliases }: FallbackContext): void {
  const pick = (key: string): Part => {
    const [first, second] = [router.get(key), library.get(key)];
    return first.isWritten ? first : second;
  };
  for (const [key, list] of Object.entries(lists)) {
    addList(pick(key), list, set);
    for (const [alias, name] of aliases) {
      const [own, original] = [set.models.get(alias), set.models.get(name)?.[list]];
      if (own !== undefined && own[list] === undefined && original !== undefined) own[list] = structuredClone(original);
    }
  }
  const general = readNames(pick("default_fallbacks"), set);
  for (const [name, model] of set.models) {
    const names = general.filter((fallback) => fallback !== name);
    if (names.length > 0 && model["fallbacks"] === undefined) model["fallbacks"] = names;
  }
}

const order = ["strategy", "targets", ...Object.values(lists)];

/** The finished models, their keys in the order of our documents. */
export function modelTrees({ models }: ModelSet): Record<string, Tree> {
  const entries = [...models].map(([name, model]) => {
    const keys = order.filter((key) => model[key] !== undefined);
    return [name, Object.fromEntries(keys.map((key) => [key, model[key]] as const))] as const;
  });
  return Object.fromEntries(entries);
}
