import { type CalendarWindow, calendarWindowAt, type TimeSpan } from "../lib/calendar-window.ts";

/** So much may be spent in each window, by the clocks of a time zone (default UTC). */
export interface BudgetLimit {
  /** US dollars. */
  readonly usd: number;
  readonly window: CalendarWindow;
  readonly timeZone?: string | undefined;
}

/** What is spent and reserved in one window. Amounts are US dollars. */
export class SpendingWindow {
  readonly span: TimeSpan;
  /** Charged by others: further gateways, and earlier lives of this one. */
  foreign: number;
  /** Settled here. */
  spent = 0;
  private held = 0;
  private leases = 0;

  constructor(span: TimeSpan, foreign: number) {
    this.span = span;
    this.foreign = foreign;
  }

  /** By requests at work here. */
  get reserved(): number {
    return this.held;
  }

  /** By this process: what is reserved may be spent already. */
  get own(): number {
    return this.spent + this.held;
  }

  get total(): number {
    return this.foreign + this.spent + this.held;
  }

  hold(usd: number): void {
    this.held += usd;
    this.leases += 1;
  }

  letGo(usd: number): void {
    this.leases -= 1;
    // Sums of fractions leave a rest behind.
    this.held = this.leases === 0 ? 0 : Math.max(0, this.held - usd);
  }
}

/** What others have charged in a window; it may not have begun here yet. */
export interface ForeignSpending extends TimeSpan {
  readonly usd: number;
}

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
  private foreign: ForeignSpending | undefined;

  constructor({ id, window, timeZone, span }: AccountOptions) {
    this.id = id;
    this.window = window;
    this.timeZone = timeZone;
    this.running = new SpendingWindow(span, 0);
  }

  /** The window of an instant. A clock that is set back does not bring an earlier one back. */
  at(time: number): SpendingWindow {
    if (time < this.running.span.end) return this.running;
    const span = calendarWindowAt(time, this.window, this.timeZone);
    this.running = new SpendingWindow(span, this.foreign?.start === span.start ? this.foreign.usd : 0);
    return this.running;
  }

  setForeign(foreign: ForeignSpending): void {
    this.foreign = foreign;
    if (foreign.start === this.running.span.start) this.running.foreign = foreign.usd;
  }
}

interface AccountOptions {
  readonly id: string;
  readonly window: CalendarWindow;
  readonly timeZone: string;
  readonly span: TimeSpan;
}
