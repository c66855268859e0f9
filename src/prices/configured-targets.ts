import type { ResolvedConfig } from "../config/resolve.ts";
import type { PricedTarget } from "./price-book.ts";
import type { NamedTarget } from "./price-report.ts";

/** Every name that the configuration offers with the places that serve it; without names that stand for any (`*`). */
export function configuredTargets({ models, providers }: ResolvedConfig): NamedTarget<PricedTarget>[] {
  const named: NamedTarget<PricedTarget>[] = [];
  const add = (name: string, provider: string, place: Pick<PricedTarget, "model" | "price">): void => {
    const config = providers[provider];
    if (config === undefined || !config.enabled || `${name}${place.model}`.includes("*")) return;
    named.push({ name, target: { upstream: { name: provider, config }, model: place.model, price: place.price } });
  };
  for (const [name, { targets }] of Object.entries(models))
    for (const { provider, model, price } of targets) add(name, provider, { model, price });
  for (const [provider, config] of Object.entries(providers)) {
    const offered = [...config.models.map((model) => [model, model] as const), ...Object.entries(config.aliases)];
    for (const [name, model] of offered)
      if (!Object.hasOwn(models, name)) add(name, provider, { model, price: undefined });
  }
  return named;
}
