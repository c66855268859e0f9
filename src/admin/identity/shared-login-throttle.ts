import type { Coordinator } from "../../coordination/coordinator.ts";
import type { FailureCounted } from "../../coordination/decisions.ts";
import { loginFailure } from "./login-bounds.ts";
import { type Attempt, type LoginThrottle, type OwnAttempt, type OwnLoginThrottle, tooSoon } from "./login-throttle.ts";

export interface SharedLoginThrottleOptions {
  /** Counts what comes to this process, which is all there is while the others cannot be reached. */
  readonly own: OwnLoginThrottle;
  readonly coordinator: Pick<Coordinator, "decide" | "state">;
}

/** Attempts of several processes, counted together as those of one are. */
export function createSharedLoginThrottle({ own, coordinator }: SharedLoginThrottleOptions): LoginThrottle {
  async function together(account: string, address: string | undefined, attempt: OwnAttempt): Promise<Attempt> {
    const { failure, success } = loginFailure(account, address);
    let counted: FailureCounted;
    try {
      counted = await coordinator.decide("failures.count", failure);
    } catch {
      return attempt;
    }
    if (counted.waitMs > 0) {
      attempt.undone();
      throw tooSoon(counted.waitMs);
    }
    return {
      succeeded() {
        attempt.succeeded();
        // It is forgotten by itself, only later.
        coordinator.decide("failures.forgive", success).catch(() => undefined);
      },
    };
  }

  return {
    begin(account, address) {
      const attempt = own.begin(account, address);
      return coordinator.state().isUp ? together(account, address, attempt) : attempt;
    },
  };
}
