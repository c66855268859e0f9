import { priceBookOf } from "../support/price-book.ts";
import type { ResolvedConfig } from "../../src/config/resolve.ts";
import type { Routing, RoutingStep } from "../../src/gateway/routing.ts";
import { createRequestScopes } from "../../src/gateway/request-scopes.ts";
import { createLimiter } from "../../src/limits/memory-limiter.ts";
import { createOverload } from "../../src/limits/overload.ts";
import { createAffinityMemory } from "../../src/routing/affinity.ts";
import type { HealthRegistry } from "../../src/routing/health/health.ts";
import { createHealthRegistry } from "../../src/routing/health/registry.ts";
import { createPlanner } from "../../src/routing/plan.ts";
import { createRouteTable } from "../../src/routing/route-table.ts";
import { createRequestFacts } from "../../src/routing/request-facts.ts";
import type { RequestFacts, RouteTable } from "../../src/routing/route.ts";
import type { Target } from "../../src/routing/target.ts";
import { configured } from "../routing/configured.ts";

/** Everything that requests need to find their targets, as the gateway puts it together from a configuration. */
export interface Routed {
  table: RouteTable;
  routing: Routing;
  health: HealthRegistry;
  /** Steps beyond first tries, in order. */
  steps: RoutingStep[];
}

export function routed(config: ResolvedConfig): Routed {
  const health = createHealthRegistry({ settings: config });
  const steps: RoutingStep[] = [];
  const prices = priceBookOf(config);
  return {
    table: createRouteTable({ config, health }),
    health,
    steps,
    routing: {
      planner: createPlanner({ affinity: { memory: createAffinityMemory(), ttlMs: config.affinity.ttl } }),
      limiter: createLimiter({ queue: { size: config.limits.queue.size, waitMs: config.limits.queue.wait } }),
      priceOf: (target) => prices.priceOf(target),
      longestWaitMs: config.failover.longestWait,
      triesEmptyAnswers: config.failover.emptyAnswers,
      showsRouting: true,
      onStep: (step) => steps.push(step),
    },
  };
}

/** A request of which nothing but its model matters. */
export const plainFacts: RequestFacts = createRequestFacts({
  text: "{}",
  headers: new Headers(),
  keyId: "key-1",
  stream: false,
  protocol: "openai-chat",
  steering: undefined,
});

/** The first target of a name. */
export function targetOf({ table }: Routed, model: string): Target {
  const [target] = table.resolve(model, plainFacts).first.targets;
  if (target === undefined) throw new Error(`${model} has no target`);
  return target;
}

/** What `createGateway` needs of it, with no limits of its own; a bug is a failed test. */
export function gatewayParts({ table, routing, health }: Routed) {
  const { limits } = configured({});
  const overload = createOverload({ maxRequests: limits.maxRequests, maxLagMs: 0 });
  return {
    table,
    routing,
    health,
    overload,
    load: { requests: 0 },
    scopes: createRequestScopes(limits),
    heartbeatMs: 60_000,
    maxJsonDepth: 64,
    responseModel: "alias" as const,
    retryAfterSeconds: 30,
    onStart: () => undefined,
    onAttempt: () => undefined,
    onDropped: () => undefined,
    onBug(error: unknown) {
      throw error;
    },
  };
}
