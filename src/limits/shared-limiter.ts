import type { Coordinator } from "../coordination/coordinator.ts";
import type { LimitsTaken } from "../coordination/decisions.ts";
import { alarms, type Alarms } from "../lib/alarms.ts";
import { createId } from "../lib/ids.ts";
import { unknownWaitMs } from "./decision.ts";
import { freeLease } from "./lease.ts";
import type { Lease, Limiter, LimitRefusal, QueueSettings, Scope } from "./limiter.ts";
import { createLimiter } from "./memory-limiter.ts";
import { uncountedError } from "./refusal-error.ts";
import { createShares, type SharedDemand, sharedDemandOf } from "./shared-demand.ts";
import { createLeaseKeeper, freedChannel, type LeaseKeeperOptions, leaseTtlMs } from "./shared-lease.ts";
import { createSharedLine, type NoPlace } from "./shared-line.ts";

export interface SharedLimiterOptions {
  readonly coordinator: LeaseKeeperOptions["coordinator"] & Pick<Coordinator, "subscribe">;
  readonly queue: QueueSettings;
  /** While nobody can be reached: `local` = each gateway grants its share, `closed` = nobody gets in. */
  readonly whenDown: "local" | "closed";
  /** Gateways that share the limits, as far as is known; at least 1. */
  readonly replicas: () => number;
  /** Milliseconds; may jump. */
  readonly now?: () => number;
  readonly log: LeaseKeeperOptions["log"];
  readonly after?: Alarms["set"];
  readonly every?: LeaseKeeperOptions["every"];
}

export interface SharedLimiter extends Limiter {
  close(): void;
}

/** Refused scopes that are remembered. */
const mostUsedUp = 10_000;

function noPlace(scope: Scope | undefined): LimitRefusal {
  if (scope === undefined) throw new Error("A scope that nobody asked for is full");
  return { scope, by: "concurrency", retryAfterMs: unknownWaitMs };
}

/**
 * Limits that several gateways keep together. What this one takes it also counts for itself, so that it knows what it has
 * used of its share when the others cannot be reached any more.
 */
export function createSharedLimiter(options: SharedLimiterOptions): SharedLimiter {
  const { coordinator, replicas, whenDown, now = () => performance.now() } = options;
  const after = options.after ?? ((milliseconds, ring) => alarms.set(milliseconds, ring));
  const own = createLimiter({ queue: options.queue, now, after });
  /** By key: until when the requests of a minute are used up, and of how many. */
  const usedUp = new Map<string, { until: number; rpm: number | undefined }>();
  const line = createSharedLine({ settings: options.queue, now, after, ask: (demand) => ask(demand, true) });
  const keeper = createLeaseKeeper({
    coordinator,
    onFreed: (keys) => keys.forEach((key) => line.freed(key)),
    log: options.log,
    ...(options.every && { every: options.every }),
  });
  const share = createShares();
  const shared = (scopes: readonly Scope[]): Scope[] => share(scopes, Math.max(1, replicas()));

  function knownRefusal({ scopes, bounds }: SharedDemand): LimitRefusal | undefined {
    if (usedUp.size === 0) return undefined;
    const time = now();
    for (const [at, { key, rpm }] of bounds.entries()) {
      const used = usedUp.get(key);
      const scope = scopes[at];
      if (used === undefined || scope === undefined) continue;
      if (time < used.until && used.rpm === rpm)
        return { scope, by: "rpm", retryAfterMs: Math.ceil(used.until - time) };
      usedUp.delete(key);
    }
    return undefined;
  }

  function refusalOf({ scopes, bounds }: SharedDemand, { rate }: LimitsTaken): LimitRefusal | undefined {
    if (rate === undefined) return undefined;
    const { by, retryAfterMs } = rate;
    const [scope, bound] = [scopes[rate.scope], bounds[rate.scope]];
    if (scope === undefined) return undefined;
    // Of a minute's requests nothing comes back; tokens may.
    if (by === "rpm" && bound !== undefined) {
      if (usedUp.size >= mostUsedUp) usedUp.clear();
      usedUp.set(bound.key, { until: now() + retryAfterMs, rpm: bound.rpm });
    }
    return { scope, by, retryAfterMs };
  }

  async function ask(demand: SharedDemand, isWaiting: boolean): Promise<Lease | LimitRefusal | NoPlace> {
    const lease = createId("l");
    const { bounds, estimate: tokens } = demand;
    let taken: LimitsTaken;
    try {
      taken = await coordinator.decide("limits.take", { lease, ttlMs: leaseTtlMs, tokens, isWaiting, scopes: bounds });
    } catch {
      keeper.undo(lease, bounds);
      return withoutOthers(demand);
    }
    if (taken.isTaken) {
      return keeper.keep(lease, bounds, own.count(shared(demand.scopes), demand));
    }
    return refusalOf(demand, taken) ?? { full: taken.full[0] ?? 0 };
  }

  function withoutOthers(demand: SharedDemand): Lease | LimitRefusal {
    if (whenDown === "closed") throw uncountedError();
    return own.take(shared(demand.scopes), demand);
  }

  async function takeTogether(demand: SharedDemand): Promise<Lease | LimitRefusal> {
    const outcome = await ask(demand, false);
    return "full" in outcome ? noPlace(demand.scopes[outcome.full]) : outcome;
  }

  const ends = [
    coordinator.subscribe(freedChannel, (key) => line.freed(key)),
    coordinator.onState(({ isUp }) => {
      if (isUp) return;
      line.disband((demand, waiting) =>
        whenDown === "closed" ? Promise.reject(uncountedError()) : own.wait(shared(demand.scopes), demand, waiting),
      );
    }),
    () => keeper.close(),
  ];

  return {
    take(scopes, asked) {
      const demand = sharedDemandOf(scopes, asked);
      if (demand === undefined) return freeLease;
      if (!coordinator.state().isUp) return withoutOthers(demand);
      const refusal = knownRefusal(demand);
      if (refusal !== undefined) return refusal;
      const awaited = line.awaited(demand);
      return awaited === undefined ? takeTogether(demand) : noPlace(awaited);
    },
    async wait(scopes, asked, waiting) {
      const demand = sharedDemandOf(scopes, asked);
      if (demand === undefined) return freeLease;
      if (coordinator.state().isUp) return knownRefusal(demand) ?? line.enter(demand, waiting);
      if (whenDown === "closed") throw uncountedError();
      return own.wait(shared(demand.scopes), demand, waiting);
    },
    configure(queue, scopes = []) {
      const changed = [...scopes];
      own.configure(queue, shared(changed));
      usedUp.clear();
      line.configure(queue, changed);
    },
    waiting: () => line.size() + own.waiting(),
    view: () => own.view(),
    close() {
      for (const end of ends) end();
    },
  };
}
