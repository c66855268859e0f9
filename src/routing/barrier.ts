import type { Target } from "./target.ts";

/** What keeps ordinary requests from a target. */
export type Barrier = "circuit" | "credentials";

export const barrierTexts = {
  circuit: "its circuit is open",
  credentials: "all its credentials are refused or cooling",
} as const satisfies Record<Barrier, string>;

export function barrierOf({ health, upstream, model }: Target): Barrier | undefined {
  if (health.isBlocked()) return "circuit";
  const { credentials } = upstream.credentials;
  for (const credential of credentials) if (!credential.isBlocked(model)) return undefined;
  return credentials.length === 0 ? undefined : "credentials";
}

/** Until the first of the credentials can be used. */
function credentialsUntil({ upstream, model }: Target): number {
  let soonest = Infinity;
  for (const credential of upstream.credentials.credentials)
    soonest = Math.min(soonest, credential.isBlocked(model) ? (credential.blockedUntil(model) ?? 0) : 0);
  return Number.isFinite(soonest) ? soonest : 0;
}

/** Epoch milliseconds from which a blocked target is worth a try; 0 = somebody tries it just now, so that it may be any moment. */
export function usableFrom(target: Target): number {
  return Math.max(target.health.openUntil() ?? 0, credentialsUntil(target));
}
