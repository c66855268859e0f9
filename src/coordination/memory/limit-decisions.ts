import { Meter, windowMs } from "../../lib/meter.ts";
import {
  awaitedMs,
  type LimitsSettled,
  type LimitsTaken,
  type RenewLeases,
  type SettleLimits,
  type TakeLimits,
} from "../decisions.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { Places } from "./places.ts";

class ScopeCounts {
  readonly requests = new Meter();
  readonly tokens = new Meter();
  readonly places = new Places();
  awaitedUntil = 0;
}

/** Tokens that were set aside of one scope, and of which minute. */
interface SetAside {
  readonly meter: Meter;
  readonly serial: number;
  readonly amount: number;
}

type RateRefusal = NonNullable<LimitsTaken["rate"]>;

function longer(left: RateRefusal | undefined, right: RateRefusal): RateRefusal {
  return left === undefined || right.retryAfterMs > left.retryAfterMs ? right : left;
}

/** Decisions on limits, in memory. */
export class LimitDecisions {
  private readonly scopes = new ExpiringMap<ScopeCounts>();
  private readonly leases = new ExpiringMap<Map<string, SetAside>>();

  take(input: TakeLimits, now: number): LimitsTaken {
    const counts = input.scopes.map(({ key }) => this.countsOf(key, now, input.ttlMs));
    const rate = this.rateRefusal(input, counts, now);
    const full: number[] = [];
    for (const [scope, { concurrency }] of input.scopes.entries()) {
      const places = counts[scope]?.places.count(now) ?? 0;
      if (concurrency !== undefined && places >= concurrency) full.push(scope);
    }
    const isTaken = rate === undefined && full.length === 0;
    if (isTaken) this.occupy(input, counts, now);
    else if (input.isWaiting && rate === undefined) this.await(full, counts, now);
    return { isTaken, rate, full };
  }

  settle({ lease, scopes, tokens, isOver }: SettleLimits, now: number): LimitsSettled {
    const setAside = this.leases.get(lease, now);
    const awaited: string[] = [];
    for (const key of scopes) {
      const counts = this.countsOf(key, now, 0);
      const reserved = setAside?.get(key);
      if (tokens !== undefined && reserved !== undefined) {
        setAside?.delete(key);
        const serial = reserved.meter === counts.tokens ? reserved.serial : undefined;
        counts.tokens.correct(tokens - reserved.amount, { serial, time: now });
      }
      if (isOver && counts.places.takeBack(lease) && counts.awaitedUntil > now) awaited.push(key);
    }
    if (isOver) this.leases.delete(lease);
    return { awaited };
  }

  renew({ ttlMs, leases }: RenewLeases, now: number): void {
    const until = now + ttlMs;
    for (const { lease, places } of leases) {
      const setAside = this.leases.get(lease, now);
      if (setAside !== undefined) this.leases.set(lease, setAside, { now, until });
      for (const key of places) this.countsOf(key, now, ttlMs).places.give(lease, until);
    }
  }

  private rateRefusal({ tokens, scopes }: TakeLimits, counts: ScopeCounts[], now: number): RateRefusal | undefined {
    let rate: RateRefusal | undefined;
    for (const [scope, { rpm, tpm }] of scopes.entries()) {
      const count = counts[scope];
      if (count === undefined) continue;
      if (rpm !== undefined && count.requests.usedAt(now) + 1 > rpm)
        rate = longer(rate, { scope, by: "rpm", retryAfterMs: count.requests.restMs(now) });
      if (tpm !== undefined && count.tokens.usedAt(now) + Math.min(tokens, tpm) > tpm)
        rate = longer(rate, { scope, by: "tpm", retryAfterMs: count.tokens.restMs(now) });
    }
    return rate;
  }

  private occupy({ lease, ttlMs, tokens, scopes }: TakeLimits, counts: ScopeCounts[], now: number): void {
    const until = now + ttlMs;
    const setAside = new Map<string, SetAside>();
    for (const [at, { key, tpm, concurrency }] of scopes.entries()) {
      const count = counts[at];
      if (count === undefined) continue;
      count.requests.add(1, now);
      if (concurrency !== undefined) count.places.give(lease, until);
      if (tpm === undefined) continue;
      const amount = Math.min(tokens, tpm);
      count.tokens.add(amount, now);
      setAside.set(key, { meter: count.tokens, serial: count.tokens.serial, amount });
    }
    if (setAside.size > 0) this.leases.set(lease, setAside, { now, until });
  }

  private await(full: readonly number[], counts: ScopeCounts[], now: number): void {
    for (const scope of full) {
      const count = counts[scope];
      if (count !== undefined) count.awaitedUntil = now + awaitedMs;
    }
  }

  /** Kept for as long as anything in it may count. */
  private countsOf(key: string, now: number, ttlMs: number): ScopeCounts {
    const counts = this.scopes.get(key, now) ?? new ScopeCounts();
    this.scopes.set(key, counts, { now, until: now + 2 * Math.max(windowMs, ttlMs) });
    return counts;
  }
}
