import type { GatewayError } from "../../errors.ts";
import { failureKindOf } from "../failure-kind.ts";
import { Circuit } from "./circuit.ts";
import type { CircuitChange } from "./health-change.ts";
import type {
  AttemptEnd,
  BeginOptions,
  CircuitAlarm,
  HealthSettings,
  HealthStatus,
  HealthView,
  TargetHealth,
  Ticket,
} from "./health.ts";
import { OnceTicket } from "./once-ticket.ts";
import { Results } from "./results.ts";
import { RetryBudget } from "./retry-budget.ts";
import { bareWords, withoutWords } from "./words.ts";

/** From how many errors in a row on a target is no longer as good as others. */
const doubtfulErrors = 2;

export interface TargetOptions {
  readonly provider: string;
  readonly model: string;
  /** Replaced when the configuration is; never kept. */
  readonly settings: () => HealthSettings;
  readonly now: () => number;
  readonly keepsWords: boolean;
  readonly onCircuit: CircuitAlarm | undefined;
}

/** Only the network, the server and what it answers are the target's; all else has other owners. */
function countsAgainstTarget(error: GatewayError): boolean {
  const kind = failureKindOf(error);
  return kind === "target" || kind === "setup";
}

export class TargetState implements TargetHealth {
  inFlight = 0;
  readonly circuit = new Circuit();
  readonly results: Results;
  readonly model: string;
  private readonly options: TargetOptions;
  private readonly budget = new RetryBudget();
  /** Why the circuit opened. */
  private why: string | undefined;

  constructor(options: TargetOptions) {
    this.options = options;
    this.model = options.model;
    this.results = new Results(options.settings().health.window);
  }

  begin(options?: BeginOptions): Ticket {
    const now = this.options.now();
    if (options?.isRetry !== true) this.budget.requested(now);
    this.inFlight += 1;
    return new TargetTicket(this, now);
  }

  takeRetry(): boolean {
    return this.budget.take(this.options.now(), this.options.settings().failover);
  }

  isBlocked(): boolean {
    return this.circuit.isBlocked(this.options.now());
  }

  isProbeDue(): boolean {
    return this.circuit.isProbeDue(this.options.now());
  }

  openUntil(): number | undefined {
    return this.circuit.openUntil(this.options.now());
  }

  latencyMs(kind: "stream" | "whole"): number | undefined {
    return this.results.latencyMs(kind, this.options.now());
  }

  status(): HealthStatus {
    const now = this.options.now();
    const state = this.circuit.state(now);
    if (state === "open") return "unhealthy";
    return state === "half_open" || this.doubt(now) !== undefined ? "degraded" : "healthy";
  }

  reason(): string | undefined {
    const why = this.cause();
    const last = this.results.lastError?.message;
    return why === undefined || last === undefined ? why : `${why}, the last: ${last}`;
  }

  bareReason(): string | undefined {
    const why = this.cause();
    const { lastError } = this.results;
    return why === undefined || lastError === undefined ? why : `${why}, the last ${bareWords(lastError)}`;
  }

  view(): HealthView {
    const now = this.options.now();
    return {
      status: this.status(),
      circuit: this.circuit.state(now),
      reason: this.reason(),
      openUntil: this.circuit.openUntil(now),
      inFlight: this.inFlight,
      ...this.results.view(now),
    };
  }

  /** Another gateway has found it out. */
  heard({ until, reason }: Pick<CircuitChange, "until" | "reason">): void {
    const now = this.options.now();
    if (until === null) {
      if (this.circuit.state(now) === "closed") return;
      this.circuit.close();
      this.results.clear();
      this.why = undefined;
    } else if (until > now && this.circuit.state(now) === "closed") {
      this.why = reason;
      this.circuit.openFor(until - now, now);
    }
  }

  /** For tickets. */
  opened(ticket: TargetTicket, milliseconds: number, kind: "stream" | "whole"): void {
    this.results.opened(milliseconds, kind, this.options.now());
    this.circuit.leave(ticket);
  }

  /** For tickets, once each. */
  ended(ticket: TargetTicket, result: AttemptEnd): void {
    this.inFlight -= 1;
    const now = this.options.now();
    if (result === "ok") this.succeeded(ticket, now);
    else if (result !== "neutral" && countsAgainstTarget(result)) this.failed(ticket, result, now);
    else this.circuit.leave(ticket);
  }

  private succeeded(ticket: TargetTicket, now: number): void {
    const { health } = this.options.settings();
    // What was on its way when the circuit opened may still end well: that says nothing of what begins now.
    if (ticket.era !== this.circuit.era) {
      this.results.lastSuccessAt = now;
      return;
    }
    this.results.succeeded(now, health.window);
    if (!this.circuit.succeeded(ticket, health)) return;
    this.results.clear();
    this.why = undefined;
    this.alarm("closed", undefined);
  }

  private failed(ticket: TargetTicket, result: GatewayError, now: number): void {
    const { health } = this.options.settings();
    const error = this.options.keepsWords ? result : withoutWords(result);
    if (ticket.era !== this.circuit.era) {
      this.results.note(error, now);
      return;
    }
    this.results.errored(error, now, health.window);
    if (this.circuit.state(now) !== "closed") {
      this.circuit.failed(now, { ticket, isProbe: ticket.isProbe, rules: health });
      return;
    }
    this.why = this.whyToOpen(now);
    if (this.why !== undefined) this.alarm("opened", this.circuit.open(now, health));
  }

  private cause(): string | undefined {
    const now = this.options.now();
    const doubt = this.circuit.state(now) === "closed" ? this.doubt(now) : undefined;
    return doubt === undefined ? this.why : this.errorText(doubt, now);
  }

  private whyToOpen(now: number): string | undefined {
    const { maxErrors, minRequests, errorRate } = this.options.settings().health;
    if (this.results.errorsInRow >= maxErrors) return this.errorText("row", now);
    const share = this.results.errorShare(now, minRequests);
    return share === 0 || share < errorRate ? undefined : this.errorText("share", now);
  }

  /** What makes a closed one less good than it should be. */
  private doubt(now: number): "row" | "share" | undefined {
    const { window, minRequests, degradedRate } = this.options.settings().health;
    const { errorsInRow, lastError } = this.results;
    // Old errors must not keep requests away for ever where others are always preferred.
    const isRecent = lastError !== undefined && Math.abs(now - lastError.at) < window;
    if (errorsInRow >= doubtfulErrors && isRecent) return "row";
    const share = this.results.errorShare(now, minRequests);
    return share === 0 || share < degradedRate ? undefined : "share";
  }

  private errorText(by: "row" | "share", now: number): string {
    if (by === "row") return `${this.results.errorsInRow} errors in a row`;
    const share = this.results.errorShare(now, 1);
    return `${Math.round(share * 100)} % of ${this.results.requests(now)} requests failed`;
  }

  private alarm(kind: "opened" | "closed", openMs: number | undefined): void {
    const { provider, model, onCircuit } = this.options;
    onCircuit?.({ provider, model, kind, reason: kind === "opened" ? this.reason() : undefined, openMs });
  }
}

/** One request on its way. */
export class TargetTicket extends OnceTicket {
  readonly isProbe: boolean;
  readonly era: number;
  protected readonly owner: TargetState;

  constructor(owner: TargetState, now: number) {
    super();
    this.owner = owner;
    this.era = owner.circuit.era;
    this.isProbe = owner.circuit.begin(this, now);
  }
}
