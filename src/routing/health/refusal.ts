import type { GatewayError } from "../../errors.ts";
import type { CredentialView } from "../credential.ts";
import type { CircuitState } from "./health.ts";
import { Pause } from "./pause.ts";
import { ProbePlace } from "./probe-place.ts";
import { upstreamStatusOf } from "./results.ts";

const longestReason = 300;

interface Refused {
  now: number;
  /** How long it stays unused. */
  milliseconds: number;
  isProbe: boolean;
  lastTicket: number;
}

/** Whether a credential is refused by its upstream, and what is done about it: left unused, then tried by one request. */
export class Refusal {
  private isRefused = false;
  private since = 0;
  private reason = "";
  private status: number | undefined;
  private isForMoney = false;
  /** Tickets up to this number went out before the refusal. */
  private lastBefore = 0;
  private wasHurried = false;
  private readonly pause = new Pause();
  private readonly probe = new ProbePlace();

  get isOn(): boolean {
    return this.isRefused;
  }

  /** Only what was paid for says that it is over. */
  get wantsMoney(): boolean {
    return this.isRefused && this.isForMoney;
  }

  isBlocked(now: number): boolean {
    return this.isRefused && (!this.pause.isOver(now) || this.probe.isTaken(now));
  }

  /** With its probe under way the time is over, and the answer may come at any moment. */
  until(now: number): number | undefined {
    return this.isBlocked(now) ? this.pause.until(now) : undefined;
  }

  state(now: number): CircuitState {
    if (!this.isRefused) return "closed";
    return this.pause.isOver(now) ? "half_open" : "open";
  }

  /** Whether this request is the probe. */
  begin(ticket: object, now: number): boolean {
    return this.isRefused && this.pause.isOver(now) && this.probe.take(ticket, now);
  }

  leave(ticket: object): void {
    this.probe.leave(ticket);
  }

  /** Whether that is new. */
  refuse(error: GatewayError, { now, milliseconds, isProbe, lastTicket }: Refused): boolean {
    this.reason = error.message.slice(0, longestReason);
    this.status = upstreamStatusOf(error) ?? error.status;
    this.isForMoney = error.code === "insufficient_quota";
    const wasRefused = this.isRefused;
    // Requests that go out with it because nothing else is left do not put off the next real try.
    if (wasRefused && !isProbe && !this.pause.isOver(now)) return false;
    this.pause.start(now, milliseconds);
    this.lastBefore = lastTicket;
    if (wasRefused) return false;
    this.isRefused = true;
    this.wasHurried = false;
    this.since = now;
    return true;
  }

  /** A request that went out as number `ticket` was accepted. Whether that ended it. */
  accept(ticket: number): boolean {
    return this.isRefused && ticket > this.lastBefore && this.end();
  }

  /**
   * The provider's list was shown for it, which says nothing of money. Where lists are shown for any key, it only lets one
   * request try before the time, once. Whether that ended it.
   */
  listed(now: number, keysMatter: boolean): boolean {
    if (!this.isRefused || (this.status !== 401 && this.status !== 403)) return false;
    if (keysMatter) return this.end();
    if (!this.wasHurried && !this.pause.isOver(now)) this.pause.start(now, 0);
    this.wasHurried = true;
    return false;
  }

  view(now: number): CredentialView["disabled"] {
    if (!this.isRefused) return undefined;
    return { since: this.since, until: this.pause.until(now), reason: this.reason };
  }

  private end(): true {
    this.isRefused = false;
    this.probe.clear();
    return true;
  }
}
