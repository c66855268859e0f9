import type { LimitSet, Scope } from "../limits/limiter.ts";

/** The scope of a place with limits of its own; `undefined` where nothing is set, which costs nothing then. */
export function limitScope(place: Pick<Scope, "kind" | "id">, { rpm, tpm, concurrency }: LimitSet): Scope | undefined {
  if (rpm === undefined && tpm === undefined && concurrency === undefined) return undefined;
  return { ...place, limits: { rpm, tpm, concurrency } };
}
