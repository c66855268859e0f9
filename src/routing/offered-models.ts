import type { ResolvedConfig } from "../config/resolve.ts";
import type { ModelFacts } from "../providers/provider.ts";
import { createCatalog, type Catalog } from "./catalog.ts";
import { createPriceBook } from "../prices/price-book.ts";
import type { Rates } from "../prices/price.ts";
import { createPriceTable } from "../prices/price-table.ts";
import { createHealthRegistry } from "./health/registry.ts";
import type { RouteTable } from "./route.ts";
import type { Target } from "./target.ts";
import { createRouteTable } from "./route-table.ts";

/** One entry of GET /v1/models: OpenAI's fields, and what clients ask for besides, where it is known. */
export interface ModelInfo {
  id: string;
  object: "model";
  /** Epoch seconds. */
  created: number;
  owned_by: string;
  permission: [];
  root: string;
  parent: null;
  provider: string;
  upstream_model: string;
  context_length?: number;
  max_output_tokens?: number;
  capabilities?: { tools: boolean; vision: boolean; reasoning: boolean };
  pricing?: { input_per_million_usd: number; output_per_million_usd: number };
}

/** Upstreams that do not date their models, and our own aliases: OpenAI's first public model list, as clients expect a number. */
const unknownCreated = 1_677_610_602;

interface Offer {
  id: string;
  ownedBy: string;
  provider: string;
  upstreamModel: string;
  facts: ModelFacts | undefined;
  price: Pick<Rates, "input" | "output"> | undefined;
}

/** Where what is told of models comes from. */
export interface ModelSources {
  readonly catalog: Catalog;
  /** What a target costs. */
  readonly priceOf: (target: Target) => Pick<Rates, "input" | "output"> | undefined;
}

function infoOf({ id, ownedBy, provider, upstreamModel, facts, price }: Offer): ModelInfo {
  const info: ModelInfo = {
    id,
    object: "model",
    created: facts?.created ?? unknownCreated,
    owned_by: ownedBy,
    permission: [],
    root: id,
    parent: null,
    provider,
    upstream_model: upstreamModel,
  };
  if (facts?.contextLength !== undefined) info.context_length = facts.contextLength;
  if (facts?.maxOutputTokens !== undefined) info.max_output_tokens = facts.maxOutputTokens;
  if (facts?.capabilities !== undefined) info.capabilities = facts.capabilities;
  if (price !== undefined) info.pricing = { input_per_million_usd: price.input, output_per_million_usd: price.output };
  return info;
}

/** The configured names first, then what the upstreams list (only where such a name may be asked for). Never waits. */
export function listModels(
  table: Pick<RouteTable, "aliases" | "upstreams">,
  { catalog, priceOf }: ModelSources,
): ModelInfo[] {
  const listed = catalog.models();
  const infos = new Map<string, ModelInfo>();
  for (const [alias, { targets }] of table.aliases) {
    const target = targets[0];
    if (target === undefined) continue;
    const facts = catalog.find(target.upstream, target.model);
    const at = { provider: target.upstream.name, upstreamModel: target.model };
    infos.set(alias, infoOf({ id: alias, ownedBy: "orcestator", ...at, facts, price: priceOf(target) }));
  }
  const open = table.upstreams.find((upstream) => upstream.config.acceptsAnyModel);
  for (const { upstream, facts } of listed) {
    if (upstream !== open || infos.has(facts.id)) continue;
    const ownedBy = facts.id.includes("/") ? (facts.id.split("/")[0] ?? upstream.name) : upstream.name;
    const at = { provider: upstream.name, upstreamModel: facts.id };
    infos.set(facts.id, infoOf({ id: facts.id, ownedBy, ...at, facts, price: facts.pricing }));
  }
  return [...infos.values()];
}

/** As a server with this configuration would list them, asking the upstreams now. */
export async function offeredModels(config: ResolvedConfig): Promise<ModelInfo[]> {
  const table = createRouteTable({ config, health: createHealthRegistry({ settings: config }) });
  const catalog = createCatalog({ upstreams: table.upstreams });
  await catalog.refresh();
  const prices = createPriceBook({
    config: config.prices,
    table: createPriceTable(),
    findListed: ({ upstream, model }) => catalog.find(upstream, model)?.pricing,
  });
  return listModels(table, { catalog, priceOf: (target) => prices.priceOf(target) });
}
