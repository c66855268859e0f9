import type { ModelPriceConfig } from "../config/schema-prices.ts";
import { createConfigPrices } from "./config-prices.ts";
import { type Price, priceOf, type Rates, usedPrice } from "./price.ts";
import type { PriceTable } from "./price-table.ts";
import type { TableEntry } from "./table-price.ts";
import type { PricedService } from "./table-provider.ts";

/** A place that can serve a model, as far as its price depends on it. */
export interface PricedTarget {
  readonly upstream: { readonly name: string; readonly config: PricedService };
  /** The name the upstream knows. */
  readonly model: string;
  /** As configured with the target. */
  readonly price: Rates | undefined;
}

/** What targets cost, one for each configuration. */
export interface PriceBook<T extends PricedTarget = PricedTarget> {
  /**
   * The configuration's price, else that of the upstream's own list, else that of the price table; `undefined` = not known.
   * Never waits and never throws. `served` is the model that the upstream says it was, for those whose names of models are
   * their owner's (Azure).
   */
  priceOf(target: T, served?: string): Price | undefined;
}

export interface PriceBookOptions<T extends PricedTarget> {
  config: {
    readonly models: Readonly<Record<string, ModelPriceConfig>>;
    readonly providers: Readonly<Record<string, string>>;
  };
  table: PriceTable;
  /** What the upstream's own list of models says, as it is now. The object is another one when the list has changed. */
  findListed: (target: T) => Rates | undefined;
  /** Epoch milliseconds. */
  now?: () => number;
}

/** What does not change with the request. */
interface Known {
  readonly configured: Price | undefined;
  /** Of the price table's version. */
  version: number;
  entry: TableEntry | undefined;
}

function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

export function createPriceBook<T extends PricedTarget>(options: PriceBookOptions<T>): PriceBook<T> {
  const { config, table, findListed, now = Date.now } = options;
  const configured = createConfigPrices(config.models);
  const since = dayOf(now());
  const known = new WeakMap<T, Known>();
  const listed = new WeakMap<Rates, Price>();

  function configuredPrice({ upstream, model, price }: T): Price | undefined {
    const rates = configured(`${upstream.name}/${model}`) ?? price;
    return rates && priceOf(usedPrice(rates, { source: "config", asOf: since }));
  }

  function knownOf(target: T): Known {
    let found = known.get(target);
    if (found === undefined) {
      found = { configured: configuredPrice(target), version: 0, entry: undefined };
      known.set(target, found);
    }
    return found;
  }

  function listedPrice(target: T): Price | undefined {
    const rates = findListed(target);
    if (rates === undefined) return undefined;
    let price = listed.get(rates);
    if (price === undefined) {
      price = priceOf(usedPrice(rates, { source: "list", asOf: dayOf(now()) }));
      listed.set(rates, price);
    }
    return price;
  }

  function entryAt({ upstream }: T, model: string): TableEntry | undefined {
    return table.find(upstream.config, model, config.providers[upstream.name]);
  }

  function entryOf(target: T, one: Known): TableEntry | undefined {
    if (one.version !== table.version()) {
      one.entry = entryAt(target, target.model);
      one.version = table.version();
    }
    return one.entry;
  }

  /** What an Azure deployment is called is its owner's choice; its answers say which model it is. */
  function isMisnamed(target: T, served: string): boolean {
    return served !== target.model && target.upstream.config.type === "azure";
  }

  return {
    priceOf(target, served) {
      const one = knownOf(target);
      const price = one.configured ?? listedPrice(target);
      if (price !== undefined) return price;
      const isServed = served !== undefined && isMisnamed(target, served);
      const entry = isServed ? entryAt(target, served) : entryOf(target, one);
      return entry?.priceAt(now());
    },
  };
}
