import type { Balance } from "../config/schema-routing.ts";
import type { Credential, CredentialPool } from "./credential.ts";

/** A credential with its share of the requests. */
export interface PoolMember extends Credential {
  readonly weight: number;
}

interface PoolOptions {
  /** At least one. */
  readonly members: readonly PoolMember[];
  readonly balance: Balance;
  readonly random?: (() => number) | undefined;
}

/** Every member once, from the one at `start` on. */
function rotated(members: readonly PoolMember[], start: number): PoolMember[] {
  return members.map((_, index) => members[(start + index) % members.length] as PoolMember);
}

/** Draws one after the other, each with its weight against those that are left; those of weight 0 come last. */
function drawn(members: readonly PoolMember[], random: () => number): PoolMember[] {
  const order = [...members];
  for (let from = 0; from < order.length - 1; from += 1) {
    let total = 0;
    for (let index = from; index < order.length; index += 1) total += order[index]?.weight ?? 0;
    let left = random() * total;
    let chosen = from;
    while (chosen < order.length - 1 && left >= (order[chosen]?.weight ?? 0)) {
      left -= order[chosen]?.weight ?? 0;
      chosen += 1;
    }
    const [member] = order.splice(chosen, 1);
    if (member !== undefined) order.splice(from, 0, member);
  }
  return order;
}

function isAnyBlocked(members: readonly Credential[], model: string): boolean {
  for (const member of members) if (member.isBlocked(model)) return true;
  return false;
}

/** Hands out a provider's credentials by its balance. */
export function createCredentialPool({ members, balance, random = Math.random }: PoolOptions): CredentialPool {
  if (members.length <= 1) return { credentials: members, inTurn: () => members };
  let turn = 0;

  /** Usable ones in the order of the balance. Only they take turns: the one behind a blocked one would get its share too. */
  function ordered(usable: readonly PoolMember[]): readonly PoolMember[] {
    if (balance === "priority" || usable.length <= 1) return usable;
    if (balance === "weighted") return drawn(usable, random);
    if (balance === "random") return rotated(usable, Math.floor(random() * usable.length));
    turn = (turn + 1) % Number.MAX_SAFE_INTEGER;
    const order = rotated(usable, (turn - 1) % usable.length);
    // The sort keeps equal ones in their order, which is that of their turns.
    return balance === "least_used" ? order.sort((left, right) => left.inFlight - right.inFlight) : order;
  }

  return {
    credentials: members,
    inTurn(model) {
      if (!isAnyBlocked(members, model)) return ordered(members);
      const usable = members.filter((member) => !member.isBlocked(model));
      const blocked = members
        .filter((member) => !usable.includes(member))
        .map((member) => ({ member, until: member.blockedUntil(model) ?? 0 }))
        .sort((left, right) => left.until - right.until)
        .map(({ member }) => member);
      return [...ordered(usable), ...blocked];
    },
  };
}
