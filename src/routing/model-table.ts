import type { ResolvedConfig } from "../config/resolve.ts";
import { GatewayError } from "../errors.ts";
import { createUpstream, type Upstream } from "./upstream.ts";

export interface Target {
  readonly upstream: Upstream;
  /** The name the upstream knows. */
  readonly model: string;
}

export interface Route {
  /** What `model` says in the answer: a name the client may ask for again. */
  readonly modelShown: string;
  readonly targets: readonly Target[];
}

export interface ModelTable {
  readonly upstreams: readonly Upstream[];
  /** Alias → targets, as configured. */
  readonly aliases: ReadonlyMap<string, readonly Target[]>;
  /** Throws GatewayError (404) for a name that nobody serves. */
  resolve(model: string | undefined): Route;
}

/** The model every gateway offers unless it is configured otherwise. */
const defaultAlias = "orcestator";

function unknownModel(model: string): GatewayError {
  const message = `The model '${model.slice(0, 200)}' is not served here; GET /v1/models lists the names that are.`;
  return new GatewayError({ code: "model_not_found", status: 404, message, param: "model" });
}

export function createModelTable(config: ResolvedConfig): ModelTable {
  const upstreams = Object.entries(config.providers)
    .filter(([, provider]) => provider.enabled)
    .map(([name, provider]) => createUpstream(name, provider));
  const byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
  const aliases = new Map<string, Target[]>();
  for (const [alias, { targets }] of Object.entries(config.models)) {
    const served = targets.flatMap(({ provider, model }) => {
      const upstream = byName.get(provider);
      return upstream === undefined ? [] : [{ upstream, model }];
    });
    if (served.length > 0) aliases.set(alias, served);
  }
  const open = upstreams.find((upstream) => upstream.config.acceptsAnyModel);
  const fallbackAlias = aliases.has(defaultAlias) ? defaultAlias : aliases.keys().next().value;

  return {
    upstreams,
    aliases,
    resolve(asked) {
      const model = asked ?? fallbackAlias;
      if (model === undefined) throw unknownModel("");
      const targets = aliases.get(model);
      if (targets !== undefined) return { modelShown: model, targets };
      if (open === undefined) throw unknownModel(model);
      return { modelShown: aliases.has(defaultAlias) ? defaultAlias : model, targets: [{ upstream: open, model }] };
    },
  };
}
