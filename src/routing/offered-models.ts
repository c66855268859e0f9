import type { ResolvedConfig } from "../config/resolve.ts";
import type { ModelFacts } from "../providers/provider.ts";
import { createCatalog, type Catalog } from "./catalog.ts";
import { createHealthRegistry } from "./health/registry.ts";
import type { RouteTable } from "./route.ts";
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
}

function infoOf({ id, ownedBy, provider, upstreamModel, facts }: Offer): ModelInfo {
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
  if (facts?.pricing !== undefined)
    info.pricing = { input_per_million_usd: facts.pricing.input, output_per_million_usd: facts.pricing.output };
  return info;
}

/** The configured names first, then what the upstreams list (only where such a name may be asked for). Never waits. */
export function listModels(table: Pick<RouteTable, "aliases" | "upstreams">, catalog: Catalog): ModelInfo[] {
  const listed = catalog.models();
  const infos = new Map<string, ModelInfo>();
  for (const [alias, { targets }] of table.aliases) {
    const target = targets[0];
    if (target === undefined) continue;
    const facts = catalog.find(target.upstream, target.model);
    infos.set(
      alias,
      infoOf({ id: alias, ownedBy: "orcestator", provider: target.upstream.name, upstreamModel: target.model, facts }),
    );
  }
  const open = table.upstreams.find((upstream) => upstream.config.acceptsAnyModel);
  for (const { upstream, facts } of listed) {
    if (upstream !== open || infos.has(facts.id)) continue;
    const ownedBy = facts.id.includes("/") ? (facts.id.split("/")[0] ?? upstream.name) : upstream.name;
    infos.set(facts.id, infoOf({ id: facts.id, ownedBy, provider: upstream.name, upstreamModel: facts.id, facts }));
  }
  return [...infos.values()];
}

/** As a server with this configuration would list them, asking the upstreams now. */
export async function offeredModels(config: ResolvedConfig): Promise<ModelInfo[]> {
  const table = createRouteTable({ config, health: createHealthRegistry({ settings: config }) });
  const catalog = createCatalog({ upstreams: table.upstreams });
  await catalog.refresh();
  return listModels(table, catalog);
}
