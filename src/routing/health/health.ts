import type { ResolvedConfig, ResolvedProvider } from "../../config/resolve.ts";
import type { GatewayError } from "../../errors.ts";
import type { HealthChange } from "./health-change.ts";
import type { Credential, CredentialPool, CredentialView } from "../credential.ts";

/** Passive health from the sliding window: degraded = errors beyond the usual, unhealthy = the circuit is open. */
export type HealthStatus = "healthy" | "degraded" | "unhealthy";
export type CircuitState = "closed" | "open" | "half_open";

/** How an attempt ended: well, badly, or in a way that says nothing of the target (the client left, or was itself at fault). */
export type AttemptEnd = "ok" | "neutral" | GatewayError;

/** One request on its way at a target or with a credential. Must be ended once, whatever happens; later calls do nothing. */
export interface Ticket {
  /** The one request that tries whether an open circuit may close. */
  readonly isProbe: boolean;
  /**
   * The answer began after `milliseconds` (streams: the first content; else the whole answer). A probe's place is free for
   * the next one from then on; whether the answer was good is still for `end` to say.
   */
  opened(milliseconds: number, kind: "stream" | "whole"): void;
  end(result: AttemptEnd): void;
}

export interface BeginOptions {
  /** It was allowed by `takeRetry`, and is no request of its own in the retry budget. */
  readonly isRetry?: boolean | undefined;
}

/** What is told of a target or a credential to whoever asks. Durations in milliseconds, times in epoch milliseconds. */
export interface HealthView {
  status: HealthStatus;
  circuit: CircuitState;
  /** Why it is not healthy: the newest cause, in words, without secrets. */
  reason: string | undefined;
  /** Until when the circuit stays open. */
  openUntil: number | undefined;
  inFlight: number;
  /** Within the window. */
  requests: number;
  errors: number;
  errorsInRow: number;
  lastError: { at: number; code: string; status: number | undefined; message: string } | undefined;
  lastSuccessAt: number | undefined;
  latencyMs: { stream: number | undefined; whole: number | undefined };
}

/** Circuit, window and load of one target. In memory only; survives a reload of the configuration. */
export interface TargetHealth {
  /** Requests on their way. */
  readonly inFlight: number;
  status(): HealthStatus;
  /** No ordinary request should go there now: the circuit is open, or half open with its probe under way. */
  isBlocked(): boolean;
  /** Epoch milliseconds until which the circuit is open; `undefined` when it is not. */
  openUntil(): number | undefined;
  reason(): string | undefined;
  /** The same without an upstream's words, which were for another client: "5 errors in a row, the last 500 upstream_error". */
  bareReason(): string | undefined;
  /**
   * The circuit is half open and nobody tries it yet: one request should go there although it is not healthy. It would
   * never be used again where others are always preferred.
   */
  isProbeDue(): boolean;
  /** A request goes there now, blocked or not. */
  begin(options?: BeginOptions): Ticket;
  /** Peak-sensitive moving average of the time to an answer's beginning; `undefined` = nothing known of this kind (then the other kind's). */
  latencyMs(kind: "stream" | "whole"): number | undefined;
  /** Retries are allowed a share of the requests; takes one, or says no. `begin` counts the requests, retries not among them. */
  takeRetry(): boolean;
  view(): HealthView;
}

/** What an active probe found: a provider's list of models was asked for, with one of its credentials. */
export interface ProbeResult {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly ms: number;
  readonly credential: Credential;
  /** `ok` for a list; else why there was none. */
  readonly outcome: "ok" | GatewayError;
}

/** For the log: a target's circuit opened, or closed again. */
export type CircuitAlarm = (event: {
  provider: string;
  model: string;
  kind: "opened" | "closed";
  /** Why it opened. */
  reason: string | undefined;
  /** Milliseconds it stays open at first. */
  openMs: number | undefined;
}) => void;

/** What the circuits and credentials go by. */
export type HealthSettings = Pick<ResolvedConfig, "health" | "failover">;

/** One provider as `GET /api/providers/health` tells of it. */
export interface ProviderHealthView {
  provider: string;
  status: HealthStatus;
  /** Of the newest probe; `undefined` = none was made. */
  probe: { at: number; ok: boolean; ms: number; message: string | undefined } | undefined;
  targets: (HealthView & { model: string })[];
  credentials: CredentialView[];
}

/** Everything that is known of upstreams' health, kept while configurations come and go. */
export interface HealthRegistry {
  /** Always the same object for the same place. Bounded: clients choose model names where any is taken. */
  targetOf(provider: string, baseUrl: string, model: string): TargetHealth;
  /**
   * The provider's credentials as a configuration has them; what was known of a key stays known. Once a configuration is
   * served, a further pool changes nothing of what is told of the provider before `configure` says that it is served.
   */
  poolOf(provider: string, config: ResolvedProvider): CredentialPool;
  /**
   * The settings from now on. Told which providers there are, it takes their newest pools for those in use, and forgets
   * the other providers once nothing is on its way to them; told the models, it keeps their targets however many others
   * come by.
   */
  configure(settings: HealthSettings & Partial<Pick<ResolvedConfig, "providers" | "models">>): void;
  /** An active probe has ended. It never opens a circuit: models may work whose list does not. */
  probed(provider: string, result: ProbeResult): void;
  /** Another gateway has found something out. What is not known here is nobody's business. */
  heard(change: HealthChange): void;
  /** Epoch milliseconds of the newest request that a provider answered well; `undefined` = none yet. */
  answeredAt(provider: string): number | undefined;
  views(): ProviderHealthView[];
}
