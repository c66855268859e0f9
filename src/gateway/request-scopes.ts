import type { ResolvedConfig } from "../config/resolve.ts";
import type { KeyGrant, Team, VirtualKey } from "../keys/virtual-key.ts";
import { networkOf } from "../lib/ip.ts";
import type { LimitSet, Scope } from "../limits/limiter.ts";
import type { Stage } from "../routing/route.ts";

export interface RequestScopes {
  /** What limits a request itself, wherever it goes; empty where nothing is set. */
  of(call: LimitedCall, stage: Stage | undefined): readonly Scope[];
}

interface LimitedCall {
  readonly keyId: string;
  readonly clientAddress: string | undefined;
  readonly grant?: KeyGrant | undefined;
}

const none: readonly Scope[] = [];

function isSet({ rpm, tpm, concurrency }: LimitSet): boolean {
  return rpm !== undefined || tpm !== undefined || concurrency !== undefined;
}

export function createRequestScopes({ total, key, address }: ResolvedConfig["limits"]): RequestScopes {
  const all: Scope | undefined = isSet(total) ? { kind: "total", id: "", limits: total } : undefined;
  const limitsKeys = isSet(key);
  const limitsAddresses = isSet(address);
  const ownScopes = new WeakMap<VirtualKey | Team, Scope>();

  /** What a virtual key says of itself goes before what holds for every key. */
  function scopeOfKey(own: VirtualKey): Scope {
    let scope = ownScopes.get(own);
    if (scope === undefined) {
      const { rpm = key.rpm, tpm = key.tpm, concurrency = key.concurrency } = own;
      ownScopes.set(own, (scope = { kind: "key", id: own.id, limits: { rpm, tpm, concurrency } }));
    }
    return scope;
  }

  function scopeOfTeam(team: Team): Scope {
    let scope = ownScopes.get(team);
    if (scope === undefined) {
      const { rpm, tpm, concurrency } = team;
      ownScopes.set(team, (scope = { kind: "team", id: team.id, limits: { rpm, tpm, concurrency } }));
    }
    return scope;
  }

  const limitsCallers = all !== undefined || limitsKeys || limitsAddresses;
  return {
    of({ keyId, clientAddress, grant }, stage) {
      const scope = stage?.scope;
      if (!limitsCallers && grant === undefined) return scope === undefined ? none : [scope];
      const scopes: Scope[] = [];
      if (all !== undefined) scopes.push(all);
      if (grant !== undefined) {
        const ofKey = scopeOfKey(grant.key);
        if (isSet(ofKey.limits)) scopes.push(ofKey);
        if (grant.team !== undefined && isSet(grant.team)) scopes.push(scopeOfTeam(grant.team));
      } else if (limitsKeys) scopes.push({ kind: "key", id: keyId, limits: key });
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
