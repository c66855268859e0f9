import type { ResolvedConfig } from "../../src/config/resolve.ts";
import { createPriceBook, type PriceBook, type PriceBookOptions } from "../../src/prices/price-book.ts";
import { createPriceTable } from "../../src/prices/price-table.ts";
import type { Target } from "../../src/routing/target.ts";

/** Knows what a configuration says, and a list of models; nothing of the price table. */
export function priceBookOf(
  { prices }: Pick<ResolvedConfig, "prices">,
  findListed: PriceBookOptions<Target>["findListed"] = () => undefined,
): PriceBook<Target> {
  const table = createPriceTable({ load: () => ({ provider: () => undefined, providerAt: () => undefined }) });
  return createPriceBook<Target>({ config: prices, table, findListed });
}
