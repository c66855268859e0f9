import type { ResolvedConfig } from "../../config/resolve.ts";
import type { CircuitState } from "./health.ts";
import { Pause } from "./pause.ts";
import { ProbePlace } from "./probe-place.ts";

type Rules = Pick<ResolvedConfig["health"], "cooldown" | "retryAfter" | "recoverAfter">;

/** Twice as long with every failed probe: more often than this would be beyond every setting. */
const mostDoublings = 30;

/**
 * Closed: requests go through. Open: none should, until a pause is over. Half open: one at a time tries whether it works
 * again; so many successes in a row close it, a failure opens it for twice as long.
 */
export class Circuit {
  /** Counts how often it opened: what began before says nothing of now. */
  era = 0;
  private isClosed = true;
  private readonly pause = new Pause();
  private readonly probe = new ProbePlace();
  private failedProbes = 0;
  private successesInRow = 0;

  state(now: number): CircuitState {
    if (this.isClosed) return "closed";
    return this.pause.isOver(now) ? "half_open" : "open";
  }

  isBlocked(now: number): boolean {
    return !this.isClosed && (!this.pause.isOver(now) || this.probe.isTaken(now));
  }

  isProbeDue(now: number): boolean {
    return !this.isClosed && this.pause.isOver(now) && !this.probe.isTaken(now);
  }

  openUntil(now: number): number | undefined {
    return this.state(now) === "open" ? this.pause.until(now) : undefined;
  }

  /** Whether this request is the probe. */
  begin(ticket: object, now: number): boolean {
    return !this.isClosed && this.pause.isOver(now) && this.probe.take(ticket, now);
  }

  /** Its answer begins, or it ended without a result: the next one may try. */
  leave(ticket: object): void {
    this.probe.leave(ticket);
  }

  /** Opens a closed one; the milliseconds until a probe is due. */
  open(now: number, rules: Rules): number {
    this.era += 1;
    this.isClosed = false;
    this.failedProbes = 0;
    return this.pauseAgain(now, rules);
  }

  /** Another gateway has opened it. */
  openFor(milliseconds: number, now: number): void {
    if (!this.isClosed) return;
    this.era += 1;
    this.isClosed = false;
    this.failedProbes = 0;
    this.successesInRow = 0;
    this.pause.start(now, milliseconds);
  }

  close(): void {
    this.isClosed = true;
    this.probe.clear();
  }

  /** Whether that closed it. */
  succeeded(ticket: object, rules: Rules): boolean {
    this.probe.leave(ticket);
    if (this.isClosed) return false;
    this.successesInRow += 1;
    if (this.successesInRow < rules.recoverAfter) return false;
    this.close();
    return true;
  }

  /** A failure while it is not closed. */
  failed(now: number, { ticket, isProbe, rules }: { ticket: object; isProbe: boolean; rules: Rules }): void {
    this.probe.leave(ticket);
    if (this.isClosed) return;
    this.successesInRow = 0;
    if (!isProbe) return;
    this.failedProbes += 1;
    this.pauseAgain(now, rules);
  }

  /** There is reason to believe that it works again. */
  hurry(now: number): void {
    if (this.state(now) === "open") this.pause.start(now, 0);
  }

  private pauseAgain(now: number, { cooldown, retryAfter }: Rules): number {
    this.successesInRow = 0;
    const milliseconds = Math.min(retryAfter, cooldown * 2 ** Math.min(mostDoublings, this.failedProbes));
    this.pause.start(now, milliseconds);
    return milliseconds;
  }
}
