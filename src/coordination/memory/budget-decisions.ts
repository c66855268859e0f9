import {
  type AccountBounds,
  type BudgetsReserved,
  lateSettleMs,
  mostAheadMs,
  type RaiseBudgets,
  type ReserveBudgets,
  type SettleBudgets,
  storedAfterMs,
} from "../decisions.ts";
import { ExpiringMap } from "./expiring-map.ts";

type Beginning = Omit<AccountBounds, "most">;

/** What is spent and set aside in one window of one budget. */
class Account {
  readonly start: number;
  /** When it was made. */
  readonly since: number;
  spent: number;
  held = 0;
  private readonly leases = new Map<string, { amount: number; until: number }>();
  private nearest = Number.POSITIVE_INFINITY;

  constructor({ start, seed }: Beginning, now: number) {
    this.start = start;
    this.since = now;
    this.spent = seed;
  }

  hold(lease: string, amount: number, until: number): void {
    this.held += amount;
    this.leases.set(lease, { amount, until });
    this.nearest = Math.min(this.nearest, until);
  }

  /** What was set aside is no more, whatever it came to. */
  letGo(lease: string): void {
    const held = this.leases.get(lease);
    if (held === undefined) return;
    this.leases.delete(lease);
    this.held -= held.amount;
  }

  add(amount: number): void {
    this.spent += amount;
  }

  raise(spent: number): void {
    this.spent = Math.max(this.spent, spent);
  }

  /** What nobody settled in time comes back: whoever set it aside is gone. */
  expire(now: number): void {
    if (now < this.nearest) return;
    this.nearest = Number.POSITIVE_INFINITY;
    for (const [lease, { until }] of this.leases) {
      if (until > now) this.nearest = Math.min(this.nearest, until);
      else this.letGo(lease);
    }
  }
}

/** The accounts that it was set aside in, by their keys. */
type Reservation = ReadonlyMap<string, Account>;

/** Decisions on budgets, in memory. */
export class BudgetDecisions {
  private readonly accounts = new ExpiringMap<Account>();
  private readonly leases = new ExpiringMap<Reservation | "settled">();

  reserve({ lease, ttlMs, amount, accounts }: ReserveBudgets, now: number): BudgetsReserved {
    if (this.leases.get(lease, now) === "settled") return { isReserved: true, refused: [] };
    if (accounts.some((bounds) => isEarly(bounds, now))) return { isReserved: false, refused: [], timeHere: now };
    const found = accounts.map((bounds) => this.accountOf(bounds, now));
    const refused: BudgetsReserved["refused"][number][] = [];
    for (const [at, { most }] of accounts.entries()) {
      const account = found[at];
      if (account === undefined || account.spent + account.held + amount <= most) continue;
      refused.push({ account: at, spent: account.spent, reserved: account.held });
    }
    if (refused.length > 0) return { isReserved: false, refused };
    for (const account of found) account.hold(lease, amount, now + ttlMs);
    const byKey = new Map(accounts.map(({ key }, at) => [key, found[at]] as const).filter(isFound));
    this.leases.set(lease, byKey, { now, until: now + ttlMs + lateSettleMs });
    return { isReserved: true, refused };
  }

  raise({ accounts }: RaiseBudgets, now: number): void {
    for (const { spent, ...beginning } of accounts) {
      if (isEarly(beginning, now)) continue;
      const account = this.accountOf(beginning, now);
      if (account.start === beginning.start) account.raise(spent);
    }
  }

  settle({ lease, accounts, starts, amount, ageMs, answered = [] }: SettleBudgets, now: number): void {
    for (const over of answered) this.leases.delete(over);
    const known = this.leases.get(lease, now);
    if (known === "settled") return;
    for (const [at, key] of accounts.entries()) {
      const account = this.accounts.get(key, now);
      if (account === undefined) continue;
      if (known === undefined) {
        const isOther = starts !== undefined && starts[at] !== account.start;
        if (!isOther && account.since <= now - ageMs + storedAfterMs) account.add(amount);
      } else if (known.get(key) === account) {
        account.letGo(lease);
        account.add(amount);
      }
    }
    this.leases.set(lease, "settled", { now, until: now + lateSettleMs });
  }

  private accountOf(beginning: Beginning, now: number): Account {
    const { key, start, end } = beginning;
    const known = this.accounts.get(key, now);
    known?.expire(now);
    if (known !== undefined && known.start >= start) return known;
    const account = new Account(beginning, now);
    this.accounts.set(key, account, { now, until: Math.max(end, now) + lateSettleMs });
    return account;
  }
}

function isEarly({ start }: Beginning, now: number): boolean {
  return start > now + mostAheadMs;
}

function isFound(entry: readonly [string, Account | undefined]): entry is readonly [string, Account] {
  return entry[1] !== undefined;
}
