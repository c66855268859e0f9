import { GatewayError } from "../errors.ts";
import type { LimitRefusal } from "../limits/limiter.ts";
import { refusalError } from "../limits/refusal-error.ts";
import { failureKindOf, type FailureKind } from "../routing/failure-kind.ts";
import type { Target } from "../routing/target.ts";
import { isOfOneTarget } from "./target-refusal.ts";

interface Failure {
  target: Target;
  error: GatewayError;
  times: number;
}

interface Skip {
  target: Target;
  /** Why it was not asked. */
  why: string;
  retryAfterMs: number | undefined;
}

/** Long lists of targets would bury the cause. */
const mostNamed = 10;

function nameOf({ upstream, model }: Target): string {
  return model === "" ? upstream.name : `${upstream.name}/${model}`;
}

function statusText(status: unknown): string {
  return typeof status === "number" ? `${status} ` : "";
}

function waitText(seconds: number | undefined): string {
  return seconds === undefined ? "" : `, free again in ${Math.ceil(seconds)} s`;
}

function failureText({ target, error, times }: Failure): string {
  const often = times > 1 ? `, ${times} times` : "";
  return `${nameOf(target)} (${statusText(error.details?.["upstreamStatus"])}${error.code}${waitText(error.retryAfterSeconds)}${often})`;
}

/** Without the upstream's words: they were for another client. */
function healthText({ health, upstream, model }: Target): string {
  const { credentials } = upstream.credentials;
  if (!health.isBlocked()) {
    const waits = credentials.map((credential) => (credential.blockedUntil(model) ?? 0) - Date.now());
    const wait = waitText(Math.max(1, Math.min(...waits) / 1000));
    return credentials.length === 1 ? `its credential was refused${wait}` : `all its credentials were refused${wait}`;
  }
  return health.bareReason() ?? "its circuit is open";
}

/** An upstream's words may end without a full stop. */
function sentence(words: string): string {
  return /[.!?…:]$/.test(words) ? words : `${words}.`;
}

function listed(texts: readonly string[]): string {
  const named = texts.slice(0, mostNamed);
  if (texts.length > named.length) named.push(`and ${texts.length - named.length} more`);
  return named.join(", ");
}

/** Kinds after which another target or credential was turned to. */
function isTurning(kind: FailureKind): boolean {
  return kind === "unsuited" || kind === "credential";
}

/** Headers of one refusal that say when to come again; the answer tells of several. */
const waitHeaders = /^(?:retry-after|x-ratelimit-|anthropic-ratelimit-)/;

function withoutWaits(headers: GatewayError["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !waitHeaders.test(name)));
}

/** What a request has been through, for the error that tells it. */
export class Tried {
  private readonly failures: Failure[] = [];
  private readonly skips: Skip[] = [];
  private refusal: LimitRefusal | undefined;
  /** What was known of the last resort before it was asked. */
  private known: string | undefined;

  failed(target: Target, error: GatewayError): void {
    const last = this.failures.at(-1);
    if (last?.target === target && last.error.code === error.code) {
      last.times += 1;
      last.error = error;
      return;
    }
    this.failures.push({ target, error, times: 1 });
  }

  /** A limit of the gateway's own was in the way. */
  limited(target: Target, refusal: LimitRefusal): void {
    const why =
      refusal.by === "queue" ? `${refusal.scope.kind} queue full` : `${refusal.scope.kind} limit ${refusal.by} used up`;
    const known = this.skips.find((skip) => skip.target === target && skip.why === why);
    if (known === undefined) this.skips.push({ target, why, retryAfterMs: refusal.retryAfterMs });
    else known.retryAfterMs = Math.min(known.retryAfterMs ?? Infinity, refusal.retryAfterMs);
    if (this.refusal === undefined || refusal.retryAfterMs < this.refusal.retryAfterMs) this.refusal = refusal;
  }

  /** Nothing healthy was left, so this one was asked although it is known to fail; the others that fail were not. */
  resorted(asked: Target, others: readonly Target[]): void {
    this.known = healthText(asked);
    for (const target of others) this.skips.push({ target, why: healthText(target), retryAfterMs: undefined });
  }

  /** The error to tell when nothing is left: the most telling failure, what was tried in order, and the shortest honest wait. */
  final(): GatewayError {
    const telling = this.mostTelling();
    const waits = [
      ...this.failures.map(({ error }) => error.retryAfterSeconds),
      ...this.skips.map(({ retryAfterMs }) => (retryAfterMs === undefined ? undefined : retryAfterMs / 1000)),
    ].filter((seconds): seconds is number => seconds !== undefined && seconds > 0);
    const isTemporary = telling.status === 429 || telling.status >= 500;
    const retryAfterSeconds = waits.length === 0 || !isTemporary ? telling.retryAfterSeconds : Math.min(...waits);
    const isOwnFault = failureKindOf(telling) === "request" && !isOfOneTarget(telling);
    const story = isOwnFault ? "" : this.story();
    const message = story === "" ? telling.message : sentence(telling.message) + story;
    const isOnly = this.failures.length === 1 && this.skips.length === 0;
    const headers =
      isOnly && retryAfterSeconds === telling.retryAfterSeconds ? telling.headers : withoutWaits(telling.headers);
    return telling.with({ message, retryAfterSeconds, headers });
  }

  /**
   * What is only for now counts more than what is for good: a client must not give up on what works in some seconds. Of
   * failures the newest is told, of limits the one that ends first.
   */
  private mostTelling(): GatewayError {
    const last = this.failures.at(-1)?.error;
    if (last !== undefined && this.endsAll(last)) return last;
    const others = this.failures.filter(({ error }) => error.code !== "rate_limit_exceeded");
    const failed = others.findLast(({ error }) => error.status >= 500);
    const found = failed?.error ?? this.soonestLimit() ?? others.at(-1)?.error;
    return found ?? new GatewayError({ code: "internal_error", status: 500, message: "The model has no target." });
  }

  /** The request itself is at fault, or nobody waits for it any more. */
  private endsAll(error: GatewayError): boolean {
    const kind = failureKindOf(error);
    return !isOfOneTarget(error) && kind !== "limited" && kind !== "target" && kind !== "setup" && !isTurning(kind);
  }

  private soonestLimit(): GatewayError | undefined {
    const limits = this.failures.filter(({ error }) => error.code === "rate_limit_exceeded").map(({ error }) => error);
    if (this.refusal !== undefined) limits.push(refusalError(this.refusal));
    return limits.reduce<GatewayError | undefined>((best, error) => {
      if (best === undefined) return error;
      return (best.retryAfterSeconds ?? Infinity) <= (error.retryAfterSeconds ?? Infinity) ? best : error;
    }, undefined);
  }

  /** Nothing where one target was all there was: its own words say it. */
  private story(): string {
    const known = this.known === undefined ? "" : ` It was failing before: ${this.known}.`;
    const isPlain = new Set([...this.failures, ...this.skips].map(({ target }) => target)).size < 2;
    const last = this.failures.at(-1);
    // An upstream's own words seldom say whose they are.
    const isQuoted = last?.error.details?.["upstreamStatus"] !== undefined;
    if (isPlain) return isQuoted ? ` Tried: ${failureText(last)}.${known}` : known;
    const tried = this.failures.length === 0 ? "" : ` Tried in order: ${listed(this.failures.map(failureText))}.`;
    const skipped = listed(this.skips.map(({ target, why }) => `${nameOf(target)} (${why})`));
    return tried + known + (skipped === "" ? "" : ` Not tried: ${skipped}.`);
  }
}
