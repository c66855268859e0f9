import type { Scope } from "../../limits/limiter.ts";
import type { PoolMember } from "../credential-pool.ts";
import type { CredentialView } from "../credential.ts";
import type { CredentialState } from "./credential-state.ts";
import type { Ticket } from "./health.ts";

interface Settings {
  readonly label: string;
  readonly weight: number;
  readonly scope: Scope | undefined;
}

/** A credential as one configuration has it. What is known of its key is the same for all configurations. */
export class PooledCredential implements PoolMember {
  readonly key: string | undefined;
  readonly label: string;
  readonly weight: number;
  readonly scope: Scope | undefined;
  readonly state: CredentialState;

  constructor(state: CredentialState, { label, weight, scope }: Settings) {
    this.key = state.key;
    this.label = label;
    this.weight = weight;
    this.scope = scope;
    this.state = state;
  }

  get inFlight(): number {
    return this.state.inFlight;
  }

  isBlocked(model: string): boolean {
    return this.state.isBlocked(model);
  }

  blockedUntil(model: string): number | undefined {
    return this.state.blockedUntil(model);
  }

  begin(model: string): Ticket {
    return this.state.begin(model, this.label);
  }

  view(): CredentialView {
    return this.state.view(this.label);
  }
}
