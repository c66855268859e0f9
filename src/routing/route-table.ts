import type { ResolvedConfig } from "../config/resolve.ts";
import { GatewayError } from "../errors.ts";
import { nearest } from "../lib/nearest.ts";
import type { Catalog } from "./catalog.ts";
import { FoundRoute } from "./found-route.ts";
import type { HealthRegistry } from "./health/health.ts";
import { createNames, type Named } from "./names.ts";
import { mostModels } from "./request-facts.ts";
import type { RequestFacts, Route, RouteTable, Steering } from "./route.ts";
import { createRouteRules, type RouteRule } from "./route-rules.ts";
import { createSteeredNames } from "./steering.ts";
import { createUpstream } from "./upstream.ts";

export interface RouteTableOptions {
  config: ResolvedConfig;
  health: HealthRegistry;
  /** Asked when a request needs it; it may be made of the table's own upstreams, after the table. */
  catalog?: Pick<Catalog, "find"> | undefined;
}

/** A misspelt name is not compared with more: each takes some microseconds. */
const mostCompared = 200;

function unknownModel(model: string, aliases: Iterable<string>): GatewayError {
  const suggestion = model === "" ? undefined : nearest(model, Array.from(aliases).slice(0, mostCompared));
  const hint = suggestion === undefined ? "" : ` did you mean '${suggestion}'?`;
  const message = `The model '${model.slice(0, 200)}' is not served here;${hint} GET /v1/models lists the names that are.`;
  return new GatewayError({ code: "model_not_found", status: 404, message, param: "model" });
}

/** A caller that only asks for a time or a place in a queue steers no choice. */
function choosing(steering: Steering | undefined): Steering | undefined {
  if (steering === undefined) return undefined;
  return steering.providers.length > 0 || steering.strategy !== undefined ? steering : undefined;
}

/** The upstream that takes a name as it is, and can go through a list of such names itself. */
function listServer({ isDeclared, stage }: Named) {
  const [target, second] = stage.targets;
  if (isDeclared || target === undefined || second !== undefined || target.model !== stage.model) return undefined;
  const { type, acceptsAnyModel } = target.upstream.config;
  return type === "openrouter" && acceptsAnyModel ? target.upstream : undefined;
}

function isServedAsListed([first, ...others]: readonly (Named | undefined)[]): boolean {
  const server = first && listServer(first);
  return server !== undefined && others.every((named) => named !== undefined && listServer(named) === server);
}

interface Listed {
  /** The model asked for, or the one that a rule puts in its place, and those that the client names besides. */
  asked: readonly string[];
  rule: RouteRule | undefined;
  facts: RequestFacts;
}

export function createRouteTable({ config, health, catalog }: RouteTableOptions): RouteTable {
  const upstreams = Object.entries(config.providers)
    .filter(([, provider]) => provider.enabled)
    .map(([name, provider]) => createUpstream(name, provider, health));
  const names = createNames({ config, upstreams, health, catalog });
  const steeredNames = createSteeredNames({ names, upstreams });
  const rules = createRouteRules(config.routes);
  /** Most requests want nothing special: their routes are made once. */
  const plainRoutes = new WeakMap<Named, Route>();

  const findName = (name: string): Named | undefined => names.find(name);

  function plainRoute(named: Named): Route {
    let route = plainRoutes.get(named);
    if (route === undefined) {
      route = new FoundRoute({ named, find: findName });
      plainRoutes.set(named, route);
    }
    return route;
  }

  /** Of several names; those that nobody serves are passed over. */
  function listRoute({ asked, rule, facts }: Listed): Route {
    const steering = choosing(facts.steering);
    const find = steering === undefined ? findName : (name: string) => steeredNames.find(name, steering);
    const found = asked.map(find);
    const [named, ...others] = found.filter((one) => one !== undefined);
    if (named === undefined) throw refusal(asked[0] ?? "", steering);
    const listed = facts.models().length;
    // Of a longer list nobody has seen the rest.
    const isSeen = listed > 0 && listed < mostModels;
    const keepsModels = rule === undefined && isSeen && isServedAsListed(found);
    const reasons = [
      rule?.path,
      found[0] === undefined ? "models" : undefined,
      steering !== undefined && steering.providers.length > 0 ? "x-orcestator-provider" : undefined,
    ].filter((reason) => reason !== undefined);
    return new FoundRoute({
      named,
      others,
      routedBy: reasons.length === 0 ? undefined : reasons.join(", "),
      keepsModels,
      find,
    });
  }

  function refusal(name: string, steering: Steering | undefined): GatewayError {
    const steered = steering && steeredNames.refusalOf(name, steering);
    return steered ?? unknownModel(name, names.aliases.keys());
  }

  return {
    upstreams,
    aliases: names.aliases,
    resolve(asked, facts) {
      const listed = facts.models();
      const wanted = asked ?? listed[0] ?? names.usual;
      if (wanted === undefined) throw unknownModel("", []);
      const rule = rules.find(wanted, facts);
      if (rule === undefined && listed.length === 0 && choosing(facts.steering) === undefined) {
        const named = names.find(wanted);
        if (named === undefined) throw refusal(wanted, undefined);
        return plainRoute(named);
      }
      const others = listed.filter((name) => name !== wanted);
      return listRoute({ asked: [rule?.use ?? wanted, ...others], rule, facts });
    },
  };
}
