import type { ResolvedConfig } from "../config/resolve.ts";
import { networkOf } from "../lib/ip.ts";
import type { LimitSet, Scope } from "../limits/limiter.ts";
import type { Stage } from "../routing/route.ts";

export interface RequestScopes {
  /** What limits a request itself, wherever it goes; empty where nothing is set. */
  of(call: { keyId: string; clientAddress: string | undefined }, stage: Stage | undefined): readonly Scope[];
}

const none: readonly Scope[] = [];

function isSet({ rpm, tpm, concurrency }: LimitSet): boolean {
  return rpm !== undefined || tpm !== undefined || concurrency !== undefined;
}

export function createRequestScopes({ total, key, address }: ResolvedConfig["limits"]): RequestScopes {
  const all: Scope | undefined = isSet(total) ? { kind: "total", id: "", limits: total } : undefined;
  const limitsKeys = isSet(key);
  const limitsAddresses = isSet(address);
  const limitsCallers = all !== undefined || limitsKeys || limitsAddresses;
  return {
    of({ keyId, clientAddress }, stage) {
      const scope = stage?.scope;
      if (!limitsCallers) return scope === undefined ? none : [scope];
      const scopes: Scope[] = [];
      if (all !== undefined) scopes.push(all);
      if (limitsKeys) scopes.push({ kind: "key", id: keyId, limits: key });
      if (limitsAddresses)
        scopes.push({
          kind: "address",
          id: clientAddress === undefined ? "unknown" : networkOf(clientAddress),
          limits: address,
        });
      if (scope !== undefined) scopes.push(scope);
      return scopes;
    },
  };
}
