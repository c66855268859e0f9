import { GatewayError, withoutSecret } from "../../errors.ts";
import { asksForLess } from "../../protocols/upstream-error.ts";
import type { CredentialAlarm, CredentialView } from "../credential.ts";
import { failureKindOf } from "../failure-kind.ts";
import { CoolingModels, defaultMs } from "./cooling-models.ts";
import type { CredentialChange } from "./health-change.ts";
import type { AttemptEnd, HealthSettings, HealthStatus, Ticket } from "./health.ts";
import { limitWaitSeconds } from "./limit-wait.ts";
import { OnceTicket } from "./once-ticket.ts";
import { Refusal } from "./refusal.ts";
import { Results, upstreamStatusOf } from "./results.ts";
import { Suspicion } from "./suspicion.ts";
import { withoutWords } from "./words.ts";

export interface CredentialOptions {
  readonly provider: string;
  readonly key: string | undefined;
  readonly settings: () => HealthSettings;
  readonly now: () => number;
  readonly keepsWords: boolean;
  readonly onCredential: CredentialAlarm | undefined;
  /** Told of what other gateways should know. */
  readonly onChange?: ((change: CredentialChange) => void) | undefined;
}

/** Requests that began after whatever another gateway says. */
const anyTicket = Number.MAX_SAFE_INTEGER;

/** Tells a provider's keys apart without giving one away. */
function markOf(provider: string, key: string | undefined): string {
  return new Bun.CryptoHasher("sha256")
    .update(`${provider}\n${key ?? ""}`)
    .digest("hex")
    .slice(0, 32);
}

/** All that is known of a key, kept while pools come and go. */
export class CredentialState {
  readonly key: string | undefined;
  readonly mark: string;
  inFlight = 0;
  private readonly options: CredentialOptions;
  private readonly results: Results;
  private readonly refusal = new Refusal();
  private readonly cooling = new CoolingModels();
  private readonly suspicion = new Suspicion();
  private lastTicket = 0;
  /** The provider has shown its list of models for it. */
  private wasListed = false;

  constructor(options: CredentialOptions) {
    this.key = options.key;
    this.mark = markOf(options.provider, options.key);
    this.options = options;
    this.results = new Results(options.settings().health.window);
  }

  isBlocked(model: string): boolean {
    if (!this.refusal.isOn && this.cooling.isEmpty) return false;
    const now = this.options.now();
    return this.refusal.isBlocked(now) || this.cooling.until(model, now) !== undefined;
  }

  blockedUntil(model: string): number | undefined {
    if (!this.isBlocked(model)) return undefined;
    const now = this.options.now();
    return Math.max(now, this.refusal.until(now) ?? 0, this.cooling.until(model, now) ?? 0);
  }

  /** `label` = what it is called where the request goes out. */
  begin(model: string, label: string): Ticket {
    this.inFlight += 1;
    this.lastTicket += 1;
    const ticket = new CredentialTicket(this, { model, label, number: this.lastTicket });
    if (this.refusal.isOn) ticket.isProbe = this.refusal.begin(ticket, this.options.now());
    return ticket;
  }

  view(label: string): CredentialView {
    const now = this.options.now();
    const circuit = this.refusal.state(now);
    const disabled = this.refusal.view(now);
    const { coolingUntil, refusedModels, reason } = this.cooling.view(now);
    const isDegraded = disabled !== undefined || Object.keys(coolingUntil).length > 0;
    const usable: HealthStatus = isDegraded ? "degraded" : "healthy";
    return {
      label,
      status: circuit === "open" ? "unhealthy" : usable,
      circuit,
      reason: disabled?.reason ?? reason,
      openUntil: circuit === "open" ? disabled?.until : undefined,
      inFlight: this.inFlight,
      ...this.results.view(now),
      coolingUntil,
      refusedModels,
      disabled,
    };
  }

  /** Another gateway has found it out. */
  heard({ model, until, status, code }: CredentialChange): void {
    const now = this.options.now();
    if (until === null) {
      if (model === null) this.refusal.accept(anyTicket);
      else this.cooling.succeeded(model, anyTicket);
      return;
    }
    if (until <= now) return;
    const { lastTicket } = this;
    const message = `The upstream refused another gateway${status === null ? "" : ` with ${status}`}.`;
    const details = status === null ? undefined : { upstreamStatus: status };
    const error = new GatewayError({ code, status: status ?? 502, message, details });
    if (model !== null) this.cooling.cool(model, { now, seconds: (until - now) / 1000, lastTicket, error });
    else this.refusal.refuse(error, { now, milliseconds: until - now, isProbe: false, lastTicket });
  }

  /** For tickets. */
  opened(ticket: CredentialTicket, milliseconds: number, kind: "stream" | "whole"): void {
    this.results.opened(milliseconds, kind, this.options.now());
    this.refusal.leave(ticket);
    // What goes through without a model may be a refusal that is passed on: only its end tells.
    if (ticket.model !== "" && !this.refusal.wantsMoney) this.accepted(ticket);
  }

  /** For tickets, once each. */
  ended(ticket: CredentialTicket, result: AttemptEnd): void {
    this.inFlight -= 1;
    this.refusal.leave(ticket);
    if (result === "neutral") return;
    if (result !== "ok") {
      this.failed(ticket, result);
      return;
    }
    this.results.succeeded(this.options.now(), this.options.settings().health.window);
    this.accepted(ticket);
  }

  /** An active probe's list came, or was refused. `keysMatter` = this provider refuses its list to wrong keys. */
  probed(outcome: "ok" | GatewayError, { keysMatter, label }: { keysMatter: boolean; label: string }): void {
    if (outcome === "ok") {
      this.wasListed = true;
      if (!this.refusal.listed(this.options.now(), keysMatter)) return;
      this.suspicion.end();
      this.alarm({ label, kind: "recovered" });
      return;
    }
    // A 403 is for the list. And what is refused already is for a request to try: a list must not put that off.
    if (upstreamStatusOf(outcome) !== 401 || this.refusal.isOn) return;
    // A key may be good for models and not for their list: some are restricted that way.
    if (this.wasListed || this.results.lastSuccessAt === undefined) this.refuse(outcome, { label, isProbe: false });
  }

  /** The upstream has taken the credential, and serves the model with it. */
  private accepted({ model, number, label, isProbe }: CredentialTicket): void {
    const wasForbidden = this.cooling.succeeded(model, number);
    this.suspicion.succeeded(number);
    // What goes through without a model may cost nothing; where there is nothing else, it may try at the usual times.
    const isCheap = this.refusal.wantsMoney && model === "" && !isProbe;
    if (!isCheap && this.refusal.accept(number)) this.alarm({ label, kind: "recovered" });
    else if (wasForbidden) this.alarm({ label, kind: "recovered", model });
  }

  private failed(ticket: CredentialTicket, result: GatewayError): void {
    const kind = failureKindOf(result);
    if (kind !== "credential" && kind !== "limited") return;
    const now = this.options.now();
    const error = this.told(result);
    this.results.errored(error, now, this.options.settings().health.window);
    if (kind === "limited" || asksForLess(result)) this.cool(ticket, limitWaitSeconds(result, now), error);
    else if (upstreamStatusOf(result) === 403) this.forbid(ticket, error);
    else this.refuse(error, ticket);
  }

  /** The model is forbidden to it; with a second one it is taken for refused as such. */
  private forbid(ticket: CredentialTicket, error: GatewayError): void {
    const { model, label } = ticket;
    const { lastTicket } = this;
    const now = this.options.now();
    const milliseconds = this.options.settings().health.retryAfter;
    const wasBlocked = this.isBlocked(model);
    this.cool(ticket, milliseconds / 1000, error);
    // Without a model it was some other path that is forbidden.
    const isConfirmed = model !== "" && this.suspicion.confirms(model, { now, milliseconds, lastTicket });
    if (isConfirmed || this.refusal.isOn) this.refuse(error, ticket);
    else if (!wasBlocked) this.alarm({ label, kind: "disabled", model, error });
  }

  private cool({ model }: CredentialTicket, seconds: number | undefined, error: GatewayError): void {
    this.cooling.cool(model, { now: this.options.now(), seconds, lastTicket: this.lastTicket, error });
    this.tell(model, { milliseconds: seconds === undefined ? defaultMs : seconds * 1000, error });
  }

  private refuse(error: GatewayError, { label, isProbe }: Pick<CredentialTicket, "label" | "isProbe">): void {
    const milliseconds = this.options.settings().health.retryAfter;
    const { lastTicket } = this;
    const isNew = this.refusal.refuse(error, { now: this.options.now(), milliseconds, isProbe, lastTicket });
    if (!isNew) return;
    this.alarm({ label, kind: "disabled", error });
    this.tell(null, { milliseconds, error });
  }

  /** An error as it may be kept and shown. */
  private told(error: GatewayError): GatewayError {
    const safe = withoutSecret(error, this.key);
    return this.options.keepsWords ? safe : withoutWords(safe);
  }

  private alarm({ label, kind, model, error }: Alarm): void {
    const { provider, onCredential } = this.options;
    onCredential?.({ provider, label, kind, model, error });
    if (kind === "recovered") this.tell(model ?? null);
  }

  /** `refused` = for how long it is left alone, and why; none = it works again. */
  private tell(model: string | null, refused?: { milliseconds: number; error: GatewayError }): void {
    const { provider, now, onChange } = this.options;
    if (onChange === undefined) return;
    const status = (refused && upstreamStatusOf(refused.error)) ?? null;
    const isForMoney = refused?.error.code === "insufficient_quota";
    const isLimited = status === 429 && !isForMoney;
    const code = isForMoney ? "insufficient_quota" : isLimited ? "rate_limit_exceeded" : "upstream_rejected_credential";
    const until = refused === undefined ? null : now() + refused.milliseconds;
    onChange({ about: "credential", provider, mark: this.mark, model, until, status, code });
  }
}

interface Alarm {
  label: string;
  kind: "disabled" | "recovered";
  model?: string;
  error?: GatewayError;
}

/** One request on its way with it. */
class CredentialTicket extends OnceTicket {
  isProbe = false;
  readonly model: string;
  readonly label: string;
  readonly number: number;
  protected readonly owner: CredentialState;

  constructor(owner: CredentialState, { model, label, number }: { model: string; label: string; number: number }) {
    super();
    this.owner = owner;
    this.model = model;
    this.label = label;
    this.number = number;
  }
}
