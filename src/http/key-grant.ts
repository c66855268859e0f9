import { GatewayError } from "../errors.ts";
import type { KeyGrant, Team, VirtualKey } from "../keys/virtual-key.ts";
import { type AddressRange, isInRanges, parseAddressRange } from "../lib/cidr.ts";

function invalid(message: string): GatewayError {
  return new GatewayError({ code: "invalid_api_key", status: 401, message });
}

function forbid(message: string): GatewayError {
  return new GatewayError({ code: "forbidden", status: 403, message });
}

/** Until then nobody can say that something is not there. */
export function notLoaded(what: string): GatewayError {
  const message = `${what} of this gateway are not loaded yet: its database does not answer. Try again.`;
  return new GatewayError({ code: "overloaded", status: 503, message, retryable: true, retryAfterSeconds: 1 });
}

const ranges = new WeakMap<VirtualKey, readonly AddressRange[]>();

function rangesOf(key: VirtualKey): readonly AddressRange[] | undefined {
  if (key.addresses === undefined) return undefined;
  let known = ranges.get(key);
  if (known === undefined) {
    known = key.addresses.map(parseAddressRange).filter((range) => range !== undefined);
    ranges.set(key, known);
  }
  return known;
}

/** Throws GatewayError where a key is known but may not be used: not now (401), or not from here (403). */
function checkKey(key: VirtualKey, { address, time }: { address: string | undefined; time: number }): void {
  if (!key.enabled) throw invalid(`The key ${key.id} is disabled; ask whoever gave it to you.`);
  if (key.expiresAt !== undefined && key.expiresAt <= time) {
    const since = new Date(key.expiresAt).toISOString();
    throw invalid(`The key ${key.id} has expired (${since}); ask whoever gave it to you for another one.`);
  }
  const allowed = rangesOf(key);
  if (allowed !== undefined && !isInRanges(address ?? "", allowed))
    throw forbid(`The key ${key.id} may not be used from the address ${address ?? "of this connection"}.`);
}

interface Presented {
  team: (id: string) => Team | undefined;
  /** Of the client; `undefined` = not known. */
  address: string | undefined;
  /** Epoch milliseconds. */
  time: number;
}

/** A key with its team, once it is known that it may be used. Throws GatewayError: 401 not now, 403 not from here. */
export function grantOf(key: VirtualKey, { team, address, time }: Presented): KeyGrant {
  checkKey(key, { address, time });
  if (key.teamId === undefined) return { key, team: undefined };
  const own = team(key.teamId);
  if (own !== undefined) return { key, team: own };
  // Its rules and budgets would be gone with it.
  throw forbid(`The key ${key.id} belongs to a team that does not exist any more; ask whoever gave it to you.`);
}
