import type { Scope } from "./limiter.ts";
import type { Line } from "./line.ts";
import { Meter } from "../lib/meter.ts";

/** Weight of the newest one in the average of how long places were held. */
const newestShare = 0.2;
/** For how long the average is kept where clients cannot make up scopes. */
const averageKeptMs = 3_600_000;

/** What is held and used of one scope. */
export class ScopeState {
  /** The newest one known, for its limits. */
  scope: Scope;
  inUse = 0;
  readonly requests = new Meter();
  readonly tokens = new Meter();
  /** Those that wait for a place here; there are none unless all places are taken. */
  line: Line | undefined;
  /** Waiting requests that will need it, wherever they stand: it must stay. */
  pins = 0;
  /** Forgotten for having been idle; another one may have taken its place. */
  isDropped = false;
  private heldMs: number | undefined;
  private givenBackAt = 0;

  constructor(scope: Scope) {
    this.scope = scope;
  }

  isFull(): boolean {
    const { concurrency } = this.scope.limits;
    return concurrency !== undefined && this.inUse >= concurrency;
  }

  /** Nothing that counts would be lost with it. */
  isIdle(time: number): boolean {
    if (!this.isUnused() || this.requests.isRunning(time) || this.tokens.isRunning(time)) return false;
    const { kind } = this.scope;
    if (this.heldMs === undefined || kind === "address" || kind === "key" || kind === "team") return true;
    return Math.abs(time - this.givenBackAt) >= averageKeptMs;
  }

  isUnused(): boolean {
    return this.inUse === 0 && this.pins === 0;
  }

  giveBack(time: number, since: number): void {
    this.inUse -= 1;
    if (this.scope.limits.concurrency === undefined) return;
    const held = Math.max(0, time - since);
    this.givenBackAt = time;
    this.heldMs = this.heldMs === undefined ? held : this.heldMs + newestShare * (held - this.heldMs);
  }

  /** About when the `position`th of those that wait has its turn; `undefined` = no place was given back so far. */
  etaMs(position: number): number | undefined {
    if (this.heldMs === undefined) return undefined;
    // After limits were lowered some places that are given back are nobody's.
    const surplus = Math.max(0, this.inUse - (this.scope.limits.concurrency ?? this.inUse));
    return Math.ceil(((surplus + position) * this.heldMs) / Math.max(1, this.inUse));
  }
}
