import type * as GenaiPrices from "@pydantic/genai-prices";
import type { TableProvider, TableSource } from "./table-data.ts";

/** The day on which the release of the package in this executable was made. */
export const bundledAsOf = "2026-09-23";

/** Keeps the types honest: what the package lists can be read as ours. */
function asTable(provider: GenaiPrices.Provider | undefined): TableProvider | undefined {
  return provider;
}

/**
 * The price table in this executable. Reading it takes about 10 ms and 14 MB, which only a gateway that asks for a price
 * has to spend; it is read at once and not in the background, so that the first price is as good as all others.
 */
export function loadBundledTable(): TableSource {
  const { findProvider } = require("@pydantic/genai-prices") as typeof GenaiPrices;
  return {
    provider(id) {
      const found = asTable(findProvider({ providerId: id }));
      // The package also finds what only sounds alike.
      return found?.id === id ? found : undefined;
    },
    providerAt: (url) => asTable(findProvider({ providerApiUrl: url })),
  };
}
