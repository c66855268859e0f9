import { type CalendarWindow, calendarWindowAt, type TimeSpan } from "../lib/calendar-window.ts";

/** So much may be spent in each window, by the clocks of a time zone (default UTC). */
export interface BudgetLimit {
  /** US dollars. */
  readonly usd: number;
  readonly window: CalendarWindow;
  readonly timeZone?: string | undefined;
}

/** Set aside for requests at work. */
export interface Reserved {
  readonly usd: number;
  /** Epoch milliseconds: the last of them is over by then, or nobody knows of it any more. */
  readonly until: number;
}

/** What others have spent and set aside: further gateways, and earlier lives of this one. */
interface Foreign {
  readonly usd: number;
  readonly reserved: readonly Reserved[];
}

const nothing: Foreign = { usd: 0, reserved: [] };

/** What is spent and reserved in one window. Amounts are US dollars. */
export class SpendingWindow {
  readonly span: TimeSpan;
  foreign: Foreign;
  /** Settled here. */
  spent = 0;
  private held = 0;
  private heldUntil = 0;
  private leases = 0;

  constructor(span: TimeSpan, foreign: Foreign = nothing) {
    this.span = span;
    this.foreign = foreign;
  }

  /** For requests at work here. */
  get own(): Reserved {
    return { usd: this.held, until: this.heldUntil };
  }

  spentByAll(): number {
    return this.foreign.usd + this.spent;
  }

  reservedByAll(time: number): number {
    let reserved = this.held;
    for (const { usd, until } of this.foreign.reserved) if (until > time) reserved += usd;
    return reserved;
  }

  /** What is reserved may be spent already. */
  total(time: number): number {
    return this.spentByAll() + this.reservedByAll(time);
  }

  hold(usd: number, until: number): void {
    this.held += usd;
    this.heldUntil = this.leases === 0 ? until : Math.max(this.heldUntil, until);
    this.leases += 1;
  }

  letGo(usd: number): void {
    this.leases -= 1;
    // Sums of fractions leave a rest behind.
    this.held = this.leases === 0 ? 0 : Math.max(0, this.held - usd);
  }
}

/** The same of a window that may not have begun here yet. */
export interface ForeignSpending extends TimeSpan, Foreign {}

/** One budget of one owner, window after window. */
export class BudgetAccount {
  /** `key_…:day:Europe/Berlin`. */
  readonly id: string;
  readonly window: CalendarWindow;
  readonly timeZone: string;
  /** Changed since it was last taken for writing. */
  isDirty = false;
  /** Its owner is gone. */
  isForgotten = false;
  private running: SpendingWindow;
  /** Of the running window and of later ones. */
  private foreign: readonly ForeignSpending[] = [];

  constructor({ id, window, timeZone, span }: AccountOptions) {
    this.id = id;
    this.window = window;
    this.timeZone = timeZone;
    this.running = new SpendingWindow(span);
  }

  /** The window of an instant. A clock that is set back does not bring an earlier one back. */
  at(time: number): SpendingWindow {
    if (time < this.running.span.end) return this.running;
    const span = calendarWindowAt(time, this.window, this.timeZone);
    this.running = new SpendingWindow(
      span,
      this.foreign.find(({ start }) => start === span.start),
    );
    return this.running;
  }

  setForeign(foreign: ForeignSpending): void {
    const { start } = this.running.span;
    const others = this.foreign.filter((known) => known.start >= start && known.start !== foreign.start);
    this.foreign = [...others, foreign];
    if (foreign.start === start) this.running.foreign = foreign;
  }
}

interface AccountOptions {
  readonly id: string;
  readonly window: CalendarWindow;
  readonly timeZone: string;
  readonly span: TimeSpan;
}
