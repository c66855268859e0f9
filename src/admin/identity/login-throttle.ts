import { GatewayError } from "../../errors.ts";
import { networkOf } from "../../lib/ip.ts";

/**
 * Makes guessing slow: after a few failures each further one costs more waiting, for an account from one network and for the
 * network. An account by itself bears many, so that a stranger cannot shut its owner out. Each process counts by itself.
 */
export interface LoginThrottle {
  /**
   * An attempt begins, and counts as failed until it is told otherwise, so that many at once gain nothing.
   * Throws GatewayError (429) that says how long to wait; such an attempt counts for nothing.
   */
  begin(account: string, address: string | undefined): Attempt;
}

export interface Attempt {
  succeeded(): void;
}

interface Bound {
  /** Failures that cost no waiting. */
  readonly free: number;
  readonly longestMs: number;
}

interface Tally {
  failures: number;
  until: number;
  at: number;
}

const perAccountAndNetwork: Bound = { free: 5, longestMs: 60_000 };
/** From all networks together; the owner's own attempt has its turn within seconds. */
const perAccount: Bound = { free: 100, longestMs: 10_000 };
/** Several people may share an address. */
const perNetwork: Bound = { free: 20, longestMs: 300_000 };
const forgetMs = 15 * 60_000;
const mostEntries = 10_000;

function delayOf(failures: number, { free, longestMs }: Bound): number {
  return failures <= free ? 0 : Math.min(longestMs, 1000 * 2 ** (failures - free - 1));
}

function createTallies(bound: Bound) {
  const tallies = new Map<string, Tally>();
  return {
    waitMs: (name: string, now: number): number => (tallies.get(name)?.until ?? 0) - now,
    fail(name: string, now: number): void {
      const known = tallies.get(name);
      const failures = (known === undefined || now - known.at > forgetMs ? 0 : known.failures) + 1;
      // Newest last, so that the first one is the oldest.
      tallies.delete(name);
      tallies.set(name, { failures, until: now + delayOf(failures, bound), at: now });
      if (tallies.size <= mostEntries) return;
      for (const oldest of tallies.keys()) {
        tallies.delete(oldest);
        return;
      }
    },
    clear: (name: string) => void tallies.delete(name),
    forgive(name: string): void {
      const tally = tallies.get(name);
      if (tally !== undefined) tallies.set(name, { ...tally, failures: Math.max(0, tally.failures - 1), until: 0 });
    },
  };
}

function tooSoon(waitMs: number): GatewayError {
  const seconds = Math.ceil(waitMs / 1000);
  return new GatewayError({
    code: "rate_limit_exceeded",
    status: 429,
    message: `Too many failed logins: try again in ${seconds} s.`,
    retryAfterSeconds: seconds,
  });
}

export function createLoginThrottle(now: () => number = Date.now): LoginThrottle {
  const pairs = createTallies(perAccountAndNetwork);
  const accounts = createTallies(perAccount);
  const networks = createTallies(perNetwork);
  return {
    begin(account, address) {
      const time = now();
      const network = address === undefined ? "unknown" : networkOf(address);
      const pair = `${account} ${network}`;
      const waits = [pairs.waitMs(pair, time), accounts.waitMs(account, time), networks.waitMs(network, time)];
      const waitMs = Math.max(...waits);
      if (waitMs > 0) throw tooSoon(waitMs);
      pairs.fail(pair, time);
      accounts.fail(account, time);
      networks.fail(network, time);
      return {
        succeeded() {
          pairs.clear(pair);
          accounts.forgive(account);
          networks.forgive(network);
        },
      };
    },
  };
}
