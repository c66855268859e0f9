/** What bounds a scope; `undefined` = not bounded. Per minute: the minute begins with its first request. */
export interface LimitSet {
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
  readonly concurrency?: number | undefined;
}

/** Something that is limited: one provider, credential, model, key, address, or all together. */
export interface Scope {
  readonly kind: "total" | "key" | "team" | "address" | "model" | "provider" | "credential";
  /** Unique within its kind; kind and id are what it is known by, not the object. Shown in messages: never a secret. */
  readonly id: string;
  /** Those named last hold for everyone. Best one object for as long as the configuration is the same: that is compared fast. */
  readonly limits: LimitSet;
  /** As they are configured, where `limits` are this gateway's part of them. */
  readonly whole?: LimitSet | undefined;
}

/** What a request wants of its scopes. */
export interface Demand {
  /** Estimate of all its tokens; read only where tokens are limited. */
  tokens(): number;
  /** Higher goes first in the queue; 0 is usual. */
  readonly priority: number;
}

/** A place taken. Both may be called in any order and more than once; only the first call of each counts. */
export interface Lease {
  /** What was really used takes the place of the estimate; `undefined` = not known: the estimate stays. Unused ones: 0. */
  settle(tokens: number | undefined): void;
  /** Gives the place back (concurrency). Not settled = the estimate stays. */
  release(): void;
}

export interface LimitRefusal {
  readonly scope: Scope;
  readonly by: "rpm" | "tpm" | "concurrency" | "queue";
  /** Milliseconds until a new try makes sense. */
  readonly retryAfterMs: number;
  /** With `queue`: how long it waited in vain; `undefined` = the queue had no room. */
  readonly waitedMs?: number | undefined;
}

/** Bounds of the waiting for places. */
export interface QueueSettings {
  /** Requests that wait, all together; 0 = none does. */
  readonly size: number;
  /** Longest wait of one request; 0 = none waits. */
  readonly waitMs: number;
}

export interface Waiting {
  /**
   * Is given the way out of the queue, for a client that goes away: `leave` ends the waiting with a refusal by `queue`
   * that nobody will read (`retryAfterMs` 0). Once the waiting is over it does nothing: a place that was given by then is
   * released by whoever awaited it.
   */
  onLeave(leave: () => void): void;
  /**
   * Told at once and whenever it changes: its place among those that wait for the same scope, 1 = next. `etaMs` from how
   * long places of that scope were held lately; `undefined` = not known. What it throws ends its own waiting.
   */
  onPosition?: ((position: number, etaMs: number | undefined) => void) | undefined;
}

export interface Limiter {
  /**
   * Takes from all scopes or from none, at once. Where several are in the way, the one that makes wait for longest is told.
   * A promise only where several gateways count together; it rejects, and the call throws, with GatewayError (503) where
   * they cannot and nothing may pass uncounted.
   */
  take(scopes: readonly Scope[], demand: Demand): Lease | LimitRefusal | Promise<Lease | LimitRefusal>;
  /**
   * As `take`, but waits for a place where only concurrency is in the way, behind those that wait already and within the
   * queue's bounds (size, longest wait); a refusal `by: "queue"` when they are exceeded. rpm and tpm never wait.
   */
  wait(scopes: readonly Scope[], demand: Demand, waiting: Waiting): Promise<Lease | LimitRefusal>;
  /**
   * Bounds from now on; who waits already keeps the deadline it came with. `scopes` whose limits changed: those that wait
   * for them are looked at now, else with the next request that names them.
   */
  configure(queue: QueueSettings, scopes?: Iterable<Scope>): void;
  /** How many wait, without going through all scopes. */
  waiting(): number;
  /** What is held and used now, for tests, health pages and metrics. */
  view(): ScopeView[];
}

/** Of one process: it answers within the call. */
export interface LocalLimiter extends Limiter {
  take(scopes: readonly Scope[], demand: Demand): Lease | LimitRefusal;
  /** Takes of all scopes, room or not: somebody else has let it in. */
  count(scopes: readonly Scope[], demand: Demand): Lease;
}

export interface ScopeView {
  readonly scope: Scope;
  readonly inUse: number;
  /** Those that wait for this scope; who needs several that are full is counted at one of them. */
  readonly waiting: number;
  /** In the running minute. */
  readonly requests: number;
  readonly tokens: number;
}

export function isRefusal(outcome: Lease | LimitRefusal): outcome is LimitRefusal {
  return "by" in outcome;
}
