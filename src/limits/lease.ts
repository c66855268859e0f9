import type { Reservation } from "./decision.ts";
import type { Lease } from "./limiter.ts";
import type { ScopeState } from "./scope-state.ts";

/** Where leases give back what they hold. */
export interface Ledger {
  settle(reservations: readonly Reservation[], tokens: number): void;
  giveBack(states: readonly ScopeState[], since: number): void;
}

export interface Holding {
  readonly states: readonly ScopeState[];
  readonly reservations: readonly Reservation[];
  /** When it was taken. */
  readonly since: number;
}

/** For requests that nothing limits. */
export const freeLease: Lease = { settle: () => undefined, release: () => undefined };

export class PlaceLease implements Lease {
  private readonly ledger: Ledger;
  private readonly since: number;
  private states: readonly ScopeState[] | undefined;
  private reservations: readonly Reservation[] | undefined;

  constructor(ledger: Ledger, { states, reservations, since }: Holding) {
    this.ledger = ledger;
    this.states = states;
    this.reservations = reservations;
    this.since = since;
  }

  settle(tokens: number | undefined): void {
    const { reservations } = this;
    this.reservations = undefined;
    if (tokens === undefined || reservations === undefined || reservations.length === 0) return;
    this.ledger.settle(reservations, tokens);
  }

  release(): void {
    const { states } = this;
    this.states = undefined;
    if (states !== undefined) this.ledger.giveBack(states, this.since);
  }
}
