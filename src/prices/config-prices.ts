import type { ModelPriceConfig } from "../config/schema-prices.ts";

interface Wildcard {
  readonly start: string;
  readonly end: string;
  readonly rates: ModelPriceConfig;
}

/** Finds what the configuration says of `provider/model`: the name itself, else the longest one with a `*` that fits. */
export function createConfigPrices(
  models: Readonly<Record<string, ModelPriceConfig>>,
): (name: string) => ModelPriceConfig | undefined {
  const exact = new Map(Object.entries(models));
  const wildcards: Wildcard[] = [];
  for (const [name, rates] of exact) {
    const star = name.indexOf("*");
    if (star !== -1) wildcards.push({ start: name.slice(0, star), end: name.slice(star + 1), rates });
  }
  const lengthOf = ({ start, end }: Wildcard): number => start.length + end.length;
  wildcards.sort((left, right) => lengthOf(right) - lengthOf(left));
  return (name) => {
    const found = exact.get(name);
    if (found !== undefined) return found;
    const fits = (one: Wildcard): boolean =>
      name.length >= lengthOf(one) && name.startsWith(one.start) && name.endsWith(one.end);
    return wildcards.find(fits)?.rates;
  };
}
