import type { Coordinator } from "../coordination/coordinator.ts";
import type { ScopeBounds, SettleLimits } from "../coordination/decisions.ts";
import { type Bagged, createBag } from "../lib/bag.ts";
import { repeat } from "../lib/repeat.ts";
import { wholeTokens } from "../lib/whole-tokens.ts";
import type { Lease } from "./limiter.ts";
import { createUnsaid } from "./unsaid.ts";

/** Leases of this gateway that others know of: renewed while they are at work, and ended when that is over. */
export interface LeaseKeeper {
  keep(id: string, bounds: readonly ScopeBounds[], own: Lease): Lease;
  /** It may have been taken: nobody knows. */
  undo(id: string, bounds: readonly ScopeBounds[]): void;
  close(): void;
}

export interface LeaseKeeperOptions {
  readonly coordinator: Pick<Coordinator, "decide" | "publish" | "state" | "onState">;
  /** Places may have come free here. */
  readonly onFreed: (keys: readonly string[]) => void;
  readonly log: { warn(message: string): void };
  readonly every?: (milliseconds: number, work: () => void) => () => void;
}

/** Told to the others with the key of a scope. */
export const freedChannel = "freed";
/** Leases of a gateway that has died end after that. */
export const leaseTtlMs = 30_000;
const renewMs = 10_000;
const renewedAtOnce = 200;

/** One lease that the others know of, and what this gateway counts of it for itself. */
class SharedLease implements Lease, Bagged {
  slot = -1;
  readonly id: string;
  readonly keys: readonly string[];
  readonly places: readonly string[];
  tokens: number | undefined;
  isOver = false;
  isChanged = false;
  private isSettled = false;
  private readonly own: Lease;
  private readonly onChange: (lease: SharedLease) => void;

  constructor(id: string, bounds: readonly ScopeBounds[], own: Lease, onChange: (lease: SharedLease) => void) {
    this.id = id;
    this.keys = keysOf(bounds);
    this.places = bounds.filter(({ concurrency }) => concurrency !== undefined).map(({ key }) => key);
    this.own = own;
    this.onChange = onChange;
  }

  settle(tokens: number | undefined): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.own.settle(tokens);
    if (tokens === undefined || !Number.isFinite(tokens)) return;
    this.tokens = wholeTokens(tokens);
    this.onChange(this);
  }

  release(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.own.release();
    this.onChange(this);
  }
}

/** Of those scopes that hold anything beyond a count of requests. */
function keysOf(bounds: readonly ScopeBounds[]): string[] {
  return bounds.filter(({ tpm, concurrency }) => tpm !== undefined || concurrency !== undefined).map(({ key }) => key);
}

export function createLeaseKeeper({ coordinator, onFreed, log, every = repeat }: LeaseKeeperOptions): LeaseKeeper {
  const open = createBag<SharedLease>();
  const unsaid = createUnsaid({ coordinator, say, log, every });

  async function say(input: SettleLimits): Promise<void> {
    const { awaited } = await coordinator.decide("limits.settle", input);
    for (const key of awaited) coordinator.publish(freedChannel, key);
  }

  /** Settled and released are nearly always said in one go. */
  function onChange(lease: SharedLease): void {
    if (lease.isChanged) return;
    lease.isChanged = true;
    queueMicrotask(() => {
      lease.isChanged = false;
      if (lease.isOver) open.remove(lease);
      unsaid.say({ lease: lease.id, scopes: lease.keys, tokens: lease.tokens, isOver: lease.isOver });
      if (lease.isOver && lease.places.length > 0) onFreed(lease.places);
    });
  }

  function renew(): void {
    if (!coordinator.state().isUp) return;
    for (let from = 0; from < open.items.length; from += renewedAtOnce) {
      const leases = open.items.slice(from, from + renewedAtOnce).map(({ id, places }) => ({ lease: id, places }));
      coordinator.decide("leases.renew", { ttlMs: leaseTtlMs, leases }).catch(() => undefined);
    }
  }

  const ends = [
    every(renewMs, renew),
    // It may be another Redis, or one that has lost what it knew.
    coordinator.onState(renew),
    () => unsaid.close(),
  ];

  return {
    keep(id, bounds, own) {
      if (keysOf(bounds).length === 0) return own;
      const lease = new SharedLease(id, bounds, own, onChange);
      open.add(lease);
      return lease;
    },
    undo(id, bounds) {
      const scopes = keysOf(bounds);
      if (scopes.length > 0) unsaid.keep({ lease: id, scopes, tokens: 0, isOver: true });
    },
    close() {
      for (const end of ends) end();
    },
  };
}
