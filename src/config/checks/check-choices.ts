import { formatDuration } from "../../lib/duration.ts";
import { pathText } from "../path.ts";
import type { ResolvedConfig } from "../resolve.ts";

type Model = ResolvedConfig["models"][string];
type Route = ResolvedConfig["routes"][number];

function weightWarning(alias: string, { targets }: Model): string[] {
  if (targets.some(({ weight }) => weight > 0)) return [];
  return [
    `all targets of the model '${alias}' have weight 0, which means "only when nothing else is left"; give one a weight`,
  ];
}

/** The price table knows most public services, and OpenRouter's list of models says its own. */
function mayKnowPrice({ provider, price }: Model["targets"][number], { providers, prices }: ResolvedConfig): boolean {
  if (price !== undefined || Object.keys(prices.models).length > 0) return true;
  return providers[provider]?.baseUrl.startsWith("https://") === true;
}

function priceWarning(alias: string, { strategy, targets }: Model, config: ResolvedConfig): string[] {
  if (strategy !== "cheapest" || targets.some((target) => mayKnowPrice(target, config))) return [];
  return [
    `the model '${alias}' has the strategy cheapest, but no price of its targets is known; write price: {input, output}, or prices.models`,
  ];
}

function hedgeWarning(alias: string, { hedgeAfter, targets }: Model): string[] {
  if (hedgeAfter === 0 || targets.length > 1) return [];
  return [
    `the model '${alias}' has one target only, so its hedgeAfter does nothing; give it a second one, or remove it`,
  ];
}

const fallbackLists = ["fallbacks", "contentPolicyFallbacks", "contextWindowFallbacks"] as const;

function repeatedFallbackWarnings(alias: string, model: Model): string[] {
  return fallbackLists.flatMap((list) => {
    const repeated = new Set(model[list].filter((name, index, all) => all.indexOf(name) !== index));
    return [...repeated].map(
      (name) =>
        `the model '${alias}' names '${name}' twice in ${list}; a model is tried once for a request, remove one of the two`,
    );
  });
}

function healthWarnings({ health: { cooldown, retryAfter, errorRate, minRequests } }: ResolvedConfig): string[] {
  const warnings = [];
  if (cooldown > retryAfter) {
    const longest = formatDuration(retryAfter);
    warnings.push(
      `health.cooldown (${formatDuration(cooldown)}) is more than health.retryAfter (${longest}), so that circuits stay open for ${longest} only; make retryAfter longer`,
    );
  }
  if (errorRate === 0) {
    warnings.push(
      `health.errorRate is 0, so that one failed request of ${minRequests} opens a circuit; with 1 the share opens it only when all fail`,
    );
  }
  return warnings;
}

function takesEverything({ when }: Route): boolean {
  const { model, headers, needs, task, keys, minTokens, maxTokens } = when;
  const isOpen = model === undefined || model.includes("*");
  const hasOther = [task, keys, minTokens, maxTokens].some((condition) => condition !== undefined);
  return isOpen && !hasOther && Object.keys(headers ?? {}).length === 0 && (needs ?? []).length === 0;
}

function unreachableWarnings(routes: readonly Route[]): string[] {
  const last = routes.findIndex(takesEverything);
  if (last < 0) return [];
  return routes.slice(last + 1).map((_route, index) => {
    const path = pathText(["routes", last + 1 + index]);
    return `${path} is never reached: routes[${last}] has no conditions and takes all requests; put it behind`;
  });
}

function emptyRangeWarnings(routes: readonly Route[]): string[] {
  return routes.flatMap(({ when: { minTokens, maxTokens } }, index) => {
    if (minTokens === undefined || maxTokens === undefined || minTokens <= maxTokens) return [];
    return [`routes[${index}] fits no request: minTokens (${minTokens}) is more than maxTokens (${maxTokens})`];
  });
}

/** Choices that are allowed and can hardly be meant. */
export function choiceWarnings(config: ResolvedConfig): string[] {
  const inModels = Object.entries(config.models).flatMap(([alias, model]) => [
    ...weightWarning(alias, model),
    ...priceWarning(alias, model, config),
    ...hedgeWarning(alias, model),
    ...repeatedFallbackWarnings(alias, model),
  ]);
  return [
    ...inModels,
    ...healthWarnings(config),
    ...unreachableWarnings(config.routes),
    ...emptyRangeWarnings(config.routes),
  ];
}
