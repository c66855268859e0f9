import type { KeyGrant, VirtualKey } from "../keys/virtual-key.ts";
import { shownUsd } from "../lib/shown-usd.ts";
import { budgetOwner } from "../limits/budget-owner.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { KeyTotals, RequestStore } from "../storage/store.ts";
import type { OwnKey, OwnUsage } from "./contract/usage.ts";
import type { Keys } from "./keys.ts";
import { outOfReach } from "./out-of-reach.ts";
import { spendingOf } from "./spending.ts";
import { isoTime } from "./stored-fields.ts";
import type { Teams } from "./teams.ts";

/** What the holder of a key may know of it. */
export interface OwnKeys {
  /**
   * Since the start of the hour that an instant (epoch milliseconds) lies in. Rejects with GatewayError (503) when the store
   * is out of reach.
   */
  usage(grant: KeyGrant, since: number): Promise<OwnUsage>;
  describe(grant: KeyGrant, since: number): Promise<OwnKey>;
}

export interface OwnKeysOptions {
  readonly keys: Pick<Keys, "get">;
  readonly teams: Pick<Teams, "get">;
  readonly budgets: Pick<Budgets, "view">;
  readonly requests: Pick<RequestStore, "keyTotals">;
}

function limitsOf({ rpm, tpm, concurrency }: VirtualKey): OwnUsage["limits"] {
  return {
    ...(rpm === undefined ? {} : { rpm }),
    ...(tpm === undefined ? {} : { tpm }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

export function createOwnKeys({ keys, teams, budgets, requests }: OwnKeysOptions): OwnKeys {
  async function totals(key: VirtualKey, since: number): Promise<KeyTotals> {
    try {
      return await requests.keyTotals(key.id, since);
    } catch (error) {
      throw outOfReach(error);
    }
  }

  async function usage({ key, team }: KeyGrant, since: number): Promise<OwnUsage> {
    const { since: from, costUsd, ...counts } = await totals(key, since);
    const { spending: ofTeam } = spendingOf(budgets, budgetOwner("team", team));
    return {
      id: key.id,
      name: key.name,
      since: isoTime(from),
      ...counts,
      // Without requests it is known.
      costUsd: counts.requests === 0 ? 0 : (shownUsd(costUsd) ?? null),
      limits: limitsOf(key),
      spending: spendingOf(budgets, budgetOwner("key", key)).spending ?? [],
      ...(ofTeam === undefined ? {} : { teamSpending: ofTeam }),
    };
  }

  return {
    usage,
    async describe(grant, since) {
      const own = { key: keys.get(grant.key.id), usage: await usage(grant, since) };
      if (grant.team === undefined) return own;
      const { id, name, models, spending } = teams.get(grant.team.id);
      return { ...own, team: { id, name, ...(models && { models }), ...(spending && { spending }) } };
    },
  };
}
