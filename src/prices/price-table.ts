import { bundledAsOf, loadBundledTable } from "./bundled-table.ts";
import type { TableProvider, TableSource } from "./table-data.ts";
import { findModel } from "./table-match.ts";
import { entryOf, type TableEntry } from "./table-price.ts";
import { type PricedService, tableNameOf } from "./table-provider.ts";

/** Where the prices in use come from. */
export interface TableOrigin {
  /** `bundled` = in this executable, else the URL they were fetched from. */
  readonly source: string;
  /** The day they are of. */
  readonly asOf: string;
}

/** One price table for the whole process; read when the first price is asked for. Never throws. */
export interface PriceTable {
  /** Changes whenever what was found before no longer counts. */
  version(): number;
  origin(): TableOrigin;
  /** What a model costs at a service; `name` says what the table calls the service, where the owner knows better. */
  find(service: PricedService, model: string, name: string | undefined): TableEntry | undefined;
  /** A provider by the table's name for it. */
  provider(name: string): TableProvider | undefined;
  /** Other prices are in use from now on. */
  replace(providers: readonly TableProvider[], origin: TableOrigin): void;
}

export interface PriceTableOptions {
  /** Reads the table in this executable. */
  load?: () => TableSource;
  /** It cannot be read: no price comes from it. */
  onProblem?: (error: unknown) => void;
}

/** Clients may make up names where any model is taken. */
const mostEntries = 1000;

function sourceOf(providers: readonly TableProvider[]): TableSource {
  const byId = new Map(providers.map((provider) => [provider.id, provider]));
  const beginnings = providers.map((provider) => ({ provider, pattern: new RegExp(`^(?:${provider.api_pattern})`) }));
  return {
    provider: (id) => byId.get(id),
    providerAt: (url) => beginnings.find(({ pattern }) => pattern.test(url))?.provider,
  };
}

const nothing: TableSource = { provider: () => undefined, providerAt: () => undefined };

export function createPriceTable({ load = loadBundledTable, onProblem }: PriceTableOptions = {}): PriceTable {
  let source: TableSource | undefined;
  let origin: TableOrigin = { source: "bundled", asOf: bundledAsOf };
  let version = 1;
  /** A model that has no entry is remembered too. */
  const entries = new Map<string, TableEntry | undefined>();

  function loaded(): TableSource {
    if (source !== undefined) return source;
    try {
      source = load();
    } catch (error) {
      source = nothing;
      onProblem?.(error);
    }
    return source;
  }

  function search(name: string, model: string): TableEntry | undefined {
    const provider = loaded().provider(name);
    const found = provider && findModel(provider, model, (id) => loaded().provider(id));
    return found && entryOf(found, model, origin.asOf);
  }

  function entry(name: string, model: string): TableEntry | undefined {
    const key = `${name} ${model}`;
    if (entries.has(key)) return entries.get(key);
    const found = search(name, model);
    if (entries.size >= mostEntries) entries.clear();
    entries.set(key, found);
    return found;
  }

  return {
    version: () => version,
    origin: () => origin,
    provider: (name) => loaded().provider(name),
    find(service, model, name) {
      const known = name ?? tableNameOf(service, loaded);
      return known === undefined ? undefined : entry(known, model);
    },
    replace(providers, from) {
      source = sourceOf(providers);
      origin = from;
      version += 1;
      entries.clear();
    },
  };
}
