import type { ScopeBounds } from "../coordination/decisions.ts";
import { wholeTokens } from "../lib/whole-tokens.ts";
import type { Demand, Scope } from "./limiter.ts";
import { limitsNothing } from "./scope-table.ts";

/** What a request wants of scopes that several gateways count together. */
export interface SharedDemand extends Demand {
  /** Those that limit anything, each once. */
  readonly scopes: readonly Scope[];
  /** The same as they are told, in the same order. */
  readonly bounds: readonly ScopeBounds[];
  readonly estimate: number;
}

export function scopeKey({ kind, id }: Scope): string {
  return `${kind}:${id}`;
}

/** `undefined` = nothing is limited. */
export function sharedDemandOf(scopes: readonly Scope[], demand: Demand): SharedDemand | undefined {
  const bounds = new Map<string, ScopeBounds>();
  const limiting: Scope[] = [];
  let estimate = 0;
  for (const scope of scopes) {
    const key = scopeKey(scope);
    const { rpm, tpm, concurrency } = scope.limits;
    if (limitsNothing(scope.limits) || bounds.has(key)) continue;
    bounds.set(key, { key, rpm, tpm, concurrency });
    limiting.push(scope);
    if (tpm !== undefined && estimate === 0) estimate = wholeTokens(demand.tokens()) ?? 0;
  }
  if (limiting.length === 0) return undefined;
  const { priority } = demand;
  return { scopes: limiting, bounds: [...bounds.values()], estimate, priority, tokens: () => estimate };
}

/** The same, of scopes that have other limits by now (by key); `undefined` = nothing is limited any more. */
export function demandAnew(demand: SharedDemand, changed: ReadonlyMap<string, Scope>): SharedDemand | undefined {
  return sharedDemandOf(
    demand.scopes.map((scope) => changed.get(scopeKey(scope)) ?? scope),
    demand,
  );
}

/** One gateway's part of a limit, rounded down, and at least 1 where the limit is. */
function shareOf(limit: number | undefined, replicas: number): number | undefined {
  return limit === undefined ? undefined : Math.max(Math.min(1, limit), Math.floor(limit / replicas));
}

/** Scopes with one gateway's share of their limits; always the same object for the same scope and number of gateways. */
export function createShares(): (scopes: readonly Scope[], replicas: number) => Scope[] {
  const known = new WeakMap<Scope, { replicas: number; share: Scope }>();

  function shareIn(scope: Scope, replicas: number): Scope {
    const before = known.get(scope);
    if (before?.replicas === replicas) return before.share;
    const { rpm, tpm, concurrency } = scope.limits;
    const of = (limit: number | undefined): number | undefined => shareOf(limit, replicas);
    const whole = replicas > 1 ? scope.limits : undefined;
    const share = { ...scope, limits: { rpm: of(rpm), tpm: of(tpm), concurrency: of(concurrency) }, whole };
    known.set(scope, { replicas, share });
    return share;
  }

  return (scopes, replicas) => scopes.map((scope) => shareIn(scope, replicas));
}
