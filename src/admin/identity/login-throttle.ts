import { GatewayError } from "../../errors.ts";
import { type LoginBound, loginBounds, rememberedMs, subjectsOf } from "./login-bounds.ts";

/** Makes guessing slow, as `login-bounds.ts` says. */
export interface LoginThrottle {
  /**
   * An attempt begins, and counts as failed until it is told otherwise, so that many at once gain nothing. A promise only
   * where several processes count together. Throws or rejects with GatewayError (429) that says how long to wait; such an
   * attempt counts for nothing.
   */
  begin(account: string, address: string | undefined): Attempt | Promise<Attempt>;
}

export interface Attempt {
  succeeded(): void;
}

/** Of one process alone: after the failures that are free each further one costs more waiting. */
export interface OwnLoginThrottle extends LoginThrottle {
  begin(account: string, address: string | undefined): OwnAttempt;
}

export interface OwnAttempt extends Attempt {
  /** It was not made after all. */
  undone(): void;
}

interface Tally {
  failures: number;
  until: number;
  at: number;
}

const mostEntries = 10_000;

function delayOf(failures: number, { free, longestMs }: LoginBound): number {
  return failures <= free ? 0 : Math.min(longestMs, 1000 * 2 ** (failures - free - 1));
}

function createTallies(bound: LoginBound) {
  const tallies = new Map<string, Tally>();
  return {
    waitMs: (name: string, now: number): number => (tallies.get(name)?.until ?? 0) - now,
    fail(name: string, now: number): void {
      const known = tallies.get(name);
      const failures = (known === undefined || now - known.at > rememberedMs ? 0 : known.failures) + 1;
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

export function tooSoon(waitMs: number): GatewayError {
  const seconds = Math.ceil(waitMs / 1000);
  return new GatewayError({
    code: "rate_limit_exceeded",
    status: 429,
    message: `Too many failed logins: try again in ${seconds} s.`,
    retryAfterSeconds: seconds,
  });
}

export function createLoginThrottle(now: () => number = Date.now): OwnLoginThrottle {
  const pairs = createTallies(loginBounds.pair);
  const accounts = createTallies(loginBounds.account);
  const networks = createTallies(loginBounds.network);
  return {
    begin(account, address) {
      const time = now();
      const { pair, network } = subjectsOf(account, address);
      const waits = [pairs.waitMs(pair, time), accounts.waitMs(account, time), networks.waitMs(network, time)];
      const waitMs = Math.max(...waits);
      if (waitMs > 0) throw tooSoon(waitMs);
      pairs.fail(pair, time);
      accounts.fail(account, time);
      networks.fail(network, time);
      const forgive = (): void => {
        accounts.forgive(account);
        networks.forgive(network);
      };
      return {
        succeeded() {
          pairs.clear(pair);
          forgive();
        },
        undone() {
          pairs.forgive(pair);
          forgive();
        },
      };
    },
  };
}
