import { FailureDecisions } from "../../coordination/memory/failure-decisions.ts";
import { GatewayError } from "../../errors.ts";
import { loginFailure } from "./login-bounds.ts";

/** Makes guessing slow, as `login-bounds.ts` says: after the failures that are free each further one costs more waiting. */
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

/** Of one process alone. */
export interface OwnLoginThrottle extends LoginThrottle {
  begin(account: string, address: string | undefined): OwnAttempt;
}

export interface OwnAttempt extends Attempt {
  /** It was not made after all. */
  undone(): void;
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
  const failures = new FailureDecisions();
  return {
    begin(account, address) {
      const { failure, success, undoing } = loginFailure(account, address);
      const { waitMs } = failures.count(failure, now());
      if (waitMs > 0) throw tooSoon(waitMs);
      return { succeeded: () => failures.forgive(success), undone: () => failures.forgive(undoing) };
    },
  };
}
