import type { Coordinator } from "../../coordination/coordinator.ts";
import type { AccountBounds } from "../../coordination/decisions.ts";
import { createId } from "../../lib/ids.ts";
import { type LoginBound, loginBounds, rememberedMs, subjectsOf } from "./login-bounds.ts";
import { type LoginThrottle, type OwnLoginThrottle, tooSoon } from "./login-throttle.ts";

export interface SharedLoginThrottleOptions {
  /** Counts what comes to this process, which is all there is while the others cannot be reached. */
  readonly own: OwnLoginThrottle;
  readonly coordinator: Pick<Coordinator, "decide" | "state">;
  readonly now: () => number;
}

/** An attempt that all know of. */
interface Taken {
  readonly lease: string;
  readonly account: AccountBounds;
}

type Subject = readonly [name: string, bound: LoginBound];

/**
 * Attempts of several processes, counted together: the ones that are free, and beyond them one in each span of the longest
 * wait. What failed is set aside as money is, and never settled, so that it comes back by itself when its time is over.
 */
export function createSharedLoginThrottle({ own, coordinator, now }: SharedLoginThrottleOptions): LoginThrottle {
  async function take(account: AccountBounds, ttlMs: number): Promise<Taken | undefined> {
    const lease = createId("login");
    const { isReserved } = await coordinator.decide("budgets.reserve", {
      lease,
      ttlMs,
      amount: 1,
      accounts: [account],
    });
    return isReserved ? { lease, account } : undefined;
  }

  /** A number = milliseconds to wait. */
  async function takeFor([name, { free, longestMs }]: Subject): Promise<Taken | number> {
    // One window for ever: an attempt counts until its own time is over.
    const early = await take({ key: `login:${name}`, most: free, start: 0, end: 0, seed: 0 }, rememberedMs);
    if (early !== undefined) return early;
    const time = now();
    const start = Math.floor(time / longestMs) * longestMs;
    const end = start + longestMs;
    const later = await take({ key: `late-login:${name}`, most: 1, start, end, seed: 0 }, end - time);
    return later ?? end - time;
  }

  function giveBack(taken: readonly Taken[]): void {
    for (const { lease, account } of taken) {
      const settling = { lease, accounts: [account.key], amount: 0, ageMs: 0 };
      // It comes back by itself, only later.
      coordinator.decide("budgets.settle", settling).catch(() => undefined);
    }
  }

  /** Throws GatewayError (429). */
  async function takeAll(subjects: readonly Subject[]): Promise<Taken[]> {
    const outcomes = await Promise.allSettled(subjects.map(takeFor));
    const found = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    const taken = found.filter((one) => typeof one !== "number");
    const waits = found.filter((one) => typeof one === "number");
    if (waits.length === 0) return taken;
    giveBack(taken);
    throw tooSoon(Math.max(...waits));
  }

  return {
    begin(account, address) {
      const attempt = own.begin(account, address);
      if (!coordinator.state().isUp) return attempt;
      const { pair, network } = subjectsOf(account, address);
      const subjects: Subject[] = [
        [`pair ${pair}`, loginBounds.pair],
        [`account ${account}`, loginBounds.account],
        [`network ${network}`, loginBounds.network],
      ];
      return takeAll(subjects).then(
        (taken) => ({
          succeeded() {
            attempt.succeeded();
            giveBack(taken);
          },
        }),
        (error: unknown) => {
          attempt.undone();
          throw error;
        },
      );
    },
  };
}
