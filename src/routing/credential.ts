import type { GatewayError } from "../errors.ts";
import type { Scope } from "../limits/limiter.ts";
import type { HealthView, Ticket } from "./health/health.ts";

/** One of a provider's credentials; a provider that needs none has one without a key. */
export interface Credential {
  readonly key: string | undefined;
  /** Safe to show: its place in the list and the end of the key, e.g. `#2 …a1b2`; `none` without a key. */
  readonly label: string;
  /** Its own limits; `undefined` = none. */
  readonly scope: Scope | undefined;
  /** Requests on their way. */
  readonly inFlight: number;
  /** Refused (disabled), cooling for this model, or half open with its probe under way. */
  isBlocked(model: string): boolean;
  /** Epoch milliseconds until it is no longer blocked for the model. */
  blockedUntil(model: string): number | undefined;
  /**
   * A request goes out with it, blocked or not. Ended with an error of kind `credential` it is disabled (401, 402), or
   * blocked for the model (403) and disabled with the second model; of kind `limited` (429), or where it has too little
   * money for this one request, it cools for the model, exactly as long as the error's `retryAfterSeconds` says, else a
   * default. A success ends all that, if its request went out after the refusal; for want of money only `end("ok")` of
   * a request with a model is one. Other errors say nothing of a credential.
   */
  begin(model: string): Ticket;
  view(): CredentialView;
}

export interface CredentialView extends HealthView {
  label: string;
  /** Upstream model → epoch milliseconds until which it is left alone after a 429, or a 403 for it. */
  coolingUntil: Record<string, number>;
  /** Those of them that are forbidden to it (403): blocked for long, and not because of a limit. */
  refusedModels: string[];
  /** Since when the upstream refuses it for all models, and what it said. */
  disabled: { since: number; until: number; reason: string } | undefined;
}

export interface CredentialPool {
  readonly credentials: readonly Credential[];
  /**
   * Every credential once: usable ones first, in the order of the provider's `balance`, then blocked ones, the soonest
   * usable first. Each call is one request's turn.
   */
  inTurn(model: string): readonly Credential[];
}

/** For the log: a credential was refused, or works again. */
export type CredentialAlarm = (event: {
  provider: string;
  label: string;
  kind: "disabled" | "recovered";
  /** It is refused, or works again, for this one only; `undefined` = for all. */
  model: string | undefined;
  error: GatewayError | undefined;
}) => void;
